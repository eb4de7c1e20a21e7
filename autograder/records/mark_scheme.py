"""What a person marks written answers by: the solutions notebook's own answers, and a mark scheme where it has one.

A mark scheme stands in the solution of a question, between nbgrader's marks for one, and so never leaves the course:

    ### BEGIN SOLUTION
    Because it is cheaper.
    ### BEGIN MARK SCHEME
    - 1 point: says what gets cheaper
    - 1 point: and for whom
    ### END MARK SCHEME
    ### END SOLUTION
"""

import json
from dataclasses import dataclass
from pathlib import Path

from autograder.intake.master import master_cells
from autograder.leaks import BEGIN, END

BEGIN_SCHEME, END_SCHEME = "BEGIN MARK SCHEME", "END MARK SCHEME"  # nbgrader's words for its "tasks"


@dataclass(frozen=True)
class MarkScheme:
    """What a grader compares the answers to one question with, as Markdown.

    Attributes:
        answer: A model answer.
        scheme: What earns how many points; "" if the course does not say.
    """

    answer: str
    scheme: str = ""


def mark_schemes(solutions: Path) -> dict[str, MarkScheme]:
    """The grade_id of each question with points -> what it is marked by. Raises what reading a file and JSON raises."""
    cells = master_cells(json.loads(solutions.read_text()))
    return {cell.grade_id: _scheme(cell.source) for cell in cells if cell.is_question and cell.points}


def _scheme(source: str) -> MarkScheme:
    answer: list[str] = []
    scheme: list[str] = []
    solving, marking = False, False
    for line in source.splitlines():
        if BEGIN in line or END in line:
            solving = BEGIN in line
        elif BEGIN_SCHEME in line or END_SCHEME in line:
            marking = BEGIN_SCHEME in line
        elif solving:
            (scheme if marking else answer).append(line)
    return MarkScheme("\n".join(answer).strip(), "\n".join(scheme).strip())
