"""Puts grades into a platform's sheet: who is on which line, in the platform's points; refuses what is not clear."""

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from autograder.errors import UsageError, listed
from autograder.export.book import Book, Line, plain
from autograder.export.grades import FinalGrade
from autograder.export.sheet import decimal_mark, harmless, number
from autograder.report.text import points

SCALE, KEEP = "scale", "keep"
SKIP, SO_FAR = "skip", "so-far"


@dataclass(frozen=True)
class Choices:
    """What the instructor decided where there are two ways.

    Attributes:
        points: Where the platform's points differ from ours: ``SCALE``, ``KEEP``, or None to refuse.
        unmarked: Where answers wait for a person: ``SKIP`` the student, give the points ``SO_FAR``, or None to refuse.
        missing: Points for a line of the sheet without a hand-in; None leaves it as it is.
        partial: Whether graded students without a line may be left out.
        comments: Whether the column of comments is filled.
        roster: Student -> what the sheet knows them by; several for a team.
    """

    points: str | None = None
    unmarked: str | None = None
    missing: float | None = None
    partial: bool = False
    comments: bool = False
    roster: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Filled:
    """A filled sheet, and what a person should know of it, line by line."""

    data: bytes
    remarks: tuple[str, ...]
    faults: tuple[str, ...] = ()


def choose(grades: Sequence[FinalGrade], choices: Choices) -> tuple[list[FinalGrade], list[str]]:
    """The grades that may leave, and remarks on the others.

    Raises:
        UsageError: Answers wait for a person and the choice is to refuse, or somebody has no grade in the gradebook.
    """
    remarks = []
    if lost := [one.student for one in grades if not one.questions and not one.is_fault]:
        raise UsageError(f"The gradebook has no grade of {listed(lost)}. Grade the class again, then export.")
    good = [one for one in grades if not one.is_fault]
    if faults := [one.student for one in grades if one.is_fault]:
        remarks.append(
            f"{len(faults)} without a grade, because the grader failed (GRADER_ERROR); left out: {listed(faults)}. "
            "Grade them again."
        )
    waiting = [one for one in good if one.waiting]
    if not waiting:
        return good, remarks
    answers = sum(len(one.waiting) for one in waiting)
    what = f"{answers} answers of {len(waiting)} students wait for a person to grade them"
    if choices.unmarked is None:
        raise UsageError(
            f"{what}: {listed(one.student for one in waiting)}. Grade them in Formgrader. Or export with --unmarked "
            f"{SKIP} to leave these students out, or with --unmarked {SO_FAR} to count these answers as 0 for now."
        )
    if choices.unmarked == SKIP:
        remarks.append(f"{what}; these students are left out (--unmarked {SKIP}).")
        return [one for one in good if not one.waiting], remarks
    remarks.append(f"{what}; each counts as 0 for now (--unmarked {SO_FAR}). These grades are provisional.")
    return good, remarks


def fill(book: Book, grades: Sequence[FinalGrade], choices: Choices) -> Filled:
    """Put the grades into the sheet.

    Raises:
        UsageError: Somebody's line is not clear, the platform's points differ, or answers wait; see ``Choices``.
    """
    if choices.comments and book.comment is None:
        raise UsageError(
            f"{book.sheet.name} has no column for comments that we know. Leave --comments out, or for a Moodle in "
            "another language name the column with --comments-column."
        )
    placed, without = _placed(book, grades, choices)
    leaving, remarks = choose(grades, choices)
    scale = _scale(book, grades, choices)
    if without:
        remarks.append(f"{len(without)} graded without a line in the sheet, left out: {listed(without)}.")
    mark, column = decimal_mark(book.sheet, book.column), book.column
    cells: dict[tuple[int, int], str] = {}
    settled, replaced, commented = [], [], []
    written = {one.student: one for one in leaving}
    for line in book.lines:
        grade = written.get(placed.get(line.row, ""))
        before = book.sheet.at(line.row, column)
        if grade is None:
            continue
        if before.casefold() in book.settled:
            settled.append(line.label)
            continue
        text = points(grade.total * scale).replace(".", mark)
        if before and number(before) is not None and number(before) != number(text):
            replaced.append(f"{line.label} ({before} → {text})")
        if number(before) != number(text):  # "20.00" and "20" are one grade
            cells[line.row, column] = text
        for question in grade.questions:
            if (own := book.questions.get(plain(question.question))) is not None and question.score is not None:
                cells[line.row, own] = points(question.score).replace(".", mark)
        if book.comment is not None and (choices.comments or grade.waiting):
            if book.sheet.at(line.row, book.comment):
                commented.append(line.label)
            else:
                cells[line.row, book.comment] = harmless(html.escape(comment(grade), quote=False))
    graded = len([line for line in book.lines if placed.get(line.row) in written]) - len(settled)
    remarks.insert(0, f"{book.title!r} in {book.sheet.name}: {graded} grades.")
    if scale != 1:
        ours = max(one.possible for one in grades)
        remarks.append(f"Scaled from {points(ours)} to {points(ours * scale)} points.")
    remarks += lateness_remarks(leaving)
    if nobody := sorted({*choices.roster} - {one.student for one in grades}):
        remarks.append(f"In the roster, and handed in nothing: {listed(nobody)}.")
    if replaced:
        remarks.append(f"{len(replaced)} replace another grade: {listed(replaced)}.")
    if settled:
        remarks.append(f"{len(settled)} are excused in the sheet and stay so: {listed(settled)}.")
    if commented:
        remarks.append(f"{len(commented)} have a comment in the sheet already, which stays: {listed(commented)}.")
    absent = [line for line in book.lines if line.row not in placed]
    if absent and choices.missing is not None:
        empty = [line for line in absent if not book.sheet.at(line.row, column)]
        cells |= {(line.row, column): points(choices.missing).replace(".", mark) for line in empty}
        remarks.append(
            f"{len(empty)} handed in nothing and get {points(choices.missing)}: {listed(line.label for line in empty)}."
        )
        absent = [line for line in absent if line not in empty]
    if absent:
        remarks.append(
            f"{len(absent)} of the sheet handed in nothing and stay as they are: "
            f"{listed(line.label for line in absent)}."
            + ("" if choices.missing is not None else " (--missing 0 gives them 0.)")
        )
    return Filled(book.sheet.filled(cells), tuple(remarks), tuple(one.student for one in grades if one.is_fault))


