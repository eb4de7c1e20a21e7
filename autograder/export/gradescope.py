"""Gradescope: the scores that "Download Grades" gives out as CSV, with a column for each question.

We know of no way to give that file back to Gradescope. It is filled for whoever keeps grades in tables: points total
and by question, on the lines of Gradescope's own names, student numbers and e-mail addresses.
"""

import re

from autograder.errors import UsageError
from autograder.export.book import Book, Line, column_called, grade_column, no_such_sheet, plain
from autograder.export.sheet import Sheet, number

TOTAL, MOST = "Total Score", "Max Points"
PERSONS = ("SID", "Email", "Name", "First Name", "Last Name")


def read_gradescope(sheet: Sheet, assignment: str, asked: str | None) -> Book:
    """The columns of Gradescope's table of scores.

    Raises:
        UsageError: It is none, or a column is not clear.
    """
    at = {name: column_called(sheet, [name]) for name in (*PERSONS, TOTAL, MOST, "Submission ID")}
    if at["Email"] is None or (at[TOTAL] is None and asked is None):
        raise no_such_sheet(sheet, "a table of scores of Gradescope", "columns 'Email', 'SID' and 'Total Score'")
    column = at[TOTAL]
    if asked is not None or column is None:
        column = grade_column(sheet, [n for n in range(len(sheet.rows[0])) if sheet.at(0, n)], asked, assignment, "$^")
    most = at[MOST]
    lines = []
    for row in range(1, len(sheet.rows)):
        who = {name: sheet.at(row, n) for name in PERSONS if (n := at[name]) is not None and sheet.at(row, n)}
        if known := who.get("SID") or who.get("Email"):
            name = who.get("Name") or " ".join(filter(None, (who.get("First Name"), who.get("Last Name"))))
            others = tuple(filter(None, (who.get("Email"), name)))
            lines.append(Line(row, known, others, name or known, None if most is None else number(sheet.at(row, most))))
    if not lines:
        raise UsageError(f"{sheet.name} has no student in it. Download the scores of an assignment with students.")
    return Book(sheet, "gradescope", column, tuple(lines), questions=_questions(sheet))


def _questions(sheet: Sheet) -> dict[str, int]:
    """``1: mac_ratio (1.0 pts)`` -> the question's name, and the column."""
    named = {}
    for column, cell in enumerate(sheet.rows[0]):
        if found := re.fullmatch(r"[\d.]+:(.+)\([\d.]+ *(?:pts|points?)\)", cell.text.strip()):
            named[plain(found[1])] = column
    return named
