"""Other graders on the same notebooks: stock `nbgrader autograde` and `otter run`, as they come.

Both take the locked self-checks for their tests, without a box and without hidden inputs: less than our grader does.
Each gets a course of its own in a folder, and says how many seconds it took for the notebooks it is given.
"""

import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SOLUTION = ROOT / "solutions" / "early_exit" / "early_exit.ipynb"
RELEASE = ROOT / "assignment" / "early_exit" / "early_exit.ipynb"
NAME = "early_exit"
CHECK = "check_"
OTTER = "otter-grader==7.0.0"
CONFIG = "c = get_config()\nc.CourseDirectory.course_id = 'bench'\nc.ExecutePreprocessor.timeout = 300\n"
TEST = """
from otter.test_files import test_case

OK_FORMAT = False
name = {task!r}
points = {points}


@test_case(points={points})
def test_{task}({task}):
    from course_lib import selfcheck

    selfcheck.check_{task}({task})
"""


class StockNbgrader:
    """A course of nbgrader's own making, of the same release."""

    def __init__(self, folder: Path, solution: Path = SOLUTION) -> None:
        self._folder = folder
        self._program = str(Path(sys.executable).parent / "nbgrader")
        source = folder / "source" / NAME / f"{NAME}.ipynb"
        source.parent.mkdir(parents=True)
        shutil.copy(solution, source)
        (folder / "nbgrader_config.py").write_text(CONFIG)
        self._call("generate_assignment", "--force")

    def grade(self, notebooks: Sequence[Path]) -> float:
        """Seconds for one `nbgrader autograde` of all of them."""
        shutil.rmtree(self._folder / "submitted", ignore_errors=True)
        for file in notebooks:
            place = self._folder / "submitted" / file.stem / NAME
            place.mkdir(parents=True)
            shutil.copy(file, place / f"{NAME}.ipynb")
        begin = time.perf_counter()
        self._call("autograde", "--force")
        return time.perf_counter() - begin

    def _call(self, verb: str, *options: str) -> None:
        _run([self._program, verb, NAME, *options], self._folder)


class Otter:
    """otter-grader, in an environment that sees ours and adds what otter wants."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        environment = folder / "environment"
        _run([sys.executable, "-m", "venv", str(environment)], None)
        (site_packages,) = environment.glob("lib/python*/site-packages")
        (ours,) = Path(sys.prefix).glob("lib/python*/site-packages")
        (site_packages / "ours.pth").write_text(f"{ours}\n")
        _run([str(environment / "bin/python"), "-m", "pip", "install", "-q", "--no-input", OTTER], None)
        self._program = str(environment / "bin" / "otter")
        with zipfile.ZipFile(folder / "autograder.zip", "w") as archive:
            archive.writestr("otter_config.json", json.dumps({"pdf": False}))
            for task, points in _points().items():
                archive.writestr(f"tests/{task}.py", TEST.format(task=task, points=points))

    def grade(self, notebooks: Sequence[Path]) -> float:
        """Seconds for one `otter run` after the other.

        Raises:
            RuntimeError: It gave no full marks, so it did less than it should.
        """
        taken = 0.0
        for file in notebooks:
            words = ["run", "-a", "autograder.zip", "-o", str(self._folder), "--no-logo", str(file)]
            begin = time.perf_counter()
            _run([self._program, *words], self._folder)
            taken += time.perf_counter() - begin
            tests = json.loads((self._folder / "results.json").read_text())["tests"]
            if sum(test.get("score", 0) for test in tests) != sum(_points().values()):
                raise RuntimeError(f"otter did not give full marks: {tests}")
        return taken


def _points() -> dict[str, float]:
    marks = [cell["metadata"].get("nbgrader", {}) for cell in json.loads(RELEASE.read_text())["cells"]]
    return {
        mark["grade_id"].removeprefix(CHECK): mark["points"]
        for mark in marks
        if mark.get("grade") and mark["grade_id"].startswith(CHECK)
    }


def _run(command: list[str], folder: Path | None) -> None:
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # nbgrader calls alembic by its name
    environment: dict[str, Any] = {
        **os.environ,
        "PATH": programs,
        "PYTHONPATH": str(ROOT),
        "COURSE_PROFILE": "smoke",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