def lateness_remarks(grades: Sequence[FinalGrade]) -> list[str]:
    """What lateness cost, and of whom nothing is known."""
    remarks = []
    if late := [f"{one.student} (−{points(one.penalty)})" for one in grades if one.penalty]:
        remarks.append(f"{len(late)} with a penalty for lateness: {listed(late)}.")
    if unknown := [one.student for one in grades if one.lateness and not one.lateness.known]:
        remarks.append(f"Nothing says when these {len(unknown)} handed in; they count as in time: {listed(unknown)}.")
    if marked := [one.student for one in grades if one.handin and one.handin.late and not one.lateness]:
        remarks.append(f"The platform marks {len(marked)} as late, and deadlines.toml has no deadline: no penalty.")
    return remarks


def comment(grade: FinalGrade) -> str:
    """A student's points question by question, as one line."""
    parts = []
    for mark in grade.questions:
        earned = "not graded yet" if mark.question in grade.waiting else points(mark.score or 0.0)
        said = f" ({' '.join(mark.comment.split())})" if mark.comment.strip() else ""
        parts.append(f"{mark.question}: {earned} of {points(mark.max_score)}{said}")
    if grade.penalty:
        parts.append(f"late: −{points(grade.penalty)}")
    provisional = "PROVISIONAL: " if grade.waiting else ""
    return f"{provisional}{points(grade.total)} of {points(grade.possible)}. {'; '.join(parts)}."


def _placed(book: Book, grades: Sequence[FinalGrade], choices: Choices) -> tuple[dict[int, str], list[str]]:
    """Row -> student, and the students without a line.

    Raises:
        UsageError: A student fits several lines or none, or two fit one.
    """
    by_id: dict[str, list[Line]] = {}
    by_any: dict[str, list[Line]] = {}
    for line in book.lines:
        by_id.setdefault(line.id.casefold(), []).append(line)
        for key in {text.casefold() for text in (line.id, *line.others)}:
            by_any.setdefault(key, []).append(line)
    twice = [
        f"{rows[0].id} (lines {', '.join(str(one.row + 1) for one in rows)})" for rows in by_id.values() if rows[1:]
    ]
    if twice:
        raise UsageError(f"{book.sheet.name} has several lines for one id: {listed(twice)}. Keep one line of each.")
    taken: dict[int, list[str]] = {}
    several, without = [], []
    for grade in grades:
        lines = []
        for found in _lines_of(grade, book, by_id, by_any, choices.roster):
            if len(found) > 1:
                several.append(f"{grade.student} ({'; '.join(line.label for line in found)})")
            lines += found
        if not lines:
            without.append(grade.student)
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
    if without and not choices.partial:
        raise UsageError(
            f"{len(without)} graded students have no line in {book.sheet.name}: {listed(without)}. Is it the sheet of "
            "this course and group? Say who is who with --roster, or leave them out with --partial."
        )
    return {row: who[0] for row, who in taken.items()}, without


def _lines_of(
    grade: FinalGrade,
    book: Book,
    by_id: Mapping[str, list[Line]],
    by_any: Mapping[str, list[Line]],
    roster: Mapping[str, tuple[str, ...]],
) -> Iterable[list[Line]]:
    """The lines that fit what identifies a student; one list for each member of a team."""
    if named := roster.get(grade.student):
        return [by_any.get(name.casefold(), []) for name in named]
    if grade.handin and grade.handin.platform == book.platform:
        found = by_id.get(grade.handin.id.casefold(), []) if grade.handin.id else []
        return [[line for line in found if book.names_persons or _is_called(grade.handin.name, line)]]
    keys = {text.casefold() for text in (grade.student, grade.handin.id if grade.handin else "") if text}
    fitting = {line.row: line for key in keys for line in by_any.get(key, [])}
    return [[*fitting.values()]]


def _is_called(name: str, line: Line) -> bool:
    """Whether a line may be that of somebody of this name: a number alone may be a team's, or another assignment's."""
    return any(plain(name).endswith(text) for text in map(plain, line.others) if text)


def _scale(book: Book, grades: Sequence[FinalGrade], choices: Choices) -> float:
    """The platform's points for one of ours."""
    own = max((one.possible for one in grades), default=0.0)
    theirs = {line.possible for line in book.lines if line.possible is not None}
    if not own or not theirs or choices.points == KEEP:
        return 1.0
    if len(theirs) > 1:
        raise UsageError(
            f"{book.sheet.name} gives students different points at most: "
            f"{listed(points(one) for one in sorted(theirs))}. Correct that in the platform, or give --points {KEEP}."
        )
    other = theirs.pop()
    if abs(own - other) < 0.005:
        return 1.0
    if choices.points is None or not other:
        raise UsageError(
            f"{book.title!r} is out of {points(other)} points, and the assignment out of {points(own)}. Correct that "
            f"in the platform. Or give --points {SCALE} to convert, or --points {KEEP} to write our points as they are."
        )
    return other / own
