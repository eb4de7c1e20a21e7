"""Logits that the runs left -> the numbers that are published: a summary, made without a network.

A rule for leaving is a function of stored logits. So every rule is judged on the same networks, a thousand thresholds
at once. A test replays the committed logits and compares; another makes the page and README's table again.

Thresholds are chosen on validation and looked at on test once. The target is the accuracy of the plain network of the
same seed and width less half a point. The best of many settings on validation is partly luck. So a quarter of a point
of that is kept back there; the number was set before any rule was replayed.
"""

import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from course_lib.macs import exit_macs
from course_lib.model import IMAGE_SHAPE, EarlyExitResNet18
from study import policies, risk
from study.policies import Frontier
from study.runs import KEPT, RESULTS, Run, wide_runs

DROP, KEPT_BACK = 0.005, 0.0025  # of accuracy
TOLERANCES = np.concatenate(([0.0], np.geomspace(1e-5, 2.4, 999)))  # nats; ln 10 is 2.30
SHARES = np.round(np.linspace(0.25, 1.0, 31), 3)  # of the MACs, where frontiers are read off
CLASSES = {"shapes": 6, "fashion-mnist": 10}
RISK = {"n": 1_000, "epsilon": 0.01, "delta": 0.05}


@cache
def tables(run: Run) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """MACs of one image to each exit: as torchprofile counts them, and with every head evaluated on the way."""
    model = EarlyExitResNet18(num_classes=CLASSES[run.dataset], width=run.width)
    return exit_macs(model, IMAGE_SHAPE), exit_macs(model, IMAGE_SHAPE, all_heads=True)


def thresholds_of(score: str) -> np.ndarray:
    """A thousand thresholds over the range of a score."""
    return TOLERANCES if score == "entropy" else np.concatenate(([0.0], np.geomspace(1e-6, 1.0, 999)))


def frontiers(logits: np.ndarray, labels: np.ndarray) -> Iterator[tuple[str, Frontier]]:
    """Every rule but the vectors at all of its settings."""
    yield "batch mean", policies.batch_mean(logits, labels, TOLERANCES)
    for score in policies.SCORES:
        yield score, policies.per_sample(score, logits, labels, thresholds_of(score))
    yield "patience", policies.patience(logits, labels)


def replayed(run: Run, logits: dict[str, np.ndarray], baselines: dict[str, dict[str, float]]) -> dict[str, Any]:
    """The results of every rule with one jointly trained network.

    Args:
        run: The network's.
        logits: Those of validation and test, `(K, N, C)`, and the labels of both, `(N,)`.
        baselines: Validation and test accuracy of the plain networks that it is held against, "plain" among them.
    """
    table, honest = tables(run)
    on = {split: dict(frontiers(logits[split], logits[f"{split}_labels"])) for split in ("validation", "test")}
    # Vectors of thresholds: fitted on validation, and only those that are undominated there are replayed on test.
    scores = {split: policies.doubt(policies.probabilities(logits[split][:-1])) for split in on}
    right = {split: policies.right_at(logits[split], logits[f"{split}_labels"]) for split in on}
    fitted = policies.vector_frontier(scores["validation"], right["validation"], table)
    on["validation"]["vector"] = fitted
    on["test"]["vector"] = policies.by_vector(scores["test"], right["test"], fitted.settings)

    rules = {}
    for name in on["validation"]:
        validation, test = on["validation"][name], on["test"][name]
        rules[name] = {
            "frontier": [_rounded(policies.accuracy_at(test, table, share)) for share in SHARES],
            "at_half": _rounded(policies.accuracy_at(test, table, 0.5)),
            "chosen": {of: _chosen(validation, test, one, table, honest) for of, one in baselines.items()},
        }
    return {"baselines": baselines, "rules": rules}


def _rounded(value: float, places: int = 5) -> float | None:
    """For JSON, which knows no NaN: a cost out of reach."""
    return round(value, places) if np.isfinite(value) else None


