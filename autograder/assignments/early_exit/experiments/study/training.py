"""Trains one run, and goes on where it was stopped.

Fast by four means that leave the loss curve as it is (`speed.py` holds it against the plain loop on a CPU): channels
last, bfloat16 convolutions with float32 weights and losses, one fused Adam, and batches cut out of one tensor. Whatever
is measured afterwards is computed in float32. Where there is an NVIDIA GPU, that tensor and the network are on it.

A seed decides the first weights and the order of the images, both drawn on the CPU. On a CPU it repeats a run to the
bit. A GPU adds up in no fixed order, so that the same seed gives nearly the same run there.

References:
    [1] Teerapittayanon et al. 2016, "BranchyNet", section III.A (joint loss) and V (weights, warm start)
    [2] Kubaty et al. 2024, "How to Train Your Multi-Exit Model?", https://arxiv.org/abs/2407.14320 (mixed)
    [3] Li et al. 2019, "Improved Techniques for Training Adaptive Deep Networks",
        https://arxiv.org/abs/1908.06294, section 3.3 (the last exit teaches the others)
"""

import fcntl
import json
import math
import os
import platform
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.data import ImageSet, Splits, load_data
from course_lib.environment import seed_everything
from course_lib.model import EarlyExitResNet18
from course_lib.profiles import Profile
from study.runs import DATASETS, KEPT, RECIPES, SHORT, SMALL, Phase, Run

TEMPERATURE = 2.0  # softens the teacher's answer, after [3]
SAVED_EVERY_S = 60.0
EVALUATED = 250  # images at a time


def device() -> torch.device:
    """Where the study trains: on the NVIDIA GPU if there is one, else on the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def train(
    run: Run, *, folder: Path = KEPT, stop_after: int | None = None, until: float = math.inf
) -> dict[str, Any] | None:
    """Train a run to its end and keep its weights, its logits and its record; a finished one is only read.

    Args:
        run: What to train. Where it starts from another run's weights, that one is trained first.
        folder: Where everything is kept.
        stop_after: Stop after so many steps in all, with the state kept, as if interrupted.
        until: Stop at that time, seconds since the epoch as `time.time` tells them, likewise.

    Returns:
        The record, or None if it was stopped.

    Raises:
        ValueError: What is kept under the run's name was trained with other settings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / f"{run.name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a warm start may want the very run that another process is at
        return _train(run, folder, stop_after, until)


def _train(run: Run, folder: Path, stop_after: int | None, until: float) -> dict[str, Any] | None:
    record_file = folder / f"{run.name}.json"
    if record_file.is_file():
        record = json.loads(record_file.read_text())
        if any(record[name] != value for name, value in vars(run).items()):
            raise ValueError(f"{record_file} was trained with other settings. Move it away, and what lies next to it.")
        return record
    if time.time() > until:
        return None
    if run.starts_from is not None and train(run.starts_from, folder=folder, until=until) is None:
        return None
    splits = load(run)
    trainer = Trainer(run, splits, folder)
    if not trainer.finish(stop_after, until):
        return None
    logits = {
        split: exit_logits(trainer.model, getattr(splits, split), plain=run.is_plain)
        for split in ("validation", "test")
    }
    weights = {name: value.contiguous() for name, value in trainer.model.state_dict().items()}
    save_file(weights, folder / f"{run.name}.safetensors")
    save_file(
        logits | {f"{split}_labels": getattr(splits, split).labels for split in logits},
        folder / f"{run.name}.logits.safetensors",
    )
    record = vars(run) | {
        "losses": _thinned(trainer.losses),
        "accuracies": {
            split: [round(_accuracy(of_exit, getattr(splits, split)), 5) for of_exit in values]
            for split, values in logits.items()
        },
        **trainer.spent(),
    }
    fresh = record_file.with_suffix(".new")
    fresh.write_text(json.dumps(record) + "\n")
    os.replace(fresh, record_file)
    trainer.state_file.unlink(missing_ok=True)
    return record


