"""Moodle: the grading worksheet, which "Download grading worksheet" gives out and "Upload grading worksheet" takes.

Read in Moodle's source (mod/assign/feedback/offline, mod/assign/gradingtable.php). All names of columns are in the
site's language; the worksheets of English, German and Spanish sites were seen in public programs that read them. The
first column holds the word for "Participant" and the number that is in the names of "Download all submissions". It is a
person's in this assignment alone, and a group's number looks the same, so the name is compared, too. The column after
the grade says how many points there are at most; old versions have none.
"""

import re

from autograder.errors import UsageError
from autograder.export.book import Book, Line, column_called, grade_column, no_such_sheet
from autograder.export.sheet import Sheet, number

SCALE = ("Scale", "Skala", "Escala", "Barème", "Schaal", "Scala")
GRADE = ("Grade", "Bewertung", "Calificación", "Qualificació", "Note", "Valutazione", "Cijfer", "Nota", "Ocena", "成績")
COMMENT = (
    "Feedback comments",
    "Feedback als Kommentar",
    "Comentarios de retroalimentación",
    "Commentaires de feedback",
    "Feedbackopmerkingen",
)


def read_moodle(sheet: Sheet, assignment: str, asked: str | None, comment: str | None = None) -> Book:
    """The columns of a grading worksheet.

    Args:
        comment: The column of comments; None for one with a name that we know.

    Raises:
        UsageError: It is none, is of a scale and not of points, or a column is not clear.
    """
    students = [row for row in range(1, len(sheet.rows)) if sheet.at(row, 0)]
    numbered = [re.fullmatch(r"(\D+?)\s*(\d+)", sheet.at(row, 0)) for row in students]
    expected = "'Identifier' with 'Participant' and a number in each line, and a column of grades"
    if not students or not all(numbered) or len({found[1] for found in numbered if found}) != 1:
        raise no_such_sheet(sheet, "a grading worksheet of Moodle", expected)
    column = _grade(sheet, asked)
    if sheet.at(0, column + 1) in SCALE:
        raise UsageError(
            f"{sheet.name} gives grades by a scale ({sheet.at(students[0], column + 1)}) and not by points. Set the "
            "assignment's grade to points in Moodle, and download the worksheet again."
        )
    lines = []
    for row, found in zip(students, numbered, strict=True):
        assert found
        others = tuple(filter(None, (found[1], *(sheet.at(row, n) for n in range(1, column)))))
        label = next(iter(others[1:]), sheet.at(row, 0))
        lines.append(Line(row, found[2], others, label, number(sheet.at(row, column + 1))))
    comments = column_called(sheet, [comment] if comment else COMMENT)
    if comment and comments is None:
        raise UsageError(f"{sheet.name} has no column {comment!r} for comments.")
    return Book(sheet, "moodle", column, tuple(lines), comments, names_persons=False)


def _grade(sheet: Sheet, asked: str | None) -> int:
    every = [n for n in range(1, len(sheet.rows[0])) if sheet.at(0, n)]
    if asked is not None:
        return grade_column(sheet, every, asked, "", "$^")
    found = column_called(sheet, GRADE)
    if found is None:
        raise UsageError(
            f"{sheet.name} has no column that we know to be the grade's ({', '.join(GRADE[:3])} …). Name it with "
            f"--column. There are: {', '.join(repr(sheet.at(0, n)) for n in every)}."
        )
    return found
