"""The given cells as students run them: a package that is missing, and cells that run twice, in any order."""

import ast
import json
import os
import random
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from sample_class import ROOT, SOLUTION, build_notebook, nbgrader

from autograder.config import load_settings
from autograder.release import write_release
from course_lib.macs import exit_macs
from course_lib.model import EarlyExitResNet18

RESULTS = ROOT / "autograder" / "assignments" / "early_exit" / "experiments" / "results" / "study"

CELLS = {
    nbgrader(cell)["grade_id"]: "".join(cell["source"])
    for cell in json.loads(SOLUTION.read_text(encoding="utf-8"))["cells"]
    if cell["cell_type"] == "code"
}


@pytest.mark.parametrize(
    ("missing", "says"),
    [
        ("course_lib", "open the notebook in the folder that holds the folder course_lib, then restart the kernel"),
        ("torch", r"run %pip install -r requirements\.txt in a new cell, then restart the kernel"),
        ("tqdm", r"run %pip install -r requirements\.txt in a new cell"),
    ],
)
def test_when_a_package_is_missing_then_the_first_cell_names_it_and_says_what_to_do(monkeypatch, missing, says):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ModuleNotFoundError, match=f"Python cannot find {missing} from {os.getcwd()}: {says}"):
        exec(CELLS["imports"], {})


def test_what_is_read_before_the_first_task_takes_five_minutes() -> None:
    words = 0
    for cell in json.loads(SOLUTION.read_text(encoding="utf-8"))["cells"]:
        if nbgrader(cell)["grade_id"] == "baseline_step":
            break
        words += len("".join(cell["source"]).split()) if cell["cell_type"] == "markdown" else 0
    assert words <= 5 * 200  # words a minute


@pytest.mark.slow
def test_when_every_cell_ran_once_then_each_may_run_again_in_any_order(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    names: dict[str, object] = {"__name__": "notebook"}
    for source in CELLS.values():
        exec(source, names)
    again = [*CELLS]
    random.Random(0).shuffle(again)
    for grade_id in again:
        try:
            exec(CELLS[grade_id], names)
        except Exception as error:
            pytest.fail(f"{grade_id} does not run a second time: {error!r}")
    assert "difference" in capsys.readouterr().out


@pytest.fixture(name="bundle", scope="module")
def _bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a student unpacks."""
    place = tmp_path_factory.mktemp("student")
    course = place / "course"
    course.mkdir()
    for name in ("course_lib", "solutions", "pyproject.toml"):
        (course / name).symlink_to(ROOT / name)
    _, bundle = write_release(load_settings(course, place / "workspace"))
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(place)
    return place / "early_exit"


def validated(folder: Path, base: str) -> str:
    """What `nbgrader validate` says where a student types it, of a notebook with or without answers."""
    notebooks = (json.loads(file.read_text(encoding="utf-8")) for file in (SOLUTION, folder / "early_exit.ipynb"))
    (folder / f"{base}.ipynb").write_text(json.dumps(build_notebook(base, *notebooks)), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COURSE_", "PYTHONPATH"))}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    words = ["nbgrader", "validate", f"{base}.ipynb"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, env=environment, timeout=300)
    return done.stdout + done.stderr


@pytest.mark.slow
def test_nbgraders_validate_passes_a_finished_notebook_within_its_30_seconds_a_cell(bundle: Path) -> None:
    said = validated(bundle, "solution")

    assert "Success! Your notebook passes all the tests." in said
    assert "Timeout" not in said


@pytest.mark.slow
def test_nbgraders_validate_says_what_is_to_be_filled_in(bundle: Path) -> None:
    said = validated(bundle, "release")

    assert "VALIDATION FAILED ON 13 CELL(S)" in said
    assert said.count("it still returns ...") == 9
    assert said.count("You did not provide a response.") == 4


def test_the_curves_at_full_width_are_those_of_the_studys_logits() -> None:
    source = CELLS["plot-full-width"]
    (assigned,) = (node for node in ast.parse(source).body if isinstance(node, ast.Assign))
    per_image, batch_mean = ast.literal_eval(assigned.value).values()
    stored = load_file(RESULTS / "shapes-w64-warm-s1.logits.safetensors")
    logits, labels = stored["test"], stored["test_labels"]
    log_p = logits.log_softmax(dim=2)
    entropies = -(log_p.exp() * log_p).sum(dim=2)
    of_batches = torch.cat([part.mean(dim=1, keepdim=True).expand_as(part) for part in entropies.split(128, 1)], 1)
    costs = torch.tensor(exit_macs(EarlyExitResNet18(), (3, 32, 32)))
    for rows, measured in ((per_image, entropies), (batch_mean, of_batches)):
        for tolerance, accuracy, share in rows:
            sure = measured < tolerance
            sure[3] = True
            exits = sure.int().argmax(dim=0)
            answers = logits[exits, torch.arange(6_000)].argmax(dim=1)
            assert round((answers == labels).double().mean().item(), 4) == accuracy
            assert round((costs[exits].double().mean() / costs[3]).item(), 3) == share
    plain = json.loads((RESULTS / "summary.json").read_text())["shapes-w64-plain-s1"]["accuracies"]["test"]
    assert f"({plain[0]:.4f}, 1.0)" in source


@pytest.mark.slow
def test_who_runs_past_a_todo_reads_below_the_error_which_one_it_is(bundle: Path) -> None:
    environment = os.environ | {"COURSE_PROFILE": "smoke", "PYTHONPATH": ""}
    words = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "--allow-errors"]
    words += ["--output", "run.ipynb", "early_exit.ipynb"]
    subprocess.run(words, cwd=bundle, check=True, capture_output=True, env=environment, timeout=300)

    said = {}
    for cell in json.loads((bundle / "run.ipynb").read_text(encoding="utf-8"))["cells"]:
        outputs = cell.get("outputs", [])
        if any("ellipsis" in output.get("evalue", "").lower() for output in outputs):
            text = "".join("".join(output.get("text", "")) for output in outputs)  # may come in several pieces
            told = [line for line in text.splitlines() if " is not filled in" in line]
            said[nbgrader(cell)["grade_id"]] = told[-1].partition(" is not filled in")[0] if told else text
    assert said == {
        "baseline-at-init": "The TODO of baseline_step",
        "train-baseline": "The TODO of baseline_step",
        "run-baseline": "The TODO of evaluate_baseline",
        "joint-at-init": "The TODO of early_exit_step",
        "overfit": "The TODO of early_exit_step",
        "train-joint": "The TODO of early_exit_step",
        "run-early": "The TODO of evaluate_early_exit",
        "published-ratio": "The TODO of mac_ratio",
        "own-ratio": "The TODO of mac_ratio",
        "plot-sweep": "A value here is still ...: a TODO above",
        "test-once": "The TODO of evaluate_early_exit",
        "replay": "The TODO of per_sample_exits",
        "explorer": "The TODO of per_sample_exits",
        "who-leaves": "The TODO of predict_with_compaction",
        "clock": "The TODO of predict_with_compaction",
    }
