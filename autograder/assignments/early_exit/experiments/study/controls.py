"""Does the exit that an image takes say how difficult it is? Two measures that know nothing of exits.

- Prediction depth [1]: from which stage on k-nearest-neighbour probes agree with the network's answer.
- The factors that `shapes` drew the image with.

Both are held against the exit index by rank correlation, on the test images.

References:
    [1] Baldock et al. 2021, https://arxiv.org/abs/2106.09647, section 2.1
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file

from course_lib.probes import knn_predictions, prediction_depth
from study import policies
from study.clock import trained
from study.runs import KEPT, RESULTS, Run
from study.training import load

KNOWN, ASKED = 3_000, 3_000  # images the probes vote among, and images they vote on


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 0, ties sharing their mean."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = counts.cumsum() - 1
    return (last - (counts - 1) / 2)[inverse]


def rank_correlation(some: np.ndarray, others: np.ndarray) -> float:
    """Spearman's: Pearson's correlation of the ranks, in [-1, 1]."""
    return float(np.corrcoef(ranks(some), ranks(others))[0, 1])


def hardness(name: str, values: np.ndarray) -> np.ndarray:
    """A factor turned so that more is harder."""
    return -values if name in ("size", "contrast") else np.abs(values)


def measured(run: Run, tolerance: float, folder: Path = KEPT) -> dict[str, Any]:
    """One run's images by the exit they take under an entropy tolerance."""
    splits = load(run)
    logits = load_file(folder / f"{run.name}.logits.safetensors")["test"][:, :ASKED]
    scores = policies.entropy(policies.probabilities(logits[:-1]))
    exits = policies.exits_taken(scores < tolerance)
    asked = splits.test.first(ASKED)
    votes = knn_predictions(trained(run, folder), asked.images, splits.train.first(KNOWN))
    depth = prediction_depth(votes, torch.from_numpy(logits[-1].argmax(axis=-1))).numpy()
    answers = np.take_along_axis(logits.argmax(axis=-1), exits[None], axis=0)[0]
    right = answers == asked.labels.numpy()
    factors = {name: hardness(name, values[:ASKED]) for name, values in splits.test.factors.items()}
    of_exit = [exits == k for k in range(len(logits))]
    return {
        "tolerance": tolerance,
        "images": [int(here.sum()) for here in of_exit],
        "accuracy": [round(float(right[here].mean()), 4) if here.any() else None for here in of_exit],
        "depth": [round(float(depth[here].mean()), 4) if here.any() else None for here in of_exit],
        "probes": [round(float((vote == asked.labels).double().mean()), 4) for vote in votes],
        "depth_and_exit": round(rank_correlation(depth, exits), 4),
        "factors_and_exit": {name: round(rank_correlation(values, exits), 4) for name, values in factors.items()},
        "factors_and_depth": {name: round(rank_correlation(values, depth), 4) for name, values in factors.items()},
    }


def measure(runs: list[Run], tolerances: dict[str, float], folder: Path = KEPT) -> None:
    """Measure every run and keep the table."""
    torch.set_num_threads(1)
    result = {run.name: measured(run, tolerances[run.name], folder) for run in runs}
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "controls.json").write_text(json.dumps(result, indent=1) + "\n")
