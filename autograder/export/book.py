"""What a platform's sheet is: which line is whose, and which column takes the grade. Each platform has a parser."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from autograder.errors import UsageError, listed
from autograder.export.sheet import Sheet
from autograder.intake.composed import composed


class Line(NamedTuple):
    """One student's line.

    Attributes:
        row: Its number in the sheet, from 0.
        id: What the platform's downloads know the student by.
        others: Other cells by which a student may be found.
        label: How to name the student to a person.
        possible: Points that the platform gives at most; None where it does not say.
        called: How the names of downloads may call the student, where the id alone may be somebody else's.
    """

    row: int
    id: str
    others: tuple[str, ...]
    label: str
    possible: float | None
    called: tuple[str, ...] = ()


@dataclass(frozen=True)
class Book:
    """A sheet whose columns are understood.

    Attributes:
        platform: As intake/platforms.py calls it.
        column: The column of the grade.
        lines: Those of students.
        comment: The column of a comment to the student; None where there is none.
        settled: What a cell of the grade holds if the platform's user decided otherwise; it stays.
        times: Row -> when that student handed in, as Arrival.submitted; only where the sheet says it.
        questions: A question's name, as :func:`plain` gives it -> its own column.
    """

    sheet: Sheet
    platform: str
    column: int
    lines: tuple[Line, ...]
    comment: int | None = None
    settled: frozenset[str] = frozenset()
    times: Mapping[int, str] = field(default_factory=dict)
    questions: Mapping[str, int] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The name of the grade's column."""
        return self.sheet.at(0, self.column)


def plain(text: str) -> str:
    """Letters and digits alone, in small: names of an assignment or of a person, compared across platforms."""
    return "".join(char for char in composed(text).casefold() if char.isalnum())


def column_called(sheet: Sheet, names: Iterable[str]) -> int | None:
    """The one column with one of these names, whatever their case; None where there is none.

    Raises:
        UsageError: Several have it.
    """
    wanted = {name.casefold() for name in names}
    found = [n for n, cell in enumerate(sheet.rows[0]) if cell.text.strip().casefold() in wanted]
    if len(found) > 1:
        title = sheet.at(0, found[0])
        raise UsageError(f"{sheet.name} has {len(found)} columns called {title!r}; expected one. Download it again.")
    return found[0] if found else None


def grade_column(sheet: Sheet, candidates: Sequence[int], asked: str | None, title: str, bare: str) -> int:
    """The column that takes the grade: the one that was asked for, else the one with the assignment's title.

    Args:
        candidates: Columns that could take a grade.
        asked: What the instructor gave with ``--column``: the whole name, or without what matches ``bare``.
        title: The assignment's name.
        bare: A pattern of what the platform adds to a title.

    Raises:
        UsageError: None or several fit.
    """

    def short(column: int) -> str:
        return re.sub(bare, "", sheet.at(0, column)).strip()

    if asked is None:
        found = [column for column in candidates if plain(short(column)) == plain(title)]
    else:
        whole = [column for column in candidates if sheet.at(0, column) == asked.strip()]
        found = whole or [column for column in candidates if short(column) == asked.strip()]
    if len(found) == 1:
        return found[0]
    names = listed((repr(sheet.at(0, column)) for column in found or candidates), 20)
    said = f"called {asked!r}" if asked is not None else f"for {title!r}"
    if found:
        raise UsageError(f"{sheet.name} has {len(found)} columns {said}: {names}. Name one with --column.")
    there = f"It has: {names}. Name one with --column" if names else "It has none that takes grades"
    raise UsageError(f"{sheet.name} has no column {said}. {there}.")


def no_such_sheet(sheet: Sheet, what: str, expected: str) -> UsageError:
    """The refusal of a file that is another platform's, or none."""
    begins = listed((repr(cell.text.strip()[:40]) for cell in sheet.rows[0]), 5)
    return UsageError(f"{sheet.name} is not {what}: expected {expected}. Its first line begins with {begins}.")
