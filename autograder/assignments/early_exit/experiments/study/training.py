"""Trains one run, and goes on where it was stopped.

Fast on a CPU, by four means that leave the loss curve as it is (`speed.py` holds it against the plain loop): channels
last, bfloat16 convolutions with float32 weights and losses, one fused Adam, and batches cut out of one tensor. Whatever
is measured afterwards is computed in float32.

References:
    [1] Teerapittayanon et al. 2016, "BranchyNet", section III.A (joint loss) and V (weights, warm start)
    [2] Kubaty et al. 2024, "How to Train Your Multi-Exit Model?", https://arxiv.org/abs/2407.14320 (mixed)
    [3] Li et al. 2019, "Improved Techniques for Training Adaptive Deep Networks",
        https://arxiv.org/abs/1908.06294, section 3.3 (the last exit teaches the others)
"""

import fcntl
import json
import os
import platform
import time
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
from study.runs import KEPT, RECIPES, Phase, Run

TEMPERATURE = 2.0  # softens the teacher's answer, after [3]
SAVED_EVERY_S = 60.0
EVALUATED = 250  # images at a time


def train(run: Run, *, folder: Path = KEPT, stop_after: int | None = None) -> dict[str, Any] | None:
    """Train a run to its end and keep its weights, its logits and its record; a finished one is only read.

    Args:
        run: What to train. Where it starts from another run's weights, that one is trained first.
        folder: Where everything is kept.
        stop_after: Stop after so many steps in all, with the state kept, as if interrupted.

    Returns:
        The record, or None if it was stopped.

    Raises:
        ValueError: What is kept under the run's name was trained with other settings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / f"{run.name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a warm start may want the very run that another process is at
        return _train(run, folder, stop_after)


def _train(run: Run, folder: Path, stop_after: int | None) -> dict[str, Any] | None:
    record_file = folder / f"{run.name}.json"
    if record_file.is_file():
        record = json.loads(record_file.read_text())
        if any(record[name] != value for name, value in vars(run).items()):
            raise ValueError(f"{record_file} was trained with other settings. Move it away, and what lies next to it.")
        return record
    if run.starts_from is not None:
        train(run.starts_from, folder=folder)
    splits = load(run)
    trainer = Trainer(run, splits, folder)
    if not trainer.finish(stop_after):
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
        "cpu_s": round(trainer.cpu_s),
        "machine": machine(),
    }
    fresh = record_file.with_suffix(".new")
    fresh.write_text(json.dumps(record) + "\n")
    os.replace(fresh, record_file)
    trainer.state_file.unlink(missing_ok=True)
    return record


class Trainer:
    """One training under way: the network, where it is, and what it has cost."""

    def __init__(self, run: Run, splits: Splits, folder: Path) -> None:
        self.run, self.data = run, splits.train
        self.state_file = folder / f"{run.name}.pt"
        seed_everything(run.seed)
        model = EarlyExitResNet18(num_classes=splits.num_classes, width=run.width)
        if run.starts_from is not None:
            model.load_state_dict(load_file(folder / f"{run.starts_from.name}.safetensors"))
        # oneDNN's bfloat16 wants channels in eights; narrower networks gain nothing by it, and at width 4 it crashes.
        self.fast = run.width % 8 == 0
        self.model = model.to(memory_format=torch.channels_last) if self.fast else model
        self.steps_an_epoch = -(-len(self.data) // run.batch)
        self.step, self.losses, self.cpu_s = 0, [], 0.0
        self.phase = -1
        if self.state_file.is_file():
            self._resume()

    @property
    def phases(self) -> tuple[Phase, ...]:
        return RECIPES[self.run.recipe].phases

    def steps_of(self, phase: Phase) -> int:
        return round(phase.share * self.run.epochs * self.steps_an_epoch)

    def finish(self, stop_after: int | None) -> bool:
        """Take every step that is left; False if it was stopped before."""
        saved = time.monotonic()
        begin = time.process_time()
        self.model.train()
        while self._enter_phase():
            self.losses.append(self._one_step(self._batch(self.step)))
            self.step += 1
            if self.step == stop_after or time.monotonic() - saved > SAVED_EVERY_S:
                now = time.process_time()
                self.cpu_s, begin = self.cpu_s + now - begin, now
                self._save()
                saved = time.monotonic()
                print(f"{self.run.name}: step {self.step}, loss {self.losses[-1]:.3f}", flush=True)
                if self.step == stop_after:
                    return False
        self.cpu_s += time.process_time() - begin
        return True

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
        generator = torch.Generator().manual_seed(1_000 * self.run.seed + epoch)
        order = torch.randperm(len(self.data), generator=generator)
        chosen = order[place * self.run.batch : (place + 1) * self.run.batch]
        images = self.data.images[chosen]
        return images.contiguous(memory_format=torch.channels_last) if self.fast else images, self.data.labels[chosen]

    def _one_step(self, batch: tuple[Tensor, Tensor]) -> float:
        phase = self.phases[self.phase]
        with torch.autocast("cpu", torch.bfloat16, enabled=self.fast):
            outputs = forward(self.model, batch[0], plain=not any(phase.weights[:-1]))
        loss = joint_loss(outputs, batch[1], phase)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        return loss.item()

    def _save(self) -> None:
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "step": self.step,
            "phase": self.phase,
            "losses": self.losses,
            "cpu_s": self.cpu_s,
            "run": vars(self.run),
        }
        fresh = self.state_file.with_suffix(".pt.new")
        torch.save(state, fresh)
        os.replace(fresh, self.state_file)  # a run killed while it saves keeps its last state

    def _resume(self) -> None:
        state = torch.load(self.state_file, weights_only=True)
        if state["run"] != vars(self.run):
            raise ValueError(f"{self.state_file} is of a training with other settings. Move it away.")
        self.model.load_state_dict(state["model"])
        self.step, self.phase = state["step"], state["phase"]
        self.losses, self.cpu_s = state["losses"], state["cpu_s"]
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
    """Logits of every exit on every image, float32, `(exits, N, C)`, the last exit's alone for a plain network."""
    model.eval()
    with torch.no_grad():
        parts = [torch.stack(forward(model, part, plain=plain)) for part in data.images.split(EVALUATED)]
    return torch.cat(parts, dim=1)


def load(run: Run, *, download: bool = False) -> Splits:
    """The run's images: `shapes` 6,000 for validation and 6,000 for test, Fashion-MNIST 6,000 and 10,000.

    Raises:
        FileNotFoundError: Fashion-MNIST is not on this machine, and could not be downloaded or was not to be.
    """
    sizes = {"shapes": (6_000, 6_000), "fashion-mnist": (6_000, 10_000)}[run.dataset]
    profile = Profile("study", run.width, run.images, *sizes, run.epochs, run.batch, EVALUATED)
    return load_data(run.dataset, profile, download=download and run.dataset == "fashion-mnist")


def machine() -> dict[str, Any]:
    """Where a run was made."""
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
    }


def _accuracy(logits: Tensor, data: ImageSet) -> float:
    return (logits.argmax(dim=1) == data.labels).double().mean().item()


def _thinned(losses: list[float], places: int = 100) -> list[float]:
    """Means of about a hundred equal parts of the training."""
    return [round(part.mean().item(), 4) for part in torch.tensor(losses).tensor_split(min(places, len(losses)))]
