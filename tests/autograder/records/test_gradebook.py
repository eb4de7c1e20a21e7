"""What the gradebook says of a submission: what is 0, what is a person's turn and stays it, who and when."""

import contextlib
import dataclasses
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook
from small_course import submission

from autograder.course import Course, Graded, Observed
from autograder.intake.parse import Cell, Submission, parse_notebook
from autograder.intake.rebuild import rebuild
from autograder.marks import Mark
from autograder.pictures import Picture
from autograder.records.gradebook import Records
from autograder.records.marks import load_marks
from autograder.results import CheckResult, Grade, Handin, TaskGrade, Verdict

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


def graded(observed: Observed, ratio: bool = True) -> Graded:
    """One student with two tasks, of which the first is right or wrong."""
    tasks = tuple(
        TaskGrade(task, points, (CheckResult("It is right.", passed),))
        for task, points, passed in (("mac_ratio", 1.0, ratio), ("choose_tolerance", 3.0, True))
    )
    return Graded(Grade("ann", observed.verdict, tasks), observed)


def by_hand(folder: Path, cell: str, points: float) -> None:
    """What formgrader does when a person types points."""
    with Gradebook(f"sqlite:///{folder / 'ws' / 'gradebook.db'}") as book:
        grade = book.find_grade(cell, "small", "small", "ann")
        grade.manual_score, grade.needs_manual_grade = points, False
        book.db.commit()


def mark(folder: Path, question: str) -> Mark:
    marks = load_marks(folder / "ws", "small")["ann"].marks
    return next(one for one in marks if one.question == question)


def test_a_marked_answer_waits_again_only_when_it_changes(records: Records, prepared: Course, tmp_path: Path) -> None:
    records.add_scores(graded(handed_in(prepared, q_why="Because.")))
    by_hand(tmp_path, "q_why", 1.5)

    said = []
    for answer in ("Because.", "  Because. \n", "Because of MACs.", "Because of MACs."):
        records.add_scores(graded(handed_in(prepared, q_why=answer)))
        said.append((mark(tmp_path, "q_why").by_hand, mark(tmp_path, "q_why").waits))
    by_hand(tmp_path, "q_why", 2.0)
    records.add_scores(graded(handed_in(prepared, q_why="Because of MACs.")))

    assert said == [(1.5, False), (1.5, False), (1.5, True), (1.5, True)], "it waits until a person has looked"
    assert not mark(tmp_path, "q_why").waits


@pytest.mark.parametrize(
    "then", [Observed("x", Verdict.BAD_FILE), Observed("x", Verdict.EMPTY)], ids=lambda one: one.verdict
)
def test_a_marked_answer_that_is_gone_waits(then: Observed, records: Records, prepared: Course, tmp_path: Path) -> None:
    records.add_scores(graded(handed_in(prepared, q_why="Because.")))
    by_hand(tmp_path, "q_why", 1.5)

    records.add_scores(graded(then))

    assert (mark(tmp_path, "q_why").by_hand, mark(tmp_path, "q_why").waits) == (1.5, True)


def test_a_fault_of_ours_between_changes_nothing(records: Records, prepared: Course, tmp_path: Path) -> None:
    answered = graded(handed_in(prepared, q_why="Because."))
    records.add_scores(answered)
    by_hand(tmp_path, "q_why", 1.5)
    by_hand(tmp_path, "check_mac_ratio", 0.5)

    records.add_scores(Graded(Grade("ann", Verdict.GRADER_ERROR), Observed("ann", Verdict.GRADER_ERROR)))
    records.add_scores(answered)

    assert [mark(tmp_path, question).waits for question in ("q_why", "mac_ratio")] == [False, False]


def test_words_and_code_below_an_answer_are_part_of_it(records: Records, prepared: Course, tmp_path: Path) -> None:
    records.add_scores(graded(handed_in(prepared, q_why="Because.")))
    by_hand(tmp_path, "q_why", 1.5)

    records.add_scores(graded(handed_in(prepared, {"kind": "code", "source": "plot(macs)"}, q_why="Because.")))

    assert mark(tmp_path, "q_why").waits


