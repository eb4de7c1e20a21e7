"""What the gradebook says of a student's questions, read without nbgrader."""

import contextlib
import dataclasses
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from autograder.course import Course, Graded
from autograder.errors import UsageError
from autograder.marks import Mark, Marks
from autograder.records.gradebook import Records
from autograder.records.marks import load_marks
from autograder.records.nbgrader_store import gradebook_url


@pytest.fixture(name="workspace")
def _workspace(prepared: Course, graded: Callable[..., Graded], tmp_path: Path) -> Path:
    """A workspace with one student, whose answers are right and whose words wait for a person."""
    shutil.copytree(prepared.settings.workspace, tmp_path / "ws")
    settings = dataclasses.replace(prepared.settings, workspace=tmp_path / "ws")
    with contextlib.closing(Records(dataclasses.replace(prepared, settings=settings))) as records:
        records.add(graded(q_why="Because."))
    return tmp_path / "ws"


def test_tasks_have_the_graders_points_and_words_wait_for_a_person(workspace: Path) -> None:
    marks = load_marks(workspace, "small")["student"]

    assert [(mark.question, mark.written, mark.score, mark.waits) for mark in marks.marks] == [
        ("mac_ratio", False, 1.0, False),
        ("choose_tolerance", False, 3.0, False),
        ("q_why", True, None, True),
    ]
    assert (marks.score, marks.max_score, marks.waiting) == (4.0, 6.0, ("q_why",))


def test_what_a_person_gave_counts_with_the_comment(workspace: Path) -> None:
    with Gradebook(gradebook_url(workspace)) as gradebook:
        written = gradebook.find_grade("q_why", "small", "small", "student")
        written.manual_score, written.extra_credit, written.needs_manual_grade = 1.5, 0.5, False
        task = gradebook.find_grade("check_mac_ratio", "small", "small", "student")
        task.manual_score = 0.5
        gradebook.find_comment("q_why", "small", "small", "student").manual_comment = "Say for whom."
        gradebook.find_comment("mac_ratio", "small", "small", "student").manual_comment = "See me."
        student = gradebook.find_student("student")
        student.first_name, student.last_name = "Ann", "Lee"
        gradebook.db.commit()

    marks = load_marks(workspace, "small")["student"]

    assert (marks.name, marks.score, marks.waiting) == ("Ann Lee", 5.5, ())
    assert [mark.comment for mark in marks.marks] == ["See me.", "", "Say for whom."]
    assert [mark.changed_by_hand for mark in marks.marks] == [True, False, False]


def test_without_a_gradebook_there_are_no_marks(tmp_path: Path) -> None:
    assert load_marks(tmp_path, "small") == {}
    (tmp_path / "gradebook.db").touch()
    assert load_marks(tmp_path, "small") == {}


def test_a_damaged_gradebook_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "gradebook.db").write_text("This is no database. " * 100)
    with pytest.raises(UsageError, match=r"gradebook.db cannot be read .*not a database"):
        load_marks(tmp_path, "small")


def test_reading_changes_nothing(workspace: Path) -> None:
    before = (workspace / "gradebook.db").read_bytes()
    with contextlib.closing(sqlite3.connect(workspace / "gradebook.db")):
        load_marks(workspace, "small")
    assert (workspace / "gradebook.db").read_bytes() == before


def test_a_question_that_nobody_marked_counts_nothing_and_waits() -> None:
    marks = Marks("ann", (Mark("q", True, 2.0), Mark("t", False, 3.0, automatic=2.0)))
    assert (marks.score, marks.max_score, marks.waiting) == (2.0, 5.0, ("q",))
