"""The stored results, read back: the records of a recipe, and what they reached seed by seed.

Knows nothing of tables and pictures.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from study.runs import RESULTS, SEEDS, SHORT, SMALL, Run

Summary = dict[str, dict[str, Any]]


def stored(name: str, folder: Path = RESULTS) -> Any:
    """One of the result files."""
    return json.loads((folder / f"{name}.json").read_text())


def stored_if_any(name: str, folder: Path = RESULTS) -> Any:
    """One of the result files that need a machine of their own; empty where nobody has made it yet."""
    return stored(name, folder) if (folder / f"{name}.json").is_file() else {}


def runs_of(
    summary: Summary, dataset: str, recipe: str, width: int = SMALL, epochs: int = SHORT
) -> list[dict[str, Any]]:
    """The records of one recipe, seed by seed."""
    names = [Run(dataset, recipe, seed, width, epochs=epochs).name for seed in SEEDS]
    return [summary[name] for name in names if name in summary]


def ratios(records: Sequence[dict[str, Any]], rule: str, key: str = "mac_ratio", against: str = "plain") -> list[float]:
    """MAC ratios at the chosen settings; 1 if no setting reached the target: the plain network stays then."""
    chosen = [record["rules"][rule]["chosen"][against] for record in records]
    return [1.0 if one is None else one[key] for one in chosen]


def drops(records: Sequence[dict[str, Any]], rule: str, against: str = "plain") -> list[float]:
    """Test accuracy given up at the chosen settings, of the seeds that have one."""
    chosen = [record["rules"][rule]["chosen"][against] for record in records]
    return [one["drop"] for one in chosen if one is not None]


def per_sample_gain(records: Sequence[dict[str, Any]]) -> list[float]:
    """Accuracy at half the MACs by entropy, each image for itself less the batch mean, seed by seed."""
    return [one["rules"]["entropy"]["at_half"] - one["rules"]["batch mean"]["at_half"] for one in records]