def test_another_picture_in_an_answer_is_a_change_and_its_number_is_none(
    records: Records, prepared: Course, tmp_path: Path
) -> None:
    def drawn(number: int, content: str) -> Graded:
        observed = handed_in(prepared, q_why=f"See [picture {number}]")
        assert observed.rebuilt
        pictures = {f"[picture {number}]": Picture("image/png", content)}
        return graded(dataclasses.replace(observed, rebuilt=dataclasses.replace(observed.rebuilt, pictures=pictures)))

    records.add_scores(drawn(1, "aaaa"))
    by_hand(tmp_path, "q_why", 1.5)
    records.add_scores(drawn(2, "aaaa"))
    same = mark(tmp_path, "q_why").waits
    records.add_scores(drawn(2, "bbbb"))

    assert (same, mark(tmp_path, "q_why").waits) == (False, True)


def test_points_of_a_task_changed_by_hand_stay_and_wait_only_when_the_checks_say_otherwise(
    records: Records, prepared: Course, tmp_path: Path
) -> None:
    answers = handed_in(prepared, q_why="Because.")
    records.add_scores(graded(answers, ratio=False))
    by_hand(tmp_path, "check_mac_ratio", 0.5)

    records.add_scores(graded(answers, ratio=False))
    same = mark(tmp_path, "mac_ratio")
    records.add_scores(graded(answers))
    changed = mark(tmp_path, "mac_ratio")

    assert (same.automatic, same.by_hand, same.waits) == (0.0, 0.5, False)
    assert (changed.automatic, changed.by_hand, changed.waits) == (1.0, 0.5, True)


def test_comments_extra_credit_and_flags_survive(records: Records, prepared: Course, tmp_path: Path) -> None:
    records.add_scores(graded(handed_in(prepared, q_why="Because.")))
    with Gradebook(f"sqlite:///{tmp_path / 'ws' / 'gradebook.db'}") as book:
        book.find_grade("check_mac_ratio", "small", "small", "ann").extra_credit = 0.25
        book.find_comment("q_why", "small", "small", "ann").manual_comment = "Say for whom."
        book.find_submission_notebook("small", "small", "ann").flagged = True
        book.db.commit()

    records.add_scores(graded(handed_in(prepared, q_why="Another.")))

    assert (mark(tmp_path, "mac_ratio").extra, mark(tmp_path, "q_why").comment) == (0.25, "Say for whom.")
    with Gradebook(f"sqlite:///{tmp_path / 'ws' / 'gradebook.db'}") as book:
        assert book.find_submission_notebook("small", "small", "ann").flagged


def at(observed: Observed, submitted: str, original: bytes = b"{}", **handin: str) -> Graded:
    handed = Handin("nbgrader", submitted=submitted, **handin)  # type: ignore[arg-type]
    return graded(dataclasses.replace(observed, original=original, handin=handed))


def test_the_time_of_a_hand_in_is_nbgraders_time(
    records: Records, prepared: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    observed = handed_in(prepared)
    stamp = tmp_path / "ws" / "submitted" / "ann" / "small" / "timestamp.txt"

    records.add(at(observed, "2026-09-24T21:26:00+02:00"))
    first = stamp.read_text(), load_marks(tmp_path / "ws", "small")["ann"].submitted
    records.add(at(observed, ""))  # the same file, by a way that does not say when
    same = stamp.is_file(), load_marks(tmp_path / "ws", "small")["ann"].submitted
    records.add(at(observed, "", b"[]"))  # another file
    other = stamp.exists(), load_marks(tmp_path / "ws", "small")["ann"].submitted

    assert first == ("2026-09-24 19:26:00.000000 UTC\n", "2026-09-24T19:26:00")
    assert same == (True, "2026-09-24T19:26:00")
    assert other == (False, "")


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("Jane van Doe", "Jane van Doe"),
        ("Doe, Jane", "Jane Doe"),
        ("doejane", "doejane"),
        ("", "ann"),
        ("=<img src=x onerror=alert(1)> O'Brien\u202e", "img src=x onerror=alert(1) O'Brien"),
    ],
)
def test_a_student_has_the_platforms_name_and_keeps_a_persons(
    name: str, known: str, records: Records, prepared: Course, tmp_path: Path
) -> None:
    records.add(at(handed_in(prepared), "", name=name))
    assert load_marks(tmp_path / "ws", "small")["ann"].name == known
    with Gradebook(f"sqlite:///{tmp_path / 'ws' / 'gradebook.db'}") as book:
        student = book.find_student("ann")
        student.first_name, student.last_name = "Ann", "Lee"
        book.db.commit()

    records.add(at(handed_in(prepared), "", name="Somebody Else"))

    assert load_marks(tmp_path / "ws", "small")["ann"].name == "Ann Lee"
