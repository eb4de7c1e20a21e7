"""The code that students wrote, from their graded notebooks, and the code that they were given, from the solutions.

A graded notebook is ours, but its sources are the students': it is read as data, within the bounds of a hand-in.
"""

import contextlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

from autograder.errors import BadSubmission
from autograder.intake.master import master_cells
from autograder.intake.parse import parse_notebook
from autograder.intake.statements import holds_no_code, is_stub
from autograder.leaks import BEGIN, END
from autograder.results import ClassResults, Similar
from autograder.similarity import Code, compare

MAX_BYTES = 64 << 20  # of a graded notebook; the graders' are a few MB, because texts and outputs in them are bounded
REGION = re.compile(rf"^[ \t]*{BEGIN}.*?{END}[ \t]*$", re.MULTILINE | re.DOTALL)


def similar_code(results: ClassResults, workspace: Path, solutions: Path) -> Similar | None:
    """Whose code is alike. A student whose graded notebook is not there, or cannot be read, is left out.

    Args:
        solutions: The solutions notebook, which is trusted. None is returned where there is none: a report can be
            written of what was graded elsewhere.
    """
    try:
        ours = [cell for cell in master_cells(json.loads(solutions.read_text())) if cell.kind == "code"]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
    stubs = {cell.grade_id: REGION.sub("", cell.source) for cell in ours if cell.solution}
    given = [cell.source for cell in ours if not cell.solution]
    answers = [(cell.grade_id, cell.source) for cell in ours if cell.solution]
    students = [grade.student for grade in results.grades]
    found = (_code(graded_notebook_bytes(workspace, results.assignment, one), one, stubs) for one in students)
    return compare(filter(None, found), [*given, *stubs.values()], answers)


def graded_notebook_of(workspace: Path, assignment: str, student: str) -> Path:
    """Where a workspace keeps the graded notebook of a student."""
    return workspace / "autograded" / student / assignment / f"{assignment}.ipynb"


def graded_notebook_bytes(workspace: Path, assignment: str, student: str) -> bytes:
    """The graded notebook of a student as a file; empty where there is none, it cannot be read or is too large."""
    file = graded_notebook_of(workspace, assignment, student)
    with contextlib.suppress(OSError):
        if file.stat().st_size <= MAX_BYTES:
            return file.read_bytes()
    return b""


def _code(notebook: bytes, student: str, stubs: Mapping[str, str]) -> Code | None:
    """The code that is in none of the released cells."""
    try:
        cells = parse_notebook(notebook, student).cells
    except BadSubmission:  # an empty one too
        return None
    texts = [(cell.grade_id, cell.source) for cell in cells if cell.kind == "code"]
    return Code(student, tuple((cell, text) for cell, text in texts if _is_theirs(text, stubs.get(cell, ""), cell)))


def _is_theirs(text: str, stub: str, grade_id: str) -> bool:
    return not is_stub(text, stub) if stub else not grade_id and not holds_no_code(text)
