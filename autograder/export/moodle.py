"""Moodle: the grading worksheet, which "Download grading worksheet" gives out and "Upload grading worksheet" takes.

Read in Moodle's source (mod/assign/feedback/offline, mod/assign/gradingtable.php). All names of columns are in the
site's language; those of English, German, Spanish and French sites were seen in public programs that read worksheets.
The first column holds the word for "Participant" and the number that is in the names of "Download all submissions". It
is a person's in this assignment alone, and a group's number looks the same, so the name is compared, too. The column
after the grade says how many points there are at most; old versions have none.
"""

import datetime
import re
import unicodedata

from autograder.errors import UsageError
from autograder.export.book import Book, Line, column_called, grade_column, no_such_sheet
from autograder.export.sheet import Sheet, number

SUBMITTED = (
    "Last modified (submission)",
    "Zuletzt geändert (Abgabe)",
    "Última modificación (entrega)",
    "Dernière modification (travail remis)",
    "Ultima modifica (consegna)",
)
# The months of these languages, by how they begin without accents.
MONTHS = (
    ("jan", "ene", "gen"),
    ("feb", "fev"),
    ("mar",),
    ("apr", "abr", "avr"),
    ("may", "mai", "mag"),
    ("jun", "juin", "giu"),
    ("jul", "juil", "lug"),
    ("aug", "ago", "aou"),
    ("sep", "set"),
    ("oct", "okt", "ott"),
    ("nov",),
    ("dec", "dez", "dic"),
)
SCALE = ("Scale", "Skala", "Escala", "Barème", "Schaal", "Scala")
GRADE = ("Grade", "Bewertung", "Calificación", "Qualificació", "Note", "Valutazione", "Cijfer", "Nota", "Ocena", "成績")
COMMENT = (
    "Feedback comments",
    "Feedback als Kommentar",
    "Comentarios de retroalimentación",
    "Feedback par commentaires",
)


def read_moodle(sheet: Sheet, assignment: str, asked: str | None, comment: str | None = None) -> Book:
    """The columns of a grading worksheet.

    Args:
        comment: The column of comments; None for one with a name that we know.

    Raises:
        UsageError: It is none, is of a scale and not of points, or a column is not clear.
    """
    students = [row for row in range(1, len(sheet.rows)) if sheet.at(row, 0)]
    numbered = [re.fullmatch(r"(\D+)(\d+)", sheet.at(row, 0)) for row in students]
    expected = "'Identifier' with 'Participant' and a number in each line, and a column of grades"
    if not students or not all(numbered) or len({found[1].strip() for found in numbered if found}) != 1:
        raise no_such_sheet(sheet, "a grading worksheet of Moodle", expected)
    column = _grade(sheet, asked)
    if sheet.at(0, column + 1) in SCALE:
        raise UsageError(
            f"{sheet.name} gives grades by a scale ({sheet.at(students[0], column + 1)}) and not by points. Set the "
            "assignment's grade to points in Moodle, and download the worksheet again."
        )
    submitted = column_called(sheet, SUBMITTED)
    times = {row: written_out(sheet.at(row, submitted)) for row in students} if submitted is not None else {}
    lines = []
    for row, found in zip(students, numbered, strict=True):
        assert found
        word = found[1].strip()
        others = tuple(filter(None, (word, *(sheet.at(row, n) for n in range(1, column)))))
        label = next(iter(others[1:]), sheet.at(row, 0))
        called = (word, sheet.at(row, 1))  # under blind marking all have the word for "Participant" as their name
        lines.append(Line(row, found[2], others, label, number(sheet.at(row, column + 1)), called))
    comments = column_called(sheet, [comment] if comment else COMMENT)
    if comment and comments is None:
        raise UsageError(f"{sheet.name} has no column {comment!r} for comments.")
    return Book(sheet, "moodle", column, tuple(lines), comments, times=times)


def written_out(text: str) -> str:
    """``Freitag, 2. Oktober 2026, 21:15`` in ISO 8601, without an offset; "" for what is not surely such a time."""
    text = "".join(
        char for char in unicodedata.normalize("NFKD", text[:100].casefold()) if not unicodedata.combining(char)
    )
    clock = r"(\d{1,2})[:.h](\d\d)(?: *([ap])\. ?m\.| *([ap])m)?"
    day_first = re.fullmatch(
        rf"(?:[^\W\d_]+,? +)?(\d{{1,2}})\.? +(?:de +)?([^\W\d_]+)\.? +(?:de +)?(\d{{4}}),? +{clock}", text
    )
    month_first = re.fullmatch(rf"(?:[^\W\d_]+, +)?([^\W\d_]+) +(\d{{1,2}}), +(\d{{4}}),? +{clock}", text)
    if not (found := day_first or month_first):
        return ""
    word, day = (found[2], found[1]) if day_first else (found[1], found[2])
    month = next((n for n, begins in enumerate(MONTHS, start=1) if word.startswith(begins)), 0)
    hour, half = int(found[4]), found[6] or found[7]
    if half:
        hour = hour % 12 + 12 * (half == "p")
    try:
        return datetime.datetime(int(found[3]), month, int(day), hour, int(found[5])).isoformat()
    except ValueError:
        return ""


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
