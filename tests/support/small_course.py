"""A course of two tasks that runs in seconds: the real grader, the real box, the real checks, a short notebook."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from autograder.config import MIB, Limits, Settings

ROOT = Path(__file__).resolve().parents[2]

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
    path = folder / "solutions" / "early_exit" / "early_exit.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(solutions))
    (folder / "course_lib").symlink_to(ROOT / "course_lib")
    (folder / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text().split("[tool.autograder")[0])
    return folder


def settings_for(course: Path, workspace: Path, **limits: Any) -> Settings:
    """Settings of the small course with its small limits, some of them changed."""
    return Settings(course=course, workspace=workspace, limits=replace(LIMITS, **limits), jobs=2)


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
