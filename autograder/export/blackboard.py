"""Blackboard (original): what "Work offline > Download grades" gives out, as CSV or as a tab-separated ``.xls``.

A column is called ``Early exit [Total Pts: 37 Score] |123456``. Blackboard finds it by the number behind the bar; for a
name without one it makes a new column. Columns of texts say ``Text`` in place of ``Score``. The line is found by the
user name, which is also in the names of the downloaded files. Other languages than English call its column otherwise.
"""

import re

from autograder.errors import UsageError
from autograder.export.book import Book, Line, column_called, grade_column, no_such_sheet
from autograder.export.sheet import Sheet, number

NUMBERED = r"\[[^\[\]]*\]\s*\|\s*\d+$"
USER = ("Username", "User Name", "Benutzername", "Nombre de usuario", "Nom d'utilisateur", "Gebruikersnaam")
PERSONS = ("Student ID", "Student-ID", "ID de alumno")
COMMENT = ("Feedback to Learner", "Feedback to User")


def read_blackboard(sheet: Sheet, assignment: str, asked: str | None) -> Book:
    """The columns of a Blackboard grade sheet.

    Raises:
        UsageError: It is none, or a column is not clear.
    """
    user = column_called(sheet, USER)
    named = enumerate(cell.text.strip() for cell in sheet.rows[0])
    numbered = [n for n, name in named if re.search(NUMBERED, name) and not re.search(r" Text\]\s*\|", name)]
    if user is None or not numbered:
        expected = "columns 'Username' and 'Title [Total Pts: 37 Score] |123456'"
        raise no_such_sheet(sheet, "a grade sheet of Blackboard", expected)
    column = grade_column(sheet, numbered, asked, assignment, NUMBERED)
    most = re.search(r"([\d.,]+)[^\[\]\d]*\]\s*\|", sheet.at(0, column))
    possible = number(most[1]) if most else None
    person = column_called(sheet, PERSONS)
    lines = []
    for row in range(1, len(sheet.rows)):
        if not (name := sheet.at(row, user)):
            continue
        label = ", ".join(filter(None, (sheet.at(row, n) for n in range(min(user, 2)))))
        others = (sheet.at(row, person),) if person is not None and sheet.at(row, person) else ()
        lines.append(Line(row, name, others, label or name, possible))
    if not lines:
        raise UsageError(f"{sheet.name} has no student in it. Download the grades of the course with its students.")
    return Book(sheet, "blackboard", column, tuple(lines), column_called(sheet, COMMENT))
