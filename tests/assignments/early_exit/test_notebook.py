"""The given cells as students run them: a package that is missing, and cells that run twice, in any order."""

import json
import os
import random
import sys
from pathlib import Path

import pytest
from sample_class import SOLUTION, nbgrader

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
