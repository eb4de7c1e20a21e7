"""Training on a CPU: the study's loop against the notebook's plain one, per step and by loss curve, paired.

Both train the same network from the same seed on the same images in the same order, one step of each in turn.
"""

import json
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from course_lib.data import ImageSet, Splits, make_loader
from course_lib.environment import seed_everything
from course_lib.model import EarlyExitResNet18
from study.runs import KEPT, RECIPES, RESULTS, Run
from study.training import Trainer, joint_loss, load, machine

SMOOTHED = 0.95  # of the exponential mean that the curves are compared by
COMPARED = 100  # steps: fewer tell a speed, and nothing of a curve


class PlainLoop:
    """The notebook's loop: float32, channels first, batches from a DataLoader, the default Adam."""

    def __init__(self, run: Run, splits: Splits, steps: int) -> None:
        seed_everything(run.seed)
        self.phase = RECIPES[run.recipe].phases[0]
        self.model = EarlyExitResNet18(num_classes=splits.num_classes, width=run.width).train()
        self.optimizer = torch.optim.Adam(self.model.parameters())
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(self.optimizer, max_lr=run.peak, total_steps=steps)

    def step(self, images: torch.Tensor, labels: torch.Tensor) -> float:
        outputs = self.model.early_train(images)
        loss = joint_loss(outputs, labels, self.phase)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        return loss.item()


def compare(run: Run, steps: int, folder: Path = KEPT) -> dict[str, Any]:
    """Train `steps` steps both ways, in turn; the ratio of their times and the gap of their curves.

    Returns:
        `speed_up`, the median over steps of plain over fast seconds; `gap`, the largest distance of the smoothed
        curves after the first tenth, as a share of the plain one; and for its scale `other_order`, the same between
        two plain loops that see the images in another order. Both None over fewer steps than COMPARED.
    """
    splits = load(run)
    cut = replace(splits, train=splits.train.first(steps * run.batch))
    one_epoch = replace(run, images=steps * run.batch, epochs=1)
    fast = Trainer(one_epoch, cut, folder / "nowhere", on=torch.device("cpu"))
    fast._enter_phase()
    fast.model.train()
    plain, shuffled = PlainLoop(one_epoch, cut, steps), PlainLoop(one_epoch, cut, steps)
    order = torch.randperm(len(cut.train), generator=torch.Generator().manual_seed(1_000 * run.seed))
    in_order = ImageSet(cut.train.images[order], cut.train.labels[order])
    other = iter(make_loader(cut.train, run.batch, shuffle=True, seed=99))
    curves: dict[str, list[float]] = {"plain": [], "fast": [], "other": []}
    ratios = []
    loader = iter(make_loader(in_order, run.batch))
    for step in range(steps):
        begin = time.perf_counter()
        curves["plain"].append(plain.step(*next(loader)))
        middle = time.perf_counter()
        curves["fast"].append(float(fast._one_step(fast._batch(step))))
        ratios.append((middle - begin) / (time.perf_counter() - middle))
        curves["other"].append(shuffled.step(*next(other)))
    smooth = {name: _smooth(losses)[steps // 10 :] for name, losses in curves.items()}
    return {
        "run": run.name,
        "batch": run.batch,
        "steps": steps,
        "speed_up": round(statistics.median(ratios[1:]), 2),
        "quartiles": [round(value, 2) for value in statistics.quantiles(ratios[1:], n=4)[::2]],
        "gap": round(_gap(smooth["fast"], smooth["plain"]), 4) if steps >= COMPARED else None,
        "other_order": round(_gap(smooth["other"], smooth["plain"]), 4) if steps >= COMPARED else None,
        "losses": {
            name: [round(value, 4) for value in values[:: max(1, steps // 100)]] for name, values in smooth.items()
        },
    }


def measure(runs: dict[Run, int]) -> None:
    """Compare each run over so many steps and keep the table."""
    torch.set_num_threads(1)  # as the study trains
    rows = [compare(run, steps) for run, steps in runs.items()]
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "speed.json").write_text(json.dumps({"rows": rows, "machine": machine()}) + "\n")
    for row in rows:
        print({name: value for name, value in row.items() if name != "losses"}, flush=True)


def _smooth(losses: list[float]) -> list[float]:
    """The exponential mean, without the weight that the first loss would keep for a hundred steps."""
    values, mean = [], 0.0
    for step, loss in enumerate(losses, start=1):
        mean = SMOOTHED * mean + (1 - SMOOTHED) * loss
        values.append(mean / (1 - SMOOTHED**step))
    return values


def _gap(some: list[float], others: list[float]) -> float:
    return max(abs(a - b) / b for a, b in zip(some, others, strict=True))