class Trainer:
    """One training under way: the network, where it is, and what it has cost.

    Attributes:
        cost_s: Processor seconds on a CPU; on a GPU, which leaves the processor idle, seconds by the clock.
    """

    def __init__(self, run: Run, splits: Splits, folder: Path, *, on: torch.device | None = None) -> None:
        self.run, self.device = run, on or device()
        self.images, self.labels = splits.train.images.to(self.device), splits.train.labels.to(self.device)
        self.state_file = folder / f"{run.name}.pt"
        seed_everything(run.seed)
        model = EarlyExitResNet18(num_classes=splits.num_classes, width=run.width)
        if run.starts_from is not None:
            model.load_state_dict(load_file(folder / f"{run.starts_from.name}.safetensors"))
        # oneDNN's bfloat16 wants channels in eights; narrower networks gain nothing by it, and at width 4 it crashes.
        self.fast = run.width % 8 == 0
        model = model.to(self.device)
        self.model = model.to(memory_format=torch.channels_last) if self.fast else model
        self.steps_an_epoch = -(-len(self.labels) // run.batch)
        self.step, self.cost_s = 0, 0.0
        self.losses: list[Any] = []  # floats, and tensors that a GPU may still work at
        self.phase = -1
        self.order = (-1, torch.empty(0))  # an epoch, and the images in its order
        if self.device.type == "cuda":
            torch.backends.cudnn.benchmark = True  # all batches but an epoch's last are of one size
            torch.backends.cudnn.allow_tf32 = False  # what is measured afterwards is computed in float32
        if self.state_file.is_file():
            self._resume()

    @property
    def phases(self) -> tuple[Phase, ...]:
        return RECIPES[self.run.recipe].phases

    def steps_of(self, phase: Phase) -> int:
        return round(phase.share * self.run.epochs * self.steps_an_epoch)

    def finish(self, stop_after: int | None = None, until: float = math.inf) -> bool:
        """Take every step that is left; False if it was stopped before."""
        clock = time.process_time if self.device.type == "cpu" else time.perf_counter
        saved = time.monotonic()
        begin = clock()
        self.model.train()
        while self._enter_phase():
            self.losses.append(self._one_step(self._batch(self.step)))
            self.step += 1
            stopped = self.step == stop_after or time.time() > until
            if stopped or time.monotonic() - saved > SAVED_EVERY_S:
                self._read_losses()
                now = clock()
                self.cost_s, begin = self.cost_s + now - begin, now
                self._save()
                saved = time.monotonic()
                print(f"{self.run.name}: step {self.step}, loss {self.losses[-1]:.3f}", flush=True)
                if stopped:
                    return False
        self._read_losses()
        self.cost_s += clock() - begin
        return True

    def spent(self) -> dict[str, Any]:
        """The part of the record that depends on where the run was trained."""
        if self.device.type == "cpu":
            return {"cpu_s": round(self.cost_s), "machine": machine()}
        precision = "bfloat16 autocast, channels last" if self.fast else "float32"
        return {"seconds": round(self.cost_s, 1), "machine": machine(self.device) | {"precision": precision}}

    def _read_losses(self) -> None:
        """Wait for the losses that a GPU still works at; to ask after every step would leave it idle in between."""
        self.losses = [float(loss) for loss in self.losses]

    def _enter_phase(self) -> bool:
        """Make a new optimizer and schedule where a phase begins; False after the last one."""
        ends, end = [], 0
        for phase in self.phases:
            end += self.steps_of(phase)
            ends.append(end)
        if self.step >= ends[-1]:
            return False
        current = next(index for index, end in enumerate(ends) if self.step < end)
        if current != self.phase:
            self.phase = current
            self._begin_phase()
        return True

    def _begin_phase(self) -> None:
        self.optimizer = torch.optim.Adam(self.model.parameters(), fused=True)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, max_lr=self.run.peak, total_steps=self.steps_of(self.phases[self.phase])
        )

    def _batch(self, step: int) -> tuple[Tensor, Tensor]:
        """The images and labels of one step, drawn from (seed, epoch) alone."""
        epoch, place = divmod(step, self.steps_an_epoch)
        if epoch != self.order[0]:
            generator = torch.Generator().manual_seed(1_000 * self.run.seed + epoch)
            self.order = epoch, torch.randperm(len(self.labels), generator=generator).to(self.device)
        chosen = self.order[1][place * self.run.batch : (place + 1) * self.run.batch]
        images = self.images[chosen]
        return images.contiguous(memory_format=torch.channels_last) if self.fast else images, self.labels[chosen]

    def _one_step(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """The loss, float32, `()`."""
        phase = self.phases[self.phase]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.fast):
            outputs = forward(self.model, batch[0], plain=not any(phase.weights[:-1]))
        loss = joint_loss(outputs, batch[1], phase)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        return loss.detach()

    def _save(self) -> None:
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "step": self.step,
            "phase": self.phase,
            "losses": self.losses,
            "cost_s": self.cost_s,
            "run": vars(self.run),
            "device": self.device.type,
        }
        fresh = self.state_file.with_suffix(".pt.new")
        torch.save(state, fresh)
        os.replace(fresh, self.state_file)  # a run killed while it saves keeps its last state

    def _resume(self) -> None:
        state = torch.load(self.state_file, weights_only=True, map_location=self.device)
        if state["run"] != vars(self.run):
            raise ValueError(f"{self.state_file} is of a training with other settings. Move it away.")
        if state["device"] != self.device.type:
            raise ValueError(
                f"{self.state_file} is of a training on a {state['device']} device, and this machine trains on "
                f"{self.device.type}. Go on where it began, or move it away."
            )
        self.model.load_state_dict(state["model"])
        self.step, self.phase = state["step"], state["phase"]
        self.losses, self.cost_s = state["losses"], state["cost_s"]
        self._begin_phase()
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])


