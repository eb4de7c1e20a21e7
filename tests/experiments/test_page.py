"""What the page makes of results: seeds without a setting, costs out of reach, means with their intervals."""

import json
from typing import Any

import numpy as np
import pytest

from study import page, replay
from study.runs import Run


def record(chosen: dict[str, Any] | None, at_half: float | None = 0.9) -> dict[str, Any]:
    return {"rules": {"vector": {"chosen": {"plain": chosen}, "at_half": at_half}}}


SOME = {"mac_ratio": 3.0, "drop": 0.008}


def test_a_mean_stands_with_students_interval() -> None:
    assert page.mean_of([0.9, 0.92, 0.94], 100) == "92.0 ± 5.0"  # 4.303 * 2 / sqrt(3)
    assert page.mean_of([2.0], places=2) == "2.00"
    assert page.mean_of([-0.0001], places=2) == "0.00"
    assert page.mean_of([]) == ""


def test_seeds_without_a_setting_cost_the_whole_network_and_lower_no_drop() -> None:
    records = [record(SOME), record(None), record(None)]
    assert page.ratios(records, "vector") == [3.0, 1.0, 1.0]
    assert page.drops(records, "vector") == [0.008]
    assert page.without(records, "vector") == " (2 of 3 without a setting)"
    assert page.without(records[:1], "vector") == ""


def test_no_accuracy_is_told_for_a_cost_out_of_reach() -> None:
    frontier = [None, None, *np.linspace(0.8, 0.9, len(replay.SHARES) - 2)]
    assert page._interpolated(frontier, replay.SHARES[1]) is None
    assert page._interpolated(frontier, replay.SHARES[2]) == pytest.approx(0.8)
    assert page._interpolated(frontier, 1.0) == pytest.approx(0.9)
    assert page._reached([0.9, None]) == "cannot"
    assert page._reached([0.9]) == "90.0"


@pytest.fixture(scope="module")
def logits() -> dict[str, np.ndarray]:
    """Four exits, the later the better, on two splits."""
    rng = np.random.default_rng(4)
    made = {}
    for split in ("validation", "test"):
        labels = rng.integers(0, 6, 900)
        hints = (labels[:, None] == np.arange(6)) * np.array([1.0, 1.5, 2.2, 2.6])[:, None, None]
        made |= {split: rng.normal(size=(4, 900, 6)) + hints, f"{split}_labels": labels}
    return made


def test_a_setting_is_chosen_on_validation_alone(logits) -> None:
    run = Run("shapes", "equal", 1)
    baselines = {"plain": {"validation": 0.8, "test": 0.8}, "out of reach": {"validation": 1.0, "test": 0.8}}
    rules = replay.replayed(run, logits, baselines)["rules"]
    shuffled = logits | {"test_labels": np.random.default_rng(0).permutation(logits["test_labels"])}
    elsewhere = replay.replayed(run, shuffled, baselines)["rules"]

    assert rules["entropy"]["chosen"]["plain"]["setting"] == elsewhere["entropy"]["chosen"]["plain"]["setting"]
    assert rules["vector"]["chosen"]["plain"]["setting"] == elsewhere["vector"]["chosen"]["plain"]["setting"]
    assert rules["entropy"]["chosen"]["out of reach"] is None
    assert all(len(rule["frontier"]) == len(replay.SHARES) for rule in rules.values())
    json.dumps(rules, allow_nan=False)


def test_risk_control_is_of_both_splits_together(logits) -> None:
    fates = replay.risk_controlled(Run("shapes", "equal", 1), logits)
    assert fates["tested"]["held"] >= 0.95
    assert 1 <= fates["tested"]["mac_ratio"] <= fates["naive"]["mac_ratio"]


def test_when_nothing_was_trained_then_it_is_said(tmp_path) -> None:
    with pytest.raises(SystemExit, match="There are no finished runs"):
        replay.summarise(tmp_path)