def _chosen(
    validation: Frontier,
    test: Frontier,
    baseline: dict[str, float],
    table: tuple[int, ...],
    honest: tuple[int, ...],
) -> dict[str, Any] | None:
    """The setting of fewest MACs that reaches the target on validation, and what it does on test; None: none does."""
    row = policies.cheapest(validation, table, baseline["validation"] - DROP + KEPT_BACK)
    if row is None:
        return None
    accuracy = float(test.accuracy[row])
    return {
        # JSON knows no infinity; scores are from 0 to ln 10, so below -1 is nobody and below 9 is everybody.
        "setting": np.round(np.clip(validation.settings[row], -1, 9), 6).tolist(),
        "drop": round(baseline["test"] - accuracy, 5),
        "accuracy": round(accuracy, 5),
        "mac_ratio": round(1 / float(test.cost(table)[row]), 4),
        "mac_ratio_all_heads": round(table[-1] / float(test.left[row] @ np.array(honest, dtype=float)), 4),
        "left": np.round(test.left[row], 5).tolist(),
    }


def risk_controlled(run: Run, logits: dict[str, np.ndarray]) -> dict[str, Any]:
    """The guarantee simulated on validation and test images together, and what the tested threshold saves."""
    joined = np.concatenate((logits["validation"], logits["test"]), axis=1)
    labels = np.concatenate((logits["validation_labels"], logits["test_labels"]))
    scores = policies.doubt(policies.probabilities(joined[:-1]))
    thresholds = np.quantile(scores, np.linspace(0, 1, 201))
    losses = risk.losses_at(scores, joined, labels, thresholds)
    table, _ = tables(run)
    costs = policies.per_sample("max-prob", joined, labels, thresholds).cost(table)
    outcome = risk.simulate(losses, costs, **RISK)
    for fate in outcome.values():
        fate["mac_ratio"] = 1 / fate.pop("cost")
    return {name: {key: round(value, 4) for key, value in fate.items()} for name, fate in outcome.items()}


def tolerance_at_half(run: Run, logits: dict[str, np.ndarray]) -> float:
    """The entropy tolerance under which the validation images spend half of the MACs; what is timed and probed."""
    table, _ = tables(run)
    frontier = policies.per_sample("entropy", logits["validation"], logits["validation_labels"], TOLERANCES)
    return float(frontier.settings[policies.nearest(frontier, table, 0.5)])


def summarise(folder: Path = KEPT) -> dict[str, Any]:
    """Everything that the finished runs in a folder say, by the run's name."""
    records = [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))]
    if not records:
        sys.exit(f"There are no finished runs in {folder}. Train some first: python -m study train small.")
    runs = [Run(**{name: record[name] for name in Run.__dataclass_fields__}) for record in records]
    baselines = {
        (run.dataset, run.width, run.epochs, run.seed, run.recipe): {
            split: values[-1] for split, values in record["accuracies"].items()
        }
        for run, record in zip(runs, records, strict=True)
        if run.is_plain
    }
    summary = {}
    for run, record in zip(runs, records, strict=True):
        table, honest = tables(run)
        summary[run.name] = record | {"exit_macs": table, "exit_macs_all_heads": honest}
        if run.is_plain:
            continue
        logits = load_file(folder / f"{run.name}.logits.safetensors")
        held_against = {"plain": "plain"} | ({"as long": "plain again"} if run.starts_from else {})
        keys = {name: (run.dataset, run.width, run.epochs, run.seed, recipe) for name, recipe in held_against.items()}
        summary[run.name] |= replayed(
            run, logits, {name: baselines[key] for name, key in keys.items() if key in baselines}
        )
        summary[run.name]["tolerance_at_half"] = round(tolerance_at_half(run, logits), 6)
        summary[run.name]["risk"] = risk_controlled(run, logits)
    return summary


def main() -> None:
    """Write the summaries: that of the wide runs separately, because they are trained elsewhere and later."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    wide = {run.name for run in wide_runs()}
    everything = summarise()
    for name, keys in (("summary", everything.keys() - wide), ("wide", everything.keys() & wide)):
        summary = {key: values for key, values in everything.items() if key in keys}
        if not summary:
            continue  # what is stored of other runs stays
        lines = ",\n".join(f'"{key}": {json.dumps(values, allow_nan=False)}' for key, values in summary.items())
        (RESULTS / f"{name}.json").write_text("{\n" + lines + "\n}\n")
        recipes = {values["recipe"] for values in summary.values()}
        print(f"{len(summary)} runs of {len(recipes)} recipes in {RESULTS / f'{name}.json'}")
