"""Reads what an export needs from the workspace and the course: grades, deadlines, and who is who."""

from collections.abc import Mapping
from pathlib import Path

from autograder.assignments.assignment import assignments_of
from autograder.config import Settings
from autograder.deadlines import Arrival, Deadlines
from autograder.deadlines_file import load_deadlines
from autograder.errors import UsageError
from autograder.export.book import column_called
from autograder.export.grades import FinalGrade, final_grades
from autograder.export.sheet import read_sheet
from autograder.marks import Marks
from autograder.records.marks import load_marks
from autograder.records.results_json import load_results, results_path
from autograder.results import ClassResults

DEADLINES = "deadlines.toml"


def load_grades(
    settings: Settings, deadlines: Path | None = None, roster: Mapping[str, object] | None = None
) -> tuple[FinalGrade, ...]:
    """Everyone's grade as of now.

    Args:
        deadlines: The file of deadlines; None for the course's, if it has one.
        roster: Students who may not have handed in.

    Raises:
        UsageError: There are no results, or a file is damaged.
    """
    name, workspace = settings.assignment.name, settings.workspace
    results, marks = load_results(workspace, name), load_marks(workspace, name)
    rules = deadlines_of(settings, deadlines)
    if rules is None or name not in rules.rules:
        return final_grades(results, marks, {})
    arrivals = {name: _arrivals(results, marks)}
    for other in set(rules.rules) - {name}:
        if results_path(workspace, other).is_file():
            arrivals[other] = _arrivals(load_results(workspace, other), load_marks(workspace, other))
    return final_grades(results, marks, rules.lateness(name, arrivals, roster or {}))


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

    Raises:
        UsageError: It is no table with the columns ``student`` and ``id``.
    """
    sheet = read_sheet(file)
    student, known_by = column_called(sheet, ["student"]), column_called(sheet, ["id"])
    if student is None or known_by is None:
        raise UsageError(
            f"{file.name} has no columns student and id. Expected: in each line the student's name in the report, and "
            "what the platform's sheet knows that person by."
        )
    roster: dict[str, tuple[str, ...]] = {}
    for row in range(1, len(sheet.rows)):
        who, called = sheet.at(row, student), sheet.at(row, known_by)
        if who and called:
            roster[who] = (*roster.get(who, ()), called)
    return roster


def _arrivals(results: ClassResults, marks: Mapping[str, Marks]) -> dict[str, Arrival]:
    """When each student's work came: what the platform says, else the gradebook, whose times are UTC."""
    arrivals = {}
    for student in {grade.student for grade in results.grades} | {*marks}:
        handin = next((grade.handin for grade in results.grades if grade.student == student), None)
        booked = marks[student].submitted if student in marks else ""
        time = (handin.submitted if handin else "") or (f"{booked}+00:00" if booked else "")
        arrivals[student] = Arrival(time, handin.late if handin else None, handin.id if handin else "")
    return arrivals