def forward(model: nn.Module, images: Tensor, *, plain: bool) -> list[Tensor]:
    """The logits of every exit, or of the last one alone."""
    return [model(images, 0.0, early_exit=False)] if plain else model.early_train(images)


def joint_loss(outputs: list[Tensor], labels: Tensor, phase: Phase) -> Tensor:
    """The weighted sum of cross entropies, [1]; where a phase distils, of divergences from the last exit too, [3]."""
    outputs = [logits.float() for logits in outputs]
    weights = phase.weights[-len(outputs) :]
    loss = sum(weight * F.cross_entropy(logits, labels) for weight, logits in zip(weights, outputs, strict=True))
    if phase.distilled:
        teacher = (outputs[-1].detach() / TEMPERATURE).log_softmax(dim=1)
        for logits in outputs[:-1]:
            student = (logits / TEMPERATURE).log_softmax(dim=1)
            divergence = F.kl_div(student, teacher, reduction="batchmean", log_target=True)
            loss = loss + phase.distilled * TEMPERATURE**2 * divergence
    return loss


def exit_logits(model: nn.Module, data: ImageSet, *, plain: bool) -> Tensor:
    """Logits of every exit on every image, float32, `(exits, N, C)`, the last exit's alone for a plain network.

    Computed where the network is, and kept on the CPU.
    """
    model.eval()
    there = next(model.parameters()).device
    with torch.no_grad():
        parts = [
            torch.stack(forward(model, part.to(there), plain=plain)).cpu() for part in data.images.split(EVALUATED)
        ]
    return torch.cat(parts, dim=1)


def load(run: Run, *, download: bool = False) -> Splits:
    """The run's images: `shapes` 6,000 for validation and 6,000 for test, Fashion-MNIST 6,000 and 10,000.

    Raises:
        FileNotFoundError: Fashion-MNIST is not on this machine, and could not be downloaded or was not to be.
    """
    return _splits(run.dataset, run.images, download and run.dataset == "fashion-mnist")


@lru_cache(maxsize=len(DATASETS))
def _splits(dataset: str, images: int, download: bool) -> Splits:
    """As `load`; a process that trains several runs draws or reads their images once."""
    sizes = {"shapes": (6_000, 6_000), "fashion-mnist": (6_000, 10_000)}[dataset]
    profile = Profile("study", SMALL, images, *sizes, SHORT, EVALUATED, EVALUATED)  # of which the sizes matter here
    return load_data(dataset, profile, download=download)


def machine(on: torch.device | None = None) -> dict[str, Any]:
    """Where a run was made; of a GPU, if it was made there, the name too."""
    processor = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").is_file():
        names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
        processor = names[0].partition(":")[2].strip() if names else processor
    return {
        "processor": processor,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    } | ({"gpu": torch.cuda.get_device_name(on)} if on is not None and on.type == "cuda" else {})


def _accuracy(logits: Tensor, data: ImageSet) -> float:
    return (logits.argmax(dim=1) == data.labels).double().mean().item()


def _thinned(losses: list[float], places: int = 100) -> list[float]:
    """Means of about a hundred equal parts of the training."""
    return [round(part.mean().item(), 4) for part in torch.tensor(losses).tensor_split(min(places, len(losses)))]
