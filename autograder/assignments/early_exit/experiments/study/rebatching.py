"""Leaving early in full batches: those who go on wait before the next stage until they are a batch again.

Compaction runs a stage on what is left of one batch. A GPU takes nearly as long for half of a small batch as for all
of it. Here those left of several batches wait before the stage. So every stage runs on batches of one size, but for the
last ones of a stream. What that costs is a delay, counted in batches that came in meanwhile; compaction has none.

Before the host can tell whether a batch is full, it has to read how many images go on. A GPU would be idle while the
host asks. So the host may stay behind: it launches the next batch first, and then reads how the last one fared.

Shape letters: B images in a batch, N in a stream, n in a group that leaves together, C classes.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Passed(NamedTuple):
    """What one stage makes of a batch.

    Attributes:
        features: `(B, channels, side, side)`, what the next stage takes, in the network's precision.
        logits: `(B, C)` float32, those of the exit after the stage.
        order: `(B,)` int64, the rows of the batch, those that go on first.
        going_on: `()` int64, how many go on.
    """

    features: Tensor
    logits: Tensor
    order: Tensor
    going_on: Tensor


Part = Callable[[Tensor], Passed]


def parts_of(model: nn.Module, tolerance: float) -> list[Part]:
    """The network cut after each exit; an image goes on unless its entropy is strictly below the tolerance, in nats."""

    def passed(index: int, x: Tensor) -> Passed:
        x = model.stages[index](model.stem(x) if index == 0 else x)
        logits = model.heads[index](x)
        if index == len(model.stages) - 1:
            nobody = torch.zeros((), dtype=torch.int64, device=x.device)
            return Passed(x, logits, torch.arange(len(x), device=x.device), nobody)
        log_p = logits.log_softmax(dim=1)
        entropies = -(log_p.exp() * log_p).sum(dim=1)
        return Passed(x, logits, entropies.argsort(descending=True), (~(entropies < tolerance)).sum())

    return [lambda x, index=index: passed(index, x) for index in range(len(model.stages))]


class Answered(NamedTuple):
    """Images that left together.

    Attributes:
        places: `(n,)` int64, their places in the stream.
        logits: `(n, C)` float32.
        exit: The exit that they took.
        came: Batches that had come in by then.
    """

    places: Tensor
    logits: Tensor
    exit: int
    came: int


class Rebatching:
    """One stream of images on its way through the network.

    Args:
        parts: The stages with their exits, as `parts_of` makes them.
        batch: B. What is fed has that many images; only the last may have fewer.
        behind: Batches that may be on their way while the host has not read how they fared: 0 on a CPU, 1 on a GPU.
    """

    def __init__(self, parts: Sequence[Part], batch: int, *, behind: int = 0) -> None:
        self.parts, self.batch, self.behind = parts, batch, behind
        self.came = self.fed = 0  # batches, images
        self.waiting: dict[int, tuple[Tensor, Tensor]] = {}  # stage: features and places
        self.on_the_way: deque[tuple[int, Passed, Tensor, Callable[[], int]]] = deque()
        self.answered: list[Answered] = []

    def feed(self, images: Tensor) -> None:
        """Take the next batch of the stream, `(B, 3, 32, 32)`."""
        places = torch.arange(self.fed, self.fed + len(images), device=images.device)
        self.came, self.fed = self.came + 1, self.fed + len(images)
        self._launch(0, images, places)
        self._settle(self.behind)

    def finish(self) -> tuple[Tensor, Tensor]:
        """The stream is over, and nobody waits any longer.

        Returns:
            Logits `(N, C)` float32 and exits `(N,)` int64, in the order of the stream.
        """
        for stage in range(len(self.parts)):
            self._settle(0)
            if stage in self.waiting:
                self._launch(stage, *self.waiting.pop(stage))
        self._settle(0)
        places = torch.cat([one.places for one in self.answered])
        exits = torch.cat([torch.full_like(one.places, one.exit) for one in self.answered])
        back = places.argsort()
        return torch.cat([one.logits for one in self.answered])[back], exits[back]

    def delays(self) -> Tensor:
        """How many batches came in while each image waited, `(N,)` int64, in the order of the stream.

        Counts those who have left: call it after `finish`.
        """
        places = torch.cat([one.places for one in self.answered])
        waited = torch.cat([one.came - 1 - one.places // self.batch for one in self.answered])
        return waited[places.argsort()]

    def _launch(self, stage: int, x: Tensor, places: Tensor) -> None:
        passed = self.parts[stage](x)
        self.on_the_way.append((stage, passed, places, _on_host(passed.going_on)))

    def _settle(self, behind: int) -> None:
        """Part those who leave from those who go on, until so many batches are unread."""
        while len(self.on_the_way) > behind:
            stage, passed, places, going_on = self.on_the_way.popleft()
            on, out = passed.order.tensor_split([going_on()])
            self.answered.append(Answered(places[out], passed.logits[out], stage, self.came))
            if len(on):
                self._wait(stage + 1, passed.features[on], places[on])

    def _wait(self, stage: int, features: Tensor, places: Tensor) -> None:
        if stage in self.waiting:
            before = self.waiting.pop(stage)
            features, places = torch.cat((before[0], features)), torch.cat((before[1], places))
        if len(places) >= self.batch:
            self._launch(stage, features[: self.batch], places[: self.batch])
            features, places = features[self.batch :], places[self.batch :]
        if len(places):
            self.waiting[stage] = features, places


def _on_host(number: Tensor) -> Callable[[], int]:
    """Send for a number; the call that it gives waits for this number alone, not for all that was launched since."""
    if number.device.type != "cuda":
        return lambda: int(number)
    here = torch.empty((), dtype=number.dtype, pin_memory=True)
    here.copy_(number, non_blocking=True)
    arrived = torch.cuda.Event()
    arrived.record()

    def read() -> int:
        arrived.synchronize()
        return int(here)

    return read
