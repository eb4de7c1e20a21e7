"""What a platform's download calls its students is what its sheet of grades calls them: everyone meets their line."""

import csv
import io
from pathlib import Path

import pytest
from platform_classes import GROUP, PEOPLE, SCHEMES, made, packed
from platform_sheets import final

from autograder.errors import UsageError
from autograder.export.blackboard import read_blackboard
from autograder.export.canvas import read_canvas
from autograder.export.filling import Choices, fill
from autograder.export.grades import FinalGrade
from autograder.export.gradescope import read_gradescope
from autograder.export.matching import place
from autograder.export.moodle import read_moodle
from autograder.export.sheet import read_sheet
from autograder.intake.find import find_class

CANVAS = ["Student", "ID", "SIS Login ID", "Section", "Early exit (7)"]
MOODLE = ["Identifier", "Full name", "Email address", "Grade", "Maximum grade", "Last modified (grade)"]
BLACKBOARD = ["Last Name", "First Name", "Username", "Early exit [Total Pts: 6 Score] |77"]
GRADESCOPE = ["First Name", "Last Name", "SID", "Email", "Total Score", "Max Points"]


def rows_of(platform: str, blind: bool = False) -> list[list[str]]:
    """The platform's sheet with everyone in it, the last handed in first."""
    rows = {"canvas": [CANVAS], "moodle": [MOODLE], "blackboard": [BLACKBOARD], "gradescope": [GRADESCOPE]}[platform]
    for who in reversed(PEOPLE):
        first, last = who.name.split(" ", 1)
        rows = [
            *rows,
            {
                "canvas": [f"{last}, {first}", str(who.number), who.user, "A", ""],
                "moodle": [f"Participant {who.number}", who.name, f"{who.user}@uni.edu", "", "6", "-"],
                "blackboard": [last, first, who.user, ""],
                "gradescope": [first, last, str(who.number), f"{who.user}@uni.edu", "", "6"],
            }[platform],
        ]
    return [[row[0], *row[3:]] for row in rows] if blind else rows


READERS = {"canvas": read_canvas, "moodle": read_moodle, "blackboard": read_blackboard, "gradescope": read_gradescope}


def graded(scheme: str, folder: Path) -> list[FinalGrade]:
    """The class of a scheme, everyone with other points."""
    files, _ = made(SCHEMES[scheme])
    found = find_class(packed(files, folder / "class.zip"), "early_exit").found
    return [final(one.student, n / 4, 0.0, handin=one.handin) for n, one in enumerate(found)]


@pytest.mark.parametrize(
    ("scheme", "platform"),
    [
        ("canvas", "canvas"),
        ("moodle", "moodle"),
        ("moodle, files without folders", "moodle"),
        ("moodle, blind marking", "moodle"),
        ("blackboard", "blackboard"),
        ("blackboard in Dutch", "blackboard"),
        ("gradescope", "gradescope"),
        ("nbgrader", "canvas"),
        ("files and folders named after students", "blackboard"),
        ("a zip of each student", "gradescope"),
    ],
)
def test_everyone_meets_their_own_line(tmp_path: Path, scheme: str, platform: str) -> None:
    grades = graded(scheme, tmp_path)
    before = rows_of(platform, "blind" in scheme)
    with (tmp_path / "sheet.csv").open("w", newline="") as file:
        csv.writer(file).writerows(before)
    book = READERS[platform](read_sheet(tmp_path / "sheet.csv"), "early_exit", None)

    filled = fill(book, place(book, grades, {}), grades, Choices())

    after = [*csv.reader(io.StringIO(filled.data.decode(), newline=""))]
    expected = {}
    for grade in grades:
        (who,) = (one for one in PEOPLE if SCHEMES[scheme].row(one) == grade.student)
        expected[who.name] = grade.total
    people = {who.name: row for who, row in zip(reversed(PEOPLE), after[1:], strict=True)}
    assert {name: float(row[book.column]) for name, row in people.items() if row[book.column]} == expected
    assert len(expected) == len(PEOPLE) - (SCHEMES[scheme].group != "members")
    assert [row[: book.column] + row[book.column + 1 :] for row in after] == [
        row[: book.column] + row[book.column + 1 :] for row in before
    ]


@pytest.mark.parametrize(("scheme", "platform"), [("moodle, teams", "moodle"), ("canvas, anonymous", "canvas")])
def test_teams_and_the_anonymous_need_a_roster(tmp_path: Path, scheme: str, platform: str) -> None:
    grades = graded(scheme, tmp_path)
    with (tmp_path / "sheet.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows_of(platform))
    book = READERS[platform](read_sheet(tmp_path / "sheet.csv"), "early_exit", None)
    with pytest.raises(UsageError, match="There is no line"):
        place(book, grades, {})

    roster = {SCHEMES[scheme].row(who): (str(who.number),) for who in PEOPLE}
    roster |= {"Default group": tuple(str(PEOPLE[n].number) for n in GROUP)}
    placed = place(book, grades, {one: roster[one] for one in roster if platform == "canvas" or one == "Default group"})
    assert len(placed.rows) == len(PEOPLE) - (platform == "canvas")
