"""Says which line of a platform's sheet is whose; refuses whatever could be two."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from autograder.errors import UsageError, listed
from autograder.export.book import Book, Line, plain
from autograder.export.grades import FinalGrade
from autograder.intake.composed import composed


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
        UsageError: A student fits several lines or none, or two fit one.
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
    several, without = [], []
    for grade in grades:
        for called, lines in _lines_of(grade, book, by_id, by_any, roster):
            if len(lines) > 1:
                several.append(f"{called} ({'; '.join(line.label for line in lines)})")
            if not lines:
                without.append(called)
            for line in lines:
                taken.setdefault(line.row, []).append(grade.student)
    shared = [f"{' and '.join(who)} (line {row + 1})" for row, who in taken.items() if len({*who}) > 1]
    if several:
        raise UsageError(
            f"These fit several lines of {book.sheet.name}: {listed(several)}. Say who is who with --roster."
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
    keys = {_key(text) for text in (grade.student, grade.handin.id if grade.handin else "") if text}
    fitting = {line.row: line for key in keys for line in by_any.get(key, [])}
    return [(grade.student, [*fitting.values()])]


def _is_called(name: str, line: Line) -> bool:
    """Whether a line may be that of somebody of this name; some sites put the login in front of it."""
    return not line.called or any(plain(name).endswith(text) for text in map(plain, line.called) if text)


def _key(text: str) -> str:
    return composed(text).casefold()
