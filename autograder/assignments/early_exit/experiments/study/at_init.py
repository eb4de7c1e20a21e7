"""The loss of a network that has learnt nothing yet, as a share of a pure guess's: the band that the lesson names."""

import json
import math

import torch
from torch.nn import functional as F

from course_lib.data.shapes import draw_split
from course_lib.environment import seed_everything
from course_lib.model import EarlyExitResNet18
from study.runs import RESULTS

WIDTHS, SEEDS, IMAGES = (8, 16, 32, 64), range(10), 128


def shares() -> list[float]:
    """Cross entropy of fresh plain networks in train mode on one batch of test images, over ln 6."""
    data = draw_split("test", IMAGES)
    found = []
    for width in WIDTHS:
        for seed in SEEDS:
            seed_everything(seed)
            model = EarlyExitResNet18(width=width)
            with torch.no_grad():
                loss = F.cross_entropy(model(data.images, 0.0, early_exit=False), data.labels)
            found.append(loss.item() / math.log(6))
    return found


def main() -> None:
    """Keep the lowest and the highest."""
    found = shares()
    RESULTS.mkdir(parents=True, exist_ok=True)
    result = {"networks": len(found), "widths": WIDTHS, "low": min(found), "high": max(found)}
    (RESULTS / "at_init.json").write_text(json.dumps(result) + "\n")
    print(result)
