"""A course of two tasks that runs in seconds: the real grader, the real box, a short notebook, a tiny assignment."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from autograder.assignments.assignment import IN_A_COURSE, load_assignment
from autograder.config import MIB, Limits, Settings
from autograder.course import Course
from autograder.pipeline import grade_class, prepare
from autograder.results import ClassResults
from autograder.workspace import basis_of, open_class

ROOT = Path(__file__).resolve().parents[2]
SMALL = ROOT / "tests" / "assignments" / "small"

MAC_RATIO = '''def mac_ratio(total_macs, total_early_macs):
    """Standard over early-exit MACs."""
    # TODO: the ratio
    ratio = ...
    ### BEGIN SOLUTION
    ratio = total_macs / total_early_macs
    ### END SOLUTION
    return ratio'''

CHOOSE_TOLERANCE = '''def choose_tolerance(sweep, target):
    """The cheapest row that is good enough."""
    # TODO: choose a row
    tolerance = ...
    ### BEGIN SOLUTION
    rows = [(macs, tolerance) for tolerance, accuracy, macs in sweep if accuracy >= target]
    tolerance = min(rows)[1] if rows else 0.0
    ### END SOLUTION
    return tolerance'''

WRITTEN = "### BEGIN SOLUTION\nBecause it is cheaper.\n### END SOLUTION"

# Small enough that running into each takes a moment, large enough for an honest notebook on a busy machine.
LIMITS = Limits(wall_s=15, call_s=8, memory_bytes=1200 * MIB, tasks=64, output_bytes=1 * MIB, scratch_bytes=32 * MIB)


def cell(
    kind: str, grade_id: str, source: str, *, points: float | None = None, solution: bool = False
) -> dict[str, Any]:
    """A cell of the solutions notebook with nbgrader's metadata."""
    marks = {"grade_id": grade_id, "grade": points is not None, "solution": solution, "locked": not solution}
    nbgrader = marks | {"schema_version": 3, "task": False} | ({} if points is None else {"points": points})
    made = {"cell_type": kind, "id": grade_id.replace("_", "-"), "metadata": {"nbgrader": nbgrader}, "source": source}
    return made | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def notebook(cells: list[dict[str, Any]]) -> dict[str, Any]:
    """Cells as a notebook of format 4.5."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def make_course(folder: Path, setup: str = "import math") -> Path:
    """Write the course, its first code cell given; its folder."""
    solutions = notebook(
        [
            cell("markdown", "title", "# A small course"),
            cell("code", "setup", setup),
            cell("code", "mac_ratio", MAC_RATIO, solution=True),
            cell("code", "check_mac_ratio", "assert mac_ratio(2, 1) == 2", points=1),
            cell("code", "use_ratio", "print('ratio', mac_ratio(3, 2))"),
            cell("code", "choose_tolerance", CHOOSE_TOLERANCE, solution=True),
            cell("code", "check_choose_tolerance", "assert choose_tolerance([(0.1, 1.0, 1)], 0.5) == 0.1", points=3),
            cell("markdown", "q_why", WRITTEN, points=2, solution=True),
        ]
    )
    path = folder / "solutions" / "small" / "small.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(solutions))
    shutil.copytree(SMALL, folder / IN_A_COURSE / "small", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "pyproject.toml").touch()
    return folder


def settings_for(course: Path, workspace: Path, **limits: Any) -> Settings:
    """Settings of the small course with its small limits, some of them changed."""
    assignment = load_assignment("small", course)
    return Settings(course, workspace, assignment, limits=replace(LIMITS, **limits), jobs=2)


def settings_with_torch(workspace: Path, **limits: Any) -> Settings:
    """Settings of the real assignment, whose boxes have torch and course_lib, with the small limits."""
    assignment = load_assignment("early_exit", ROOT)
    return Settings(ROOT, workspace, assignment, limits=replace(LIMITS, **limits), jobs=2)


def right_answers() -> dict[str, str]:
    """Task -> the cell as a student who has it right hands it in."""
    return {
        "mac_ratio": "def mac_ratio(total_macs, total_early_macs):\n    return total_macs / total_early_macs",
        "choose_tolerance": (
            "def choose_tolerance(sweep, target):\n"
            "    good = sorted((m, t) for t, a, m in sweep if a >= target)\n"
            "    return good[0][1] if good else 0.0"
        ),
    }


def submission(released: dict[str, Any], **answers: str) -> bytes:
    """The released notebook with the right answers filled in, and ``answers`` in place of those."""
    filled = json.loads(json.dumps(released))
    for one in filled["cells"]:
        grade_id = one["metadata"]["nbgrader"]["grade_id"]
        one["source"] = {**right_answers(), **answers}.get(grade_id, one["source"])
    return json.dumps(filled).encode()


def graded_class(handed_in: Path, settings: Settings, seed: int | None = None, **options: Any) -> ClassResults:
    """Open a class and grade it, as the command line does."""
    with open_class(handed_in, settings, seed) as opened:
        return grade_class(opened, settings, **options)


def prepared_with(settings: Settings, seed: int) -> Course:
    """The course, ready to grade on the hidden inputs of a seed."""
    return prepare(settings, basis_of(settings, seed))
