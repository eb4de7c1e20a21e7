"""Canvas: the CSV that Grades > Export gives out, and Grades > Import takes.

Read in Canvas's source (lib/gradebook_exporter.rb, lib/gradebook_importer.rb). A header; perhaps a line that says which
columns are posted by hand; a line "Points Possible"; then the students. ``ID`` is the number in the names of "Download
Submissions". Canvas matches a column by the number in brackets, and takes any other for a new assignment.
"""

import re

from autograder.errors import UsageError
from autograder.export.book import Book, Line, column_called, grade_column, no_such_sheet
from autograder.export.sheet import Sheet, number

NUMBERED = r"\(\d+\)$"
PERSONS = ("SIS User ID", "SIS Login ID", "Integration ID")
NAMES = ("Student", "LastName", "FirstName")
TEST_STUDENT = "Student, Test"


def read_canvas(sheet: Sheet, assignment: str, asked: str | None) -> Book:
    """The columns of a Canvas gradebook.

    Raises:
        UsageError: It is none, or the assignment's column is not clear.
    """
    ids = column_called(sheet, ["ID"])
    numbered = [n for n, cell in enumerate(sheet.rows[0]) if re.search(NUMBERED, cell.text)]
    if ids is None or column_called(sheet, ["Section"]) is None:
        raise no_such_sheet(sheet, "a gradebook of Canvas", "columns 'Student', 'ID' and 'Section'")
    students = [row for row in range(1, len(sheet.rows)) if sheet.at(row, ids).isdigit()]
    above = range(1, students[0] if students else len(sheet.rows))
    writable = [column for column in numbered if not any("read only" in sheet.at(row, column) for row in above)]
    column = grade_column(sheet, writable, asked, assignment, NUMBERED)
    possible = next((value for row in above if (value := number(sheet.at(row, column))) is not None), None)
    persons = [found for name in PERSONS if (found := column_called(sheet, [name])) is not None]
    names = [found for name in NAMES if (found := column_called(sheet, [name])) is not None]
    lines = []
    for row in students:
        label = ", ".join(filter(None, (sheet.at(row, name) for name in names)))
        others = tuple(filter(None, (sheet.at(row, person) for person in persons)))
        if label != TEST_STUDENT:
            lines.append(Line(row, sheet.at(row, ids), others, label or sheet.at(row, ids), possible))
    if not lines:
        raise UsageError(f"{sheet.name} has no student in it. Export the gradebook of the course with its students.")
    return Book(sheet, "canvas", column, tuple(lines), settled=frozenset({"ex"}))
