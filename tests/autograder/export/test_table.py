"""Our own table: everything a grade is made of, and no formula."""

import csv
import datetime
import io

from platform_sheets import by, final

from autograder.deadlines import Lateness
from autograder.export.table import COLUMNS, grades_table
from autograder.results import Verdict

DUE = datetime.datetime(2026, 10, 1, 12, tzinfo=datetime.UTC)


def rows(data: bytes) -> list[dict[str, str]]:
    return [*csv.DictReader(io.StringIO(data.decode("utf-8"), newline=""))]


def test_a_line_says_what_the_grade_is_made_of() -> None:
    late = Lateness(DUE, DUE + datetime.timedelta(hours=30), datetime.timedelta(hours=30), 1, 10.0, reason="ill, once")
    (row,) = rows(grades_table([final("ann", handin=by("canvas", "7", "leeann"), lateness=late)], per_question=True))

    expected = (
        "ann||canvas|7||OK|4|1.5|0.55|4.95|6|0|2026-10-02T18:00:00+00:00|2026-10-01T12:00:00+00:00|30|1|ill, once|4|1.5"
    )
    assert row == dict(zip((*COLUMNS, "mac_ratio", "q_why"), expected.split("|"), strict=True))


def test_what_waits_is_counted_and_its_question_is_empty() -> None:
    (row,) = rows(grades_table([final("ann", 4.0, None, handin=by("moodle", "7", submitted="2026-10-01"))], True))
    assert (row["total"], row["needs_grading"], row["q_why"], row["submitted"]) == ("4", "1", "", "2026-10-01")


def test_a_fault_of_the_grader_has_no_points() -> None:
    (row,) = rows(grades_table([final("ann", 0.0, verdict=Verdict.GRADER_ERROR)], True))
    assert (row["verdict"], row["automatic"], row["total"], row["mac_ratio"]) == ("GRADER_ERROR", "", "", "")


def test_no_cell_is_a_formula() -> None:
    (row,) = rows(grades_table([final("=HYPERLINK(1)", handin=by("flat", "@id", "+name"))]))
    assert (row["student"], row["id"]) == ("'=HYPERLINK(1)", "'@id")


def test_an_empty_class_is_a_header() -> None:
    assert grades_table([], True).decode() == ",".join(COLUMNS) + "\n"
