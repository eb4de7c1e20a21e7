"""The code that students wrote, in their graded notebooks, and the code that they were given, in the solutions.

A graded notebook is ours, but its sources are the students': it is read as data, within the bounds of a hand-in.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import BadSubmission
from autograder.intake.master import master_cells
from autograder.intake.parse import parse_notebook
from autograder.intake.statements import holds_no_code, is_stub
from autograder.leaks import BEGIN, END
from autograder.results import Similar
from autograder.similarity import Code, compare

REGION = re.compile(rf"^[ \t]*{BEGIN}.*?{END}[ \t]*$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Released:
    """The code of a solutions notebook.

    Attributes:
        stubs: The cells to fill in, as they are released, by grade_id.
        given: The code cells that nobody fills in.
        answers: grade_id and source of each solution.
    """

    stubs: dict[str, str]
    given: tuple[str, ...]
    answers: tuple[tuple[str, str], ...]


def released_code(solutions: Path) -> Released | None:
    """The code of the solutions notebook, which is trusted.

    None where there is none: a report can be written of what was graded elsewhere.
    """
    try:
        ours = [cell for cell in master_cells(json.loads(solutions.read_text())) if cell.kind == "code"]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
    stubs = {cell.grade_id: REGION.sub("", cell.source) for cell in ours if cell.solution}
    given = tuple(cell.source for cell in ours if not cell.solution)
    return Released(stubs, given, tuple((cell.grade_id, cell.source) for cell in ours if cell.solution))


def written_code(notebook: bytes, student: str, released: Released) -> Code | None:
    """The code of a graded notebook that is in none of the released cells; None where it cannot be read."""
    try:
        cells = parse_notebook(notebook, student).cells
    except BadSubmission:  # an empty one too
        return None
    texts = [(cell.grade_id, cell.source) for cell in cells if cell.kind == "code"]
    return Code(student, tuple((of, text) for of, text in texts if _is_theirs(text, released.stubs.get(of, ""), of)))


def similar_code(written: Iterable[Code], released: Released) -> Similar:
    """Whose code is alike; what was given to everybody counts for nothing."""
    return compare(written, [*released.given, *released.stubs.values()], released.answers)


def _is_theirs(text: str, stub: str, grade_id: str) -> bool:
    return not is_stub(text, stub) if stub else not grade_id and not holds_no_code(text)
