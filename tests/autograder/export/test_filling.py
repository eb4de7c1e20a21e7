"""What is not clear, or not finished, does not leave without a word."""

import dataclasses
import datetime
from pathlib import Path

import pytest
from platform_sheets import CANVAS, GRADESCOPE, MOODLE_ENGLISH, by, final

from autograder.deadlines import Lateness
from autograder.errors import UsageError
from autograder.export.book import Book
from autograder.export.canvas import read_canvas
from autograder.export.filling import Choices, Filled, choose, comment
from autograder.export.filling import fill as fill_placed
from autograder.export.grades import FinalGrade
from autograder.export.gradescope import read_gradescope
from autograder.export.matching import place
from autograder.export.moodle import read_moodle
from autograder.export.sheet import read_sheet
from autograder.export.table import grades_table
from autograder.marks import Mark, Marks
from autograder.results import Verdict

JANE = final("doejane_1234", handin=by("canvas", "1234", "doejane"))
BOB = final("oneilbob_1235", 2.0, 1.0, handin=by("canvas", "1235", "oneilbob"))


@pytest.fixture(name="canvas")
def _canvas(tmp_path: Path):
    def canvas(data: bytes = CANVAS) -> Book:
        (tmp_path / "sheet.csv").write_bytes(data)
        return read_canvas(read_sheet(tmp_path / "sheet.csv"), "early_exit", None)

    return canvas


def fill(book: Book, grades: list[FinalGrade], choices: Choices, partial: bool = False) -> Filled:
    return fill_placed(book, place(book, grades, choices.roster, partial), grades, choices)


def lateness(**more) -> Lateness:
    return Lateness(datetime.datetime(2026, 10, 1, tzinfo=datetime.UTC), **more)


def test_waiting_answers_are_never_zero_in_silence(canvas) -> None:
    waits = final("oneilbob_1235", 2.0, None, handin=by("canvas", "1235"))
    changed = final("müllerzoë_1236", 2.0, 1.0, waits=True, handin=by("canvas", "1236"))  # written again since
    with pytest.raises(UsageError, match=r"2 answers of 2 students wait .*oneilbob_1235, müllerzoë_1236.*--unmarked"):
        fill(canvas(), [JANE, waits, changed], Choices())


def test_waiting_students_are_skipped_or_get_their_points_so_far(canvas) -> None:
    waits = final("oneilbob_1235", 2.0, None, handin=by("canvas", "1235"))

    skipped = fill(canvas(), [JANE, waits], Choices(unmarked="skip"))
    assert skipped.data == CANVAS.replace(b'B",,,7', b'B",,5.5,7')
    assert "Answers wait for a person, left out (1 answer of 1 student): oneilbob_1235" in skipped.remarks

    so_far = fill(canvas(), [JANE, waits], Choices(unmarked="so-far"))
    assert so_far.data == skipped.data.replace(b'"=1+1",3,', b'"=1+1",2,')
    assert (
        "Provisional, because answers wait for a person and count as 0 (1 answer of 1 student): oneilbob_1235"
        in so_far.remarks
    )


def test_points_of_an_answer_that_changed_since_do_not_leave(canvas, tmp_path: Path) -> None:
    """Written ones count as 0; a task counts as its checks say now."""
    changed = final("oneilbob_1235", 2.0, 1.0, waits=True, handin=by("canvas", "1235"))
    assert (changed.total, changed.automatic, changed.by_hand) == (2.0, 2.0, 0.0)
    late = dataclasses.replace(changed, lateness=lateness(percent=50.0))
    assert (late.penalty, late.total) == (1.0, 1.0)
    assert comment(changed) == "PROVISIONAL: 2 of 6. mac_ratio: 2 of 4; q_why: not graded yet of 2."
    assert b'"=1+1",2,' in fill(canvas(), [changed], Choices(unmarked="so-far")).data

    task = Mark("mac_ratio", False, 4.0, 1.0, 3.5, 0.5, True)
    overridden = dataclasses.replace(changed, marks=Marks("oneilbob_1235", (task,)))
    assert (overridden.total, overridden.automatic, overridden.by_hand) == (1.0, 1.0, 0.0)
    assert comment(overridden) == "PROVISIONAL: 1 of 4. mac_ratio: 1 of 4."
    said = "Tasks that changed after a person marked them count as the checks say (1): oneilbob_1235"
    assert said in choose([overridden], Choices(unmarked="so-far"))[1]

    (tmp_path / "scores.csv").write_bytes(GRADESCOPE)
    book = read_gradescope(read_sheet(tmp_path / "scores.csv"), "early_exit", None)
    zoe = final("zoe@uni.edu", 0.5, 2.0, waits=True)
    assert b"zoe@uni.edu,A,0.5,6.0" in fill(book, [zoe], Choices(unmarked="so-far", points="keep")).data
    line = grades_table([zoe], per_question=True).decode().splitlines()[1].split(",")
    assert line[-2:] == ["0.5", "0"]


def test_a_provisional_grade_says_so_where_the_sheet_has_a_place(tmp_path: Path) -> None:
    (tmp_path / "sheet.csv").write_bytes(MOODLE_ENGLISH)
    book = read_moodle(read_sheet(tmp_path / "sheet.csv"), "early_exit", None)
    waits = final("Jane Doe_101", 2.0, None, handin=by("moodle", "101", "Jane Doe"))

    data = fill(book, [waits], Choices(unmarked="so-far")).data

    assert b"PROVISIONAL: 2 of 6. mac_ratio: 2 of 4; q_why: not graded yet of 2." in data


