"""Reads marks from the workspace's gradebook, by sqlite: nbgrader takes seconds to import, and writes when it reads."""

import contextlib
import sqlite3
from itertools import groupby
from pathlib import Path

from autograder.errors import UsageError
from autograder.intake.master import CHECK
from autograder.marks import Mark, Marks
from autograder.results import ClassResults

# A written answer has its points and its comment in one place (two rows of nbgrader's, of one name). A task has its
# points at its self-check and its comment at the student's cell. Cells are made in the order of the notebook
# (nbgrader's SaveCells), and rowid keeps it.
QUERY = """
    SELECT submitted_assignment.student_id, student.first_name, student.last_name, submitted_assignment.timestamp,
        points.name, words.id IS NOT NULL, grade_cells.max_score, grade.auto_score, grade.manual_score,
        grade.extra_credit, grade.needs_manual_grade, comment.manual_comment
    FROM grade
    JOIN base_cell AS points ON points.id = grade.cell_id
    JOIN grade_cells ON grade_cells.id = grade.cell_id
    JOIN submitted_notebook ON submitted_notebook.id = grade.notebook_id
    JOIN submitted_assignment ON submitted_assignment.id = submitted_notebook.assignment_id
    JOIN student ON student.id = submitted_assignment.student_id
    JOIN assignment ON assignment.id = submitted_assignment.assignment_id
    LEFT JOIN base_cell AS words ON words.name = points.name
        AND words.notebook_id = points.notebook_id AND words.type = 'SolutionCell'
    LEFT JOIN base_cell AS code ON ? || code.name = points.name
        AND code.notebook_id = points.notebook_id AND code.type = 'SolutionCell'
    LEFT JOIN comment ON comment.cell_id = coalesce(words.id, code.id) AND comment.notebook_id = grade.notebook_id
    WHERE assignment.name = ? AND grade_cells.max_score > 0
    ORDER BY submitted_assignment.student_id, points.rowid"""


def load_marks(workspace: Path, assignment: str) -> dict[str, Marks]:
    """The marks of every student with a submission; none where there is no gradebook.

    Raises:
        UsageError: The gradebook cannot be read.
    """
    file = workspace / "gradebook.db"
    if not file.is_file() or not file.stat().st_size:
        return {}
    try:
        with contextlib.closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=30)) as book:
            rows = book.execute(QUERY, [CHECK, assignment]).fetchall()
    except sqlite3.Error as error:
        raise UsageError(
            f"The gradebook {file} cannot be read ({error}). Close what has it open, and try again."
        ) from None
    found = {}
    for (student, first, last, submitted), of_student in groupby(rows, key=lambda row: row[:4]):
        marks = tuple(_mark(*row[4:]) for row in of_student)
        name = " ".join(part for part in (first, last) if part)
        found[student] = Marks(student, marks, name, (submitted or "").replace(" ", "T").partition(".")[0])
    return found


def marked(results: ClassResults, workspace: Path) -> ClassResults:
    """The results with what the gradebook says now.

    Raises:
        UsageError: The gradebook cannot be read.
    """
    return results.with_marks(load_marks(workspace, results.assignment))


def _mark(
    question: str,
    written: int,
    max_score: float,
    automatic: float | None,
    by_hand: float | None,
    extra: float | None,
    waits: int,
    comment: str | None,
) -> Mark:
    return Mark(
        question if written else question.removeprefix(CHECK),
        bool(written),
        max_score,
        automatic,
        by_hand,
        extra or 0.0,
        bool(waits),
        comment or "",
    )
