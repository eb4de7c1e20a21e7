"""The given cells as students run them: a package that is missing, and cells that run twice, in any order."""

import json
import os
import random
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from sample_class import ROOT, SOLUTION, build_notebook, nbgrader

from autograder.config import load_settings
from autograder.release import write_release

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
