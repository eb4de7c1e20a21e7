"""Exports the full-width weights that students get, in half precision, and measures what halving them changes.

Exports the small files of finished runs too, for training that is spread over several machines.

They take 24 MB in half precision and 48 MB exactly. ``results/study/half.json`` holds what that changes, and a test
bounds it. The logits of the full-width runs are committed too, whole, so that anyone can replay a rule on them without
a network.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from course_lib.model import EarlyExitResNet18
from course_lib.pretrained import FILE, load_pretrained
from study.runs import FULL, KEPT, RESULTS, TAUGHT, Run, full_runs
from study.training import exit_logits, load


def halved(run: Run, folder: Path, file: Path) -> dict[str, Any]:
    """Write the run's weights in half precision; how the network that is loaded from them differs on the test images.

    Returns:
        `accuracies`, of each exit, in full and in half precision; `changed`, the share of images that each exit answers
        otherwise; `bytes`.
    """
    weights = load_file(folder / f"{run.name}.safetensors")
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file({n: value.half() if value.is_floating_point() else value for n, value in weights.items()}, file)
    file.chmod(0o644)  # safetensors writes for its owner alone
    test = load(run).test
    model: EarlyExitResNet18 = load_pretrained(file)
    in_half = exit_logits(model, test, plain=False).argmax(dim=-1)
    in_full = load_file(folder / f"{run.name}.logits.safetensors")["test"].argmax(dim=-1)
    right = torch.stack([in_full == test.labels, in_half == test.labels]).double().mean(dim=-1)
    return {
        "run": run.name,
        "bytes": file.stat().st_size,
        "accuracies": {"full": right[0].tolist(), "half": right[1].tolist()},
        "changed": (in_half != in_full).double().mean(dim=-1).tolist(),
    }


def without_weights(runs: list[Run], out: Path, folder: Path = KEPT) -> None:
    """Copy the records and logits of finished runs, for another machine to go on with.

    A run and those that begin with its weights are copied together, once all of them are finished: the other machine
    could not go on from weights that it does not get.
    """
    out.mkdir(parents=True, exist_ok=True)
    for run in runs:
        first = run.starts_from or run
        together = [other for other in runs if first in (other, other.starts_from)]
        if all((folder / f"{other.name}.json").is_file() for other in together):
            for file in (folder / f"{run.name}.json", folder / f"{run.name}.logits.safetensors"):
                if file.is_file():  # the logits of an earlier machine's run may be elsewhere
                    shutil.copyfile(file, out / file.name)


def main(folder: Path = KEPT) -> None:
    """Export the taught full-width network for `shapes`, and the logits of all taught full-width ones."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    for run in full_runs():
        logits = folder / f"{run.name}.logits.safetensors"
        if run.recipe == TAUGHT and logits.is_file():
            shutil.copyfile(logits, RESULTS / logits.name)
    result = halved(next(run for run in full_runs() if (run.dataset, run.recipe) == ("shapes", TAUGHT)), folder, FILE)
    assert result["bytes"] <= 25_000_000, f"{FILE} of width {FULL} is too large to be committed"
    (RESULTS / "half.json").write_text(json.dumps(result, indent=1) + "\n")
    print(f"wrote {FILE}")