def test_comments_need_a_column(canvas) -> None:
    with pytest.raises(UsageError, match="no column for comments that we know"):
        fill(canvas(), [JANE], Choices(comments=True))


def test_a_fault_of_the_grader_is_no_grade(canvas) -> None:
    fault = final("oneilbob_1235", 0.0, None, verdict=Verdict.GRADER_ERROR, handin=by("canvas", "1235"))
    filled = fill(canvas(), [JANE, fault], Choices(missing=0.0))

    assert b'"=1+1",3,' in filled.data
    assert filled.faults == ("oneilbob_1235",)
    assert "The grader failed (GRADER_ERROR), left out; grade again (1): oneilbob_1235" in filled.remarks


def test_a_student_without_a_record_is_refused() -> None:
    lost = FinalGrade("ann", "", None, Verdict.OK, Marks("ann"))
    with pytest.raises(UsageError, match="gradebook has no grade of ann"):
        choose([lost], Choices())


def test_a_graded_student_without_a_line_is_refused_or_left_out_aloud(canvas) -> None:
    ghost = final("ghost_7", handin=by("canvas", "7"))
    with pytest.raises(UsageError, match=r"no line in sheet.csv for ghost_7.*--roster.*--partial"):
        fill(canvas(), [JANE, ghost], Choices())
    filled = fill(canvas(), [JANE, ghost], Choices(), partial=True)
    assert "Not in the sheet, left out (1): ghost_7" in filled.remarks


def test_a_platforms_own_number_is_looked_for_where_such_numbers_are(canvas) -> None:
    """Another student's login may look like it."""
    sheet = CANVAS.replace(b"zmueller", b"1234")
    assert b'B",,5.5,7' in fill(canvas(sheet), [JANE], Choices()).data
    with pytest.raises(UsageError, match=r"several lines of sheet.csv: 1234 \(Doe, Jane; Müller, Zoë\)"):
        fill(canvas(sheet), [final("1234")], Choices())


def test_two_who_fit_one_line_are_refused(canvas) -> None:
    with pytest.raises(UsageError, match=r"same line of sheet.csv: doejane_1234 and jdoe \(line 4\)"):
        fill(canvas(), [JANE, final("jdoe")], Choices())


def test_two_lines_with_one_id_are_refused(canvas) -> None:
    with pytest.raises(UsageError, match=r"several lines for one id: 1234 \(lines 4, 5\)"):
        fill(canvas(CANVAS.replace(b",1235,", b",1234,")), [JANE], Choices())


def test_a_roster_says_who_is_who(canvas) -> None:
    anonymous = final("anon_ab12", handin=by("canvas", "ab12"))
    filled = fill(canvas(), [anonymous], Choices(roster={"anon_ab12": ("jdoe", "1235")}))

    assert b'B",,5.5,7' in filled.data and b'"=1+1",5.5,' in filled.data
    with pytest.raises(UsageError, match=r"no line in sheet.csv for anon_ab12 as jdo. Is"):
        fill(canvas(), [anonymous], Choices(roster={"anon_ab12": ("jdo", "1235")}))


def test_other_points_are_refused_scaled_or_kept(canvas) -> None:
    of_sixty = CANVAS.replace(b",6,10,", b",60,10,")
    with pytest.raises(
        UsageError, match=r"out of 60 points, and the assignment out of 6.*--points scale.*--points keep"
    ):
        fill(canvas(of_sixty), [JANE], Choices())
    scaled = fill(canvas(of_sixty), [JANE], Choices(points="scale"))
    assert b'B",,55,7' in scaled.data and "Scaled from 6 to 60 points" in scaled.remarks
    assert b'B",,5.5,7' in fill(canvas(of_sixty), [JANE], Choices(points="keep")).data
    with pytest.raises(UsageError, match="out of 0 points"):
        fill(canvas(CANVAS.replace(b",6,10,", b",0,10,")), [JANE], Choices(points="scale"))


def test_points_that_differ_from_line_to_line_are_refused(tmp_path: Path) -> None:
    (tmp_path / "sheet.csv").write_bytes(MOODLE_ENGLISH.replace(b'Graded",3.50,6.00', b'Graded",3.50,7.00'))
    book = read_moodle(read_sheet(tmp_path / "sheet.csv"), "early_exit", None)
    jane = final("Jane Doe_101", handin=by("moodle", "101", "Jane Doe"))
    with pytest.raises(UsageError, match="different points at most: 6, 7"):
        fill(book, [jane], Choices())
    assert b",5.5,6.00" in fill(book, [jane], Choices(points="keep")).data


def test_a_penalty_is_taken_off_and_told(canvas) -> None:
    late = final("doejane_1234", handin=by("canvas", "1234"), lateness=lateness(percent=10.0))
    filled = fill(canvas(), [late], Choices())

    assert b'B",,4.95,7' in filled.data
    assert "Penalty for lateness (1): doejane_1234 (−0.55)" in filled.remarks
    assert comment(late) == "4.95 of 6. mac_ratio: 4 of 4; q_why: 1.5 of 2; late: −0.55."


def test_what_is_not_known_of_lateness_is_told(canvas) -> None:
    unknown = final("doejane_1234", handin=by("canvas", "1234"), lateness=lateness(known=False))
    assert "No time known, counted as in time (1): doejane_1234" in (fill(canvas(), [unknown], Choices()).remarks)
    marked = dataclasses.replace(JANE, handin=dataclasses.replace(by("canvas", "1234"), late=True))
    assert "Marked late by the platform, no penalty because no deadline is known (1): doejane_1234" in (
        fill(canvas(), [marked], Choices()).remarks
    )
