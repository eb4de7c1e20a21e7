"""Rebatching answers as compaction does, whoever waits for whom, and says how long they waited."""

import pytest
import torch
from torch import Tensor

from course_lib.model import EarlyExitResNet18
from study import graphs, throughput
from study.clock import lesson_function
from study.rebatching import Passed, Rebatching, parts_of

IMAGES = 150


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.rand(IMAGES, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def tolerance(model: EarlyExitResNet18, images: Tensor) -> float:
    """Amid the entropies, in the widest gap there, so that no image is within rounding of it."""
    with torch.no_grad():
        logits = torch.stack(model.early_train(images)[:-1])
    entropies = torch.distributions.Categorical(logits=logits).entropy().flatten().sort().values
    amid = entropies[len(entropies) // 3 : -len(entropies) // 3]
    widest = amid.diff().argmax()
    return ((amid[widest] + amid[widest + 1]) / 2).item()


def rebatched(model: EarlyExitResNet18, images: Tensor, tolerance: float, batch: int, behind: int) -> Rebatching:
    through = Rebatching(parts_of(model, tolerance), batch, behind=behind)
    for part in images.split(batch):
        through.feed(part)
    return through


@pytest.mark.parametrize("behind", [0, 1])
@pytest.mark.parametrize("batch", [7, 50, *(pytest.param(size, marks=pytest.mark.slow) for size in (1, 32, 200))])
@pytest.mark.parametrize("count", [1, 49, IMAGES])
def test_every_image_is_answered_as_by_compaction(model, images, tolerance, batch, count, behind) -> None:
    images = images[:count]
    expected, expected_exits = lesson_function("predict_with_compaction")(model, images, tolerance)
    with torch.no_grad():
        logits, exits = rebatched(model, images, tolerance, batch, behind).finish()

    assert exits.tolist() == expected_exits.tolist()
    assert logits.argmax(dim=1).tolist() == expected.argmax(dim=1).tolist()
    assert torch.allclose(logits, expected, atol=1e-4)
    assert count < IMAGES or len(exits.unique()) > 1


def test_every_stage_runs_on_full_batches_until_the_stream_is_over(model, images, tolerance) -> None:
    sizes: list[list[int]] = [[], [], [], []]

    def seen(stage: int, x: Tensor, part) -> Passed:
        sizes[stage].append(len(x))
        return part(x)

    parts = [lambda x, k=k, part=part: seen(k, x, part) for k, part in enumerate(parts_of(model, tolerance))]
    through = Rebatching(parts, 30)
    with torch.no_grad():
        for part in images.split(30):
            through.feed(part)
        assert {size for of_stage in sizes for size in of_stage} == {30}
        through.finish()
    assert sizes[0] == [30] * 5 and all(len(of_stage) <= 5 for of_stage in sizes)


def scripted(leaves: list[int]) -> list:
    """Stages of a network by whose word image i leaves at exit leaves[i]; an image is its own number."""

    def part(stage: int, x: Tensor) -> Passed:
        on = torch.tensor([leaves[int(i)] > stage for i in x], dtype=torch.bool)
        return Passed(x, x[:, None].float(), on.long().argsort(descending=True, stable=True), on.sum())

    return [lambda x, k=k: part(k, x) for k in range(4)]


def test_a_delay_is_the_number_of_batches_that_came_in_meanwhile() -> None:
    #         batch 0     1     2     3
    leaves = [0, 1, 0, 0, 2, 0, 0, 0]
    through = Rebatching(scripted(leaves), 2)
    for batch in torch.arange(8).split(2):
        through.feed(batch)
    logits, exits = through.finish()

    assert logits[:, 0].tolist() == list(range(8)) and exits.tolist() == leaves
    # Image 1 waits for image 4, which comes two batches later, and image 4 for the end of the stream.
    assert through.delays().tolist() == [0, 2, 0, 0, 1, 0, 0, 0]


def test_a_host_that_is_behind_adds_a_batch_to_the_delay() -> None:
    through = Rebatching(scripted([0] * 6), 2, behind=1)
    for batch in torch.arange(6).split(2):
        through.feed(batch)
    through.finish()
    assert through.delays().tolist() == [1, 1, 1, 1, 0, 0]


def test_recorded_stages_are_read_before_they_are_overwritten(model, images, tolerance, monkeypatch) -> None:
    class Recording:
        """A CUDA graph on the CPU: computes what it was recorded for in place."""

        def __init__(self, call, taken: Tensor) -> None:
            self.call, self.taken, self.made = call, taken, call(taken)

        def replay(self) -> None:
            for kept, fresh in zip(self.made, self.call(self.taken), strict=True):
                kept.copy_(fresh)

    def record(call, example: Tensor) -> tuple[Recording, Tensor, Passed]:
        recording = Recording(call, example.clone())
        return recording, recording.taken, recording.made

    monkeypatch.setattr(graphs, "_record", record)
    parts, features = parts_of(model, tolerance), images[:16]
    with torch.no_grad():
        for index, part in enumerate(parts):
            parts[index], features = graphs.captured(part, features), part(features).features
        through = Rebatching(parts, 16, behind=1)
        for part in images.split(16):
            through.feed(part)
        _, exits = through.finish()
    assert exits.tolist() == lesson_function("predict_with_compaction")(model, images, tolerance)[1].tolist()


def test_the_ways_that_are_timed_answer_alike(model, images, tolerance, monkeypatch) -> None:
    monkeypatch.setattr(throughput, "TURNS", 1)
    rows = throughput.compare(model, images.split(40), tolerance, (25, 50, 75, 100))
    of_way = {row["way"]: row for row in rows}

    assert of_way["plain"]["left"] == [0, 0, 0, 1] and of_way["plain"]["speed_up"] == 1
    assert of_way["rebatching"]["left"] == of_way["compaction"]["left"]
    assert of_way["rebatching"]["delay"]["max"] >= of_way["rebatching"]["delay"]["mean"] > 0
    assert set(of_way["rebatching"]["allowed"]) == {"stages", "exits"}


def test_what_the_stages_allow_follows_from_their_seconds(model, images, tolerance, monkeypatch) -> None:
    monkeypatch.setattr(throughput, "TURNS", 1)
    # Every stage takes a second, and an exit another: an image to the end needs four, of the stages alone.
    monkeypatch.setattr(throughput, "_seconds_of_part", lambda part, x: 2 if isinstance(part(x), Passed) else 1)
    table = (25, 50, 75, 100)
    (row,) = (
        row for row in throughput.compare(model, images.split(40), tolerance, table) if row["way"] == "rebatching"
    )
    assert row["allowed"] == {"stages": pytest.approx(1, abs=1e-3), "exits": pytest.approx(0.5, abs=1e-3)}


def test_folding_leaves_the_answers_of_every_exit_as_they_are(model, images) -> None:
    stored = images.contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        got, expected = throughput.folded(model).early_train(stored), model.early_train(images)
    assert all(torch.allclose(one, other, atol=1e-4) for one, other in zip(got, expected, strict=True))


def test_half_precision_leaves_the_answers_nearly_as_they_are(model, images, tolerance) -> None:
    half = throughput.in_bfloat16(model)
    with torch.no_grad():
        got = half(images.bfloat16().contiguous(memory_format=torch.channels_last), 0.0, early_exit=False)
        expected = model(images, 0.0, early_exit=False)
    assert got.dtype == torch.float32
    assert torch.allclose(got, expected, atol=0.05)
