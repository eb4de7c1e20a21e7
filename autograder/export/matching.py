"""Says which line of a platform's sheet is whose; refuses whatever could be two.

A name says something only to whom it means the same. Numbers that a platform gives (``INTERNAL``) mean nothing in
another platform's sheet, and a name on GitHub is what its owner likes: it may be a classmate's login.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from autograder.errors import UsageError, listed
from autograder.export.book import Book, Line, plain
from autograder.export.grades import FinalGrade
from autograder.intake.composed import composed

INTERNAL = {"canvas", "moodle", "brightspace"}  # their downloads know a person by a number of their own
CHOSEN = {"github"}


@dataclass(frozen=True)
class Placed:
    """Row of the sheet -> student, and the students without a line."""

    rows: Mapping[int, str]
    without: tuple[str, ...] = ()


def place(
    book: Book, grades: Sequence[FinalGrade], roster: Mapping[str, tuple[str, ...]], partial: bool = False
) -> Placed:
    """Find everyone's line.

    Args:
        roster: Student -> what the sheet knows them by; several for a team.
        partial: Whether graded students without a line are left out.

    Raises:
        UsageError: A student fits several lines or none, or two fit one, or a line has another person's name.
    """
    by_id: dict[str, list[Line]] = {}
    by_any: dict[str, list[Line]] = {}
    for line in book.lines:
        by_id.setdefault(_key(line.id), []).append(line)
        for key in {_key(text) for text in (line.id, *line.others)}:
            by_any.setdefault(key, []).append(line)
    twice = [
        f"{rows[0].id} (lines {', '.join(str(one.row + 1) for one in rows)})" for rows in by_id.values() if rows[1:]
    ]
    if twice:
        raise UsageError(f"{book.sheet.name} has several lines for one id: {listed(twice)}. Keep one line of each.")
    taken: dict[int, list[str]] = {}
    several, without, strangers = [], [], []
    for grade in grades:
        for called, lines in _lines_of(grade, book, by_id, by_any, roster):
            if len(lines) > 1:
                several.append(f"{called} ({'; '.join(line.label for line in lines)})")
            if not lines:
                without.append(called)
            if grade.student not in roster:
                strangers += [f"{called} ({line.label})" for line in lines if not _same_person(grade, line, book)]
            for line in lines:
                taken.setdefault(line.row, []).append(grade.student)
    shared = [f"{' and '.join(who)} (line {row + 1})" for row, who in taken.items() if len({*who}) > 1]
    if several:
        raise UsageError(
            f"These fit several lines of {book.sheet.name}: {listed(several)}. Say who is who with --roster."
        )
    if strangers:
        raise UsageError(
            f"{book.sheet.name} has another name where these belong by their id: {listed(strangers)}. Is it the sheet "
            "of this course? Say who is who with --roster."
        )
    if shared:
        raise UsageError(
            f"These fit the same line of {book.sheet.name}: {listed(shared)}. Say who is who with --roster."
        )
    if without and not partial:
        raise UsageError(
            f"There is no line in {book.sheet.name} for {listed(without)}. Is it the sheet of this course and group? "
            "Say who is who with --roster, or leave them out with --partial."
        )
    return Placed({row: who[0] for row, who in taken.items()}, tuple(without))


def _lines_of(
    grade: FinalGrade,
    book: Book,
    by_id: Mapping[str, list[Line]],
    by_any: Mapping[str, list[Line]],
    roster: Mapping[str, tuple[str, ...]],
) -> Iterable[tuple[str, list[Line]]]:
    """The student as a person would be told, and the lines that fit; once for each member of a team."""
    if named := roster.get(grade.student):
        return [(f"{grade.student} as {name}", by_any.get(_key(name), [])) for name in named]
    if grade.handin and grade.handin.platform == book.platform:
        found = by_id.get(_key(grade.handin.id), []) if grade.handin.id else []
        lines = [line for line in found if _is_called(grade.handin.name, line)]
        return [(grade.student, lines)]
    if grade.handin and grade.handin.platform in INTERNAL | CHOSEN:
        return [(grade.student, [])]
    keys = {_key(text) for text in (grade.student, grade.handin.id if grade.handin else "") if text}
    fitting = {line.row: line for key in keys for line in by_any.get(key, [])}
    known = keys & {_key(text) for line in fitting.values() for text in _told_outside(line, book)}
    return [(grade.student, [*fitting.values()] if known else [])]


def _told_outside(line: Line, book: Book) -> tuple[str, ...]:
    """What people outside the platform know the student by, too."""
    return line.others if book.platform in INTERNAL else (line.id, *line.others)


def _same_person(grade: FinalGrade, line: Line, book: Book) -> bool:
    """Whether the names agree, in any order and with or without a middle name; true where one of them is missing."""
    name = grade.handin.name if grade.handin else ""
    if not name or line.label == line.id or (line.called and grade.handin and grade.handin.platform == book.platform):
        return True  # what ``called`` says was compared when the line was looked for
    ours, theirs = _words(name), _words(line.label)
    return all(word in "".join(theirs) for word in ours) or all(word in "".join(ours) for word in theirs)


def _words(name: str) -> list[str]:
    """The words of a name in small, without accents: some platforms leave them out."""
    letters = unicodedata.normalize("NFKD", composed(name).casefold())
    return re.findall(r"[^\W_]+", "".join(char for char in letters if not unicodedata.combining(char)))


def _is_called(name: str, line: Line) -> bool:
    """Whether a line may be that of somebody of this name; some sites put the login in front of it."""
    return not line.called or any(plain(name).endswith(text) for text in map(plain, line.called) if text)


def _key(text: str) -> str:
    return composed(text).casefold()
