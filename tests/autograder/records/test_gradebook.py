"""What the gradebook says of written answers: 0 where there is none, else a person's turn."""

import contextlib
import dataclasses
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from small_course import submission

from autograder.course import Course, Graded, Observed
from autograder.intake.parse import Cell, Submission, parse_notebook
from autograder.intake.rebuild import rebuild
from autograder.records.gradebook import Records
from autograder.results import Grade, Verdict

QUEUE = """select grade.auto_score, grade.needs_manual_grade, comment.auto_comment from grade
    join submitted_notebook on grade.notebook_id = submitted_notebook.id
    join submitted_assignment on submitted_notebook.assignment_id = submitted_assignment.id
    join base_cell on grade.cell_id = base_cell.id
    join comment on comment.notebook_id = submitted_notebook.id
    join base_cell as answer on comment.cell_id = answer.id and answer.name = base_cell.name
    where base_cell.name = 'q_why' and submitted_assignment.student_id = ?"""


@pytest.fixture(name="records")
def _records(prepared: Course, tmp_path: Path) -> Iterator[Records]:
    shutil.copytree(prepared.settings.workspace, tmp_path / "ws")  # other tests use the course's own
    settings = dataclasses.replace(prepared.settings, workspace=tmp_path / "ws")
    with contextlib.closing(Records(dataclasses.replace(prepared, settings=settings))) as records:
        yield records


def entered(records: Records, folder: Path, student: str, observed: Observed, message: str = "") -> tuple:
    records.add_scores(Graded(Grade(student, observed.verdict, message=message), observed))
    with contextlib.closing(sqlite3.connect(folder / "ws" / "gradebook.db")) as book:
        return book.execute(QUEUE, (student,)).fetchone()


def handed_in(course: Course, *added: dict[str, Any], **answers: str) -> Observed:
    cells = parse_notebook(submission(course.released, **answers), "x").cells
    whole = Submission("x", (*cells, *(Cell(**cell) for cell in added)))
    return Observed("x", Verdict.OK, rebuilt=rebuild(whole, course.master))


def test_an_answer_waits_for_a_person(records: Records, prepared: Course, tmp_path: Path) -> None:
    assert entered(records, tmp_path, "ann", handed_in(prepared, q_why="Because.")) == (None, 1, None)


def test_an_untouched_question_is_0(records: Records, prepared: Course, tmp_path: Path) -> None:
    assert entered(records, tmp_path, "bob", handed_in(prepared)) == (0, 0, "No response.")


@pytest.mark.parametrize("cell", [{"kind": "markdown", "source": "Because."}, {"kind": "code", "source": "# because"}])
def test_words_below_an_untouched_question_wait_for_a_person(
    records: Records, prepared: Course, tmp_path: Path, cell: dict[str, str]
) -> None:
    assert entered(records, tmp_path, "cem", handed_in(prepared, cell)) == (None, 1, None)


def test_what_cannot_be_read_waits_and_says_why(records: Records, prepared: Course, tmp_path: Path) -> None:
    bad = Observed("dan", Verdict.BAD_FILE)

    assert entered(records, tmp_path, "dan", bad, "It breaks off <here>.") == (None, 1, "It breaks off <\u200bhere>.")


def test_an_empty_file_is_0_and_our_own_fault_is_nobodys(records: Records, prepared: Course, tmp_path: Path) -> None:
    assert entered(records, tmp_path, "eva", Observed("eva", Verdict.EMPTY)) == (0, 0, "No response.")
    assert entered(records, tmp_path, "fay", Observed("fay", Verdict.GRADER_ERROR)) == (None, 1, None)
