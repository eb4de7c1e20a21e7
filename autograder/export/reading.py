"""Reads what an export needs from the workspace and the course: grades, deadlines, and who is who."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from autograder.assignments.assignment import assignments_of
from autograder.config import Settings
from autograder.deadlines import Arrival, Deadlines
from autograder.deadlines_file import load_deadlines
from autograder.errors import UsageError
from autograder.export.book import Book, column_called
from autograder.export.grades import FinalGrade, final_grades
from autograder.export.matching import Placed, place
from autograder.export.moodle import read_moodle
from autograder.export.sheet import read_sheet
from autograder.records.marks import load_marks
from autograder.records.results_json import load_results, results_path

DEADLINES = "deadlines.toml"


def load_grades(workspace: Path, assignment: str) -> tuple[FinalGrade, ...]:
    """Everyone's grade as of now, before anything is taken off for lateness.

    Raises:
        UsageError: There are no results, or what holds them is damaged.
    """
    return final_grades(load_results(workspace, assignment), load_marks(workspace, assignment))


def grades_with_lateness(
    settings: Settings,
    deadlines: Path | None,
    worksheet: Path | None,
    column: str | None,
    roster: Mapping[str, tuple[str, ...]],
) -> tuple[FinalGrade, ...]:
    """Everyone's grade as of now, for what is no platform's sheet.

    Args:
        worksheet: Moodle's, for its times.
        column: The grade's column in it; None for a name that we know.

    Raises:
        UsageError: A file cannot be read or used.
    """
    name = settings.assignment.name
    grades = load_grades(settings.workspace, name)
    times: dict[str, str] = {}
    if worksheet:
        book = read_moodle(read_sheet(worksheet), name, column)
        times = times_in(book, place(book, grades, roster, partial=True))
    return with_lateness(grades, settings, deadlines, times, roster)


def with_lateness(
    grades: Sequence[FinalGrade],
    settings: Settings,
    file: Path | None = None,
    times: Mapping[str, str] | None = None,
    roster: Collection[str] = (),
) -> tuple[FinalGrade, ...]:
    """The grades with what the deadlines say of each student.

    Args:
        file: The deadlines; None for the course's, if it has any.
        times: Student -> when, where the platform's sheet says it and the file names do not.
        roster: Students who may not have handed in.

    Raises:
        UsageError: The deadlines cannot be read or applied.
    """
    name, deadlines = settings.assignment.name, deadlines_of(settings, file)
    if deadlines is None:
        return tuple(grades)
    arrivals = {name: _arrivals(grades, times or {})}
    for other in set(deadlines.rules) - {name}:
        if results_path(settings.workspace, other).is_file():
            arrivals[other] = _arrivals(load_grades(settings.workspace, other), {})
    found = deadlines.lateness(name, arrivals, roster)
    return tuple(replace(one, lateness=found.get(one.student)) for one in grades)


def times_in(book: Book, placed: Placed) -> dict[str, str]:
    """Student -> when, as the sheet says it; of a team the last."""
    times: dict[str, str] = {}
    for row, student in placed.rows.items():
        if time := book.times.get(row):
            times[student] = max(time, times.get(student, ""))
    return times


def deadlines_of(settings: Settings, file: Path | None = None) -> Deadlines | None:
    """The deadlines; None where the course has none.

    Raises:
        UsageError: The file cannot be used, or one that was named is not there.
    """
    if file is not None and not file.is_file():
        raise UsageError(f"There is no file {file}. Name the file of deadlines, or leave --deadlines out.")
    return load_deadlines(file or settings.course / DEADLINES, assignments_of(settings.course))


def load_roster(file: Path) -> dict[str, tuple[str, ...]]:
    """Student -> what a sheet knows them by; several for a team, whose members all get its grade.

    Without a column ``student``, or where it is empty, somebody is called what the sheet calls them.

    Raises:
        UsageError: It is no table with a column ``id``.
    """
    sheet = read_sheet(file)
    student, known_by = column_called(sheet, ["student"]), column_called(sheet, ["id"])
    if known_by is None:
        raise UsageError(
            f"{file.name} has no column id. Expected: in each line what the platform's sheet knows somebody by, and "
            "under student the name in the report."
        )
    roster: dict[str, tuple[str, ...]] = {}
    for row in range(1, len(sheet.rows)):
        if called := sheet.at(row, known_by):
            who = (sheet.at(row, student) if student is not None else "") or called
            roster[who] = (*roster.get(who, ()), called)
    return roster


def missing_from(grades: Sequence[FinalGrade], roster: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Students of a roster who handed in nothing."""
    known = {one.student for one in grades} | {one.handin.id for one in grades if one.handin}
    return sorted(student for student, ids in roster.items() if not known & {student, *ids})


def _arrivals(grades: Sequence[FinalGrade], times: Mapping[str, str]) -> dict[str, Arrival]:
    """When each student's work came: what the platform says, else the gradebook, whose times are UTC."""
    arrivals = {}
    for grade in grades:
        handin, booked = grade.handin, grade.marks.submitted
        said = (handin.submitted if handin else "") or times.get(grade.student, "")
        time = said or (f"{booked}+00:00" if booked else "")
        arrivals[grade.student] = Arrival(time, handin.late if handin else None, handin.id if handin else "")
    return arrivals
