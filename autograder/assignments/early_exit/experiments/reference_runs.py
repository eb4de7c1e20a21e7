"""Runs the solutions notebook with several seeds and keeps its curves for students to hold theirs against.

    python reference_runs.py   five seeds at "quick": a quarter of an hour on two cores

Writes course_lib/reference.json. A seed that is done is kept in grading/reference/ and not run again, so that a run
that was stopped goes on where it was; empty that folder after a change of the notebook, the data or the profile.
What runs is the notebook's own cells up to the last one that is needed, with another SEED; the data stay the same.
"""

import contextlib
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[4]
NOTEBOOK = ROOT / "solutions" / "early_exit" / "early_exit.ipynb"
KEPT = ROOT / "grading" / "reference"
TARGET = ROOT / "course_lib" / "reference.json"
SEEDS = (1, 2, 3, 4, 5)
LAST_CELL = "replay"
NOT_RUN = ("check_", "plot-", "show-", "overfit", "overthinking", "speed", "early-speed")  # nothing below needs them
PLACES = np.linspace(0, 1, 41)  # along a training


def names_after(seed: int) -> dict[str, Any]:
    """The names that the notebook holds after its last cell that is needed."""
    names: dict[str, Any] = {}
    for cell in json.loads(NOTEBOOK.read_text())["cells"]:
        grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
        if cell["cell_type"] == "code" and not grade_id.startswith(NOT_RUN):
            source = "".join(cell["source"])
            with contextlib.redirect_stdout(io.StringIO()):
                exec(source.replace("SEED = 0", f"SEED = {seed}") if grade_id == "setup" else source, names)
        if grade_id == LAST_CELL:
            break
    assert names["SEED"] == seed
    return names


def measured(names: dict[str, Any]) -> dict[str, Any]:
    """What is kept of one run."""
    profile, labels = names["profile"], names["splits"].validation.labels
    rows = sorted((macs / names["full"], accuracy) for _, accuracy, macs in names["sweep_per_sample"])
    shares = np.linspace(rows[0][0], 1, len(PLACES))
    return {
        "profile": profile.name,
        "data": names["DATASET"],
        "sizes": [profile.width, profile.train_images, profile.epochs, profile.batch_size],
        "baseline_accuracy": names["baseline_accuracy"],
        "exit_accuracies": [float((logits.argmax(1) == labels).float().mean()) for logits in names["exit_logits"]],
        "batch_mean": sorted((macs / names["full"], accuracy) for _, accuracy, macs in names["sweep"]),
        "curves": {
            "baseline_loss": along_training(names["baseline_losses"]),
            "joint_loss": along_training(names["early_losses"]),
            "per_sample": [shares.round(4).tolist(), np.interp(shares, *np.array(rows).T).round(4).tolist()],
        },
    }


def along_training(losses: Sequence[float]) -> list[list[float]]:
    """Places in [0, 1] and the smoothed loss there, as the notebook's figure draws it."""
    from course_lib.plots.charts import smoothed

    smooth = smoothed(losses)
    steps = np.arange(len(smooth)) + len(losses) - len(smooth) + 1
    return [PLACES.round(4).tolist(), np.interp(PLACES * len(losses), steps, smooth).round(4).tolist()]


def main() -> None:
    os.environ["COURSE_PROFILE"] = "quick"
    KEPT.mkdir(parents=True, exist_ok=True)
    runs = []
    for seed in SEEDS:
        file = KEPT / f"seed-{seed}.json"
        if not file.is_file():
            text = json.dumps(measured(names_after(seed)))
            file.write_text(text)
        runs.append(json.loads(file.read_text()))
        exits = ", ".join(f"{100 * right:.1f}" for right in runs[-1]["exit_accuracies"])
        print(
            f"seed {seed}: baseline {100 * runs[-1]['baseline_accuracy']:.1f} % on test; exits {exits} % on validation"
        )
    kept = {name: runs[0][name] for name in ("profile", "data", "sizes")}
    kept["curves"] = {
        name: {"x": runs[0]["curves"][name][0], "seeds": [run["curves"][name][1] for run in runs]}
        for name in runs[0]["curves"]
    }
    TARGET.write_text(json.dumps(kept) + "\n")
    print(f"wrote {TARGET.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
