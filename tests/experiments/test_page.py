"""What the page makes of results: seeds without a setting, costs out of reach, means with their intervals."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from study import page, replay, tables
from study.facts import facts
from study.markdown import mean_of
from study.results import drops, ratios, stored
from study.runs import FULL, LONG, RESULTS, WIDE, Run


def record(chosen: dict[str, Any] | None, at_half: float | None = 0.9) -> dict[str, Any]:
    return {"rules": {"vector": {"chosen": {"plain": chosen}, "at_half": at_half}}}


SOME = {"mac_ratio": 3.0, "drop": 0.008}


def test_a_mean_stands_with_students_interval() -> None:
    assert mean_of([0.9, 0.92, 0.94], 100) == "92.0 ± 5.0"  # 4.303 * 2 / sqrt(3)
    assert mean_of([2.0], places=2) == "2.00"
    assert mean_of([-0.0001], places=2) == "0.00"
    assert mean_of([]) == ""


def test_seeds_without_a_setting_cost_the_whole_network_and_lower_no_drop() -> None:
    records = [record(SOME), record(None), record(None)]
    assert ratios(records, "vector") == [3.0, 1.0, 1.0]
    assert drops(records, "vector") == [0.008]
    assert tables.without(records, "vector") == " (2 of 3 without a setting)"
    assert tables.without(records[:1], "vector") == ""


def test_no_accuracy_is_told_for_a_cost_out_of_reach() -> None:
    frontier = [None, None, *np.linspace(0.8, 0.9, len(replay.SHARES) - 2)]
    assert tables._interpolated(frontier, replay.SHARES[1]) is None
    assert tables._interpolated(frontier, replay.SHARES[2]) == pytest.approx(0.8)
    assert tables._interpolated(frontier, 1.0) == pytest.approx(0.9)
    assert tables._reached([0.9, None]) == "cannot"
    assert tables._reached([0.9]) == "90.0"


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


def test_what_a_run_took_is_told_apart_by_where_it_was_trained() -> None:
    assert tables._spent([{"cpu_s": 48}, {"cpu_s": 57}]) == "48 to 57"
    assert tables._spent([{"seconds": 3.5}, {"cpu_s": 50}]) == "50 to 50, 3.5 to 3.5 s on a GPU"


@pytest.fixture
def with_a_gpu(tmp_path) -> Path:
    """The stored results made on a CPU, and next to them what a GPU would have left of two seeds of `shapes`."""
    for file in RESULTS.glob("*.json"):
        if not file.name.startswith(("wide", "throughput")):
            shutil.copyfile(file, tmp_path / file.name)
    small, machine = stored("summary"), stored("summary")["shapes-w8-warm-s1"]["machine"] | {"gpu": "a card"}
    wide = {
        Run("shapes", recipe, seed, FULL, epochs=LONG).name: small[Run("shapes", recipe, seed).name]
        | {"width": FULL, "epochs": LONG, "machine": machine | {"precision": "bfloat16"}}
        for recipe in WIDE
        for seed in (1, 4)
        if Run("shapes", recipe, seed).name in small
    }
    wide["shapes-w64-e10-warm-s4"]["rules"]["vector"]["chosen"]["as long"] = None
    (tmp_path / "wide.json").write_text(json.dumps(wide))
    of_all = {"precision": "float32", "batch": 128, "graphs": False, "images_a_second": 40_000, "mac_ratio": 2.4}
    rows = [
        of_all | {"way": "plain", "speed_up": 1.0, "of_mac_ratio": 1.0},
        of_all | {"way": "compaction", "speed_up": 0.6, "of_mac_ratio": 0.25},
        of_all
        | {"way": "rebatching", "speed_up": 1.7, "of_mac_ratio": 0.71, "delay": {"mean": 0.25, "max": 9}}
        | {"allowed": {"stages": 0.8, "exits": 0.75}},
        of_all | {"graphs": True, "way": "plain", "speed_up": 1.0, "of_mac_ratio": 1.0},
        of_all
        | {"graphs": True, "way": "rebatching", "speed_up": 1.6, "of_mac_ratio": 0.69, "delay": {"mean": 2, "max": 9}},
    ]
    result = {"tolerance": 0.46, "tf32": True, "rows": rows, "machine": machine}
    (tmp_path / "throughput-cuda.json").write_text(json.dumps(result))
    return tmp_path


def test_what_a_gpu_left_is_shown_where_it_is_there(with_a_gpu) -> None:
    text = page.page(with_a_gpu)

    assert "## At full width, trained for 10 epochs" in text and "a card, bfloat16, torch" in text
    chosen = stored("summary")["shapes-w8-warm-s1"]["rules"]["vector"]["chosen"]["as long"]
    assert f"| {chosen['mac_ratio']:.2f} | {100 * chosen['drop']:.2f} |" in text
    assert "| no setting |  |" in text
    assert chosen["drop"] > replay.DROP, "on test it may be more than was allowed on validation"
    assert f"| 1.00 to {chosen['mac_ratio']:.2f} | {100 * chosen['drop']:.2f} | 1 of 2 | 0 |" in text
    assert "plain trained as long, shapes, width 64, 10 epochs | ≥ 2.3 |" in text
    assert "| float32 | no | 128 | 40,000 | 0.60 (0.25) | 1.70 (0.71) | 0.80 | 0.75 | 0.2 | 9 |" in text
    assert "| float32 | yes | 128 | 40,000 |  | 1.60 (0.69) | not timed | not timed | 2.0 | 9 |" in text
    assert "rebatched on a GPU, float32 | ≥ 0.7 | 0.71 | met |" in text
    assert "rebatched on a GPU, float32, CUDA graphs | ≥ 0.7 | 0.69 | **missed** |" in text


def test_without_a_gpu_the_page_has_no_place_for_it(with_a_gpu) -> None:
    before, table = page.page(with_a_gpu), facts(with_a_gpu).splitlines()
    for name in ("wide", "throughput-cuda"):
        (with_a_gpu / f"{name}.json").unlink()
    after = page.page(with_a_gpu)

    assert [one for one in table if "a GPU" not in one] == facts(with_a_gpu).splitlines(), "half of a row is not shown"
    assert "1.70 times faster" not in "".join(table) and "1.60 times faster with 2.40" in table[-1]
    lines = iter(before.splitlines())
    assert all(line in lines for line in after.splitlines()), "the rest of the page stays as it is, in its order"
    assert "10 epochs" not in after and "rebatch" not in after and "\n\n\n" not in before + after


def test_when_nothing_was_trained_then_it_is_said(tmp_path) -> None:
    with pytest.raises(SystemExit, match="There are no finished runs"):
        replay.summarise(tmp_path)
