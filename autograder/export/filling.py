"""Puts grades into a platform's sheet, in the platform's points; refuses what is not finished or not clear."""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autograder.errors import UsageError, counted, listed
from autograder.export.book import Book, Line, plain
from autograder.export.grades import FinalGrade, counted_points
from autograder.export.matching import Placed
from autograder.export.sheet import decimal_mark, harmless, number
from autograder.report.text import points

NO_GRADE = re.compile(r"\D+\([\d.,]+\)")  # "Needs Grading(1.00)", as Blackboard writes in any language
SCALE, KEEP = "scale", "keep"
SKIP, SO_FAR = "skip", "so-far"


@dataclass(frozen=True)
class Choices:
    """What the instructor decided where there are two ways.

    Attributes:
        points: Where the platform's points differ from ours: ``SCALE``, ``KEEP``, or None to refuse.
        unmarked: Where answers wait for a person: ``SKIP`` the student, give the points ``SO_FAR``, or None to refuse.
        missing: Points for a line of the sheet without a hand-in; None leaves it as it is.
        comments: Whether the column of comments is filled.
        roster: Student -> what the sheet knows them by; several for a team.
    """

    points: str | None = None
    unmarked: str | None = None
    missing: float | None = None
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
        remarks.append(f"The grader failed (GRADER_ERROR), left out; grade again {_named(faults)}")
    waiting = [one for one in good if one.waiting]
    if not waiting:
        return good, remarks
    answers = sum(len(one.waiting) for one in waiting)
    names = [one.student for one in waiting]
    what = f"{counted(answers, 'answer')} of {counted(len(waiting), 'student')}"
    if choices.unmarked is None:
        raise UsageError(
            f"{what} {'waits' if answers == 1 else 'wait'} for a person: {listed(names)}. Grade them in Formgrader. Or "
            f"export with --unmarked {SKIP} to leave these students out, or with --unmarked {SO_FAR} to count these "
            "answers as 0 for now."
        )
    if choices.unmarked == SKIP:
        remarks.append(f"Answers wait for a person, left out ({what}): {listed(names)}")
        return [one for one in good if not one.waiting], remarks
    remarks.append(f"Provisional, because answers wait for a person and count as 0 ({what}): {listed(names)}")
    if tasks := [one.student for one in waiting if any(mark.waits and not mark.written for mark in one.questions)]:
        remarks.append(f"Tasks that changed after a person marked them count as the checks say {_named(tasks)}")
    return good, remarks


def fill(book: Book, placed: Placed, grades: Sequence[FinalGrade], choices: Choices) -> Filled:
    """Put the grades into the sheet.

    Raises:
        UsageError: The platform's points differ, or answers wait; see ``Choices``. Or comments have no place.
    """
    if choices.comments and book.comment is None:
        raise UsageError(
            f"{book.sheet.name} has no column for comments that we know. Leave --comments out, or for a Moodle in "
            "another language name the column with --comments-column."
        )
    leaving, remarks = choose(grades, choices)
    scale = _scale(book, grades, choices)
    changes = _Changes(book, scale, choices.comments)
    written = {one.student: one for one in leaving}
    for line in book.lines:
        if grade := written.get(placed.rows.get(line.row, "")):
            changes.give(line, grade)
    told = [
        f"{book.title!r} in {book.sheet.name}: {counted(changes.given, 'grade')}",
        *remarks,
        f"Scaled from {points(_ours(grades))} to {points(_ours(grades) * scale)} points" if scale != 1 else "",
        *lateness_remarks(leaving),
        _if("Replaced another grade", changes.replaced),
        _if("Excused in the sheet, left so", changes.settled),
        _if("Has a comment already, which stays", changes.commented),
        _if("Not in the sheet, left out", placed.without),
        *changes.fill_missing([line for line in book.lines if line.row not in placed.rows], choices.missing),
    ]
    faults = tuple(one.student for one in grades if one.is_fault)
    return Filled(book.sheet.filled(changes.cells), tuple(filter(None, told)), faults)


class _Changes:
    """The cells that change, and what a person should know of them."""

    def __init__(self, book: Book, scale: float, comments: bool) -> None:
        self.book, self._scale, self._comments = book, scale, comments
        self._mark = decimal_mark(book.sheet, book.column)
        self.cells: dict[tuple[int, int], str] = {}
        self.given = 0
        self.settled: list[str] = []
        self.replaced: list[str] = []
        self.commented: list[str] = []

    def give(self, line: Line, grade: FinalGrade) -> None:
        """Write the grade into the line, unless somebody excused the student."""
        book, before = self.book, self.book.sheet.at(line.row, self.book.column)
        if before.casefold() in book.settled:
            self.settled.append(line.label)
            return
        self.given += 1
        text = self._number(grade.total * self._scale)
        if number(before) != number(text):  # "20.00" and "20" are one grade
            self.cells[line.row, book.column] = text
            if plain(before) and not NO_GRADE.fullmatch(before):
                self.replaced.append(f"{line.label} ({before} → {text})")
        for mark in grade.questions:
            if (own := book.questions.get(plain(mark.question))) is not None and mark.score is not None:
                self.cells[line.row, own] = self._number(counted_points(mark))
        if book.comment is not None and (self._comments or grade.waiting):
            if book.sheet.at(line.row, book.comment):
                self.commented.append(line.label)
            else:
                self.cells[line.row, book.comment] = harmless(html.escape(comment(grade), quote=False))

    def fill_missing(self, absent: Sequence[Line], missing: float | None) -> list[str]:
        """Give those without a hand-in ``missing`` points where they have none; remarks on them."""
        empty = [line for line in absent if missing is not None and not self.book.sheet.at(line.row, self.book.column)]
        self.cells |= {(line.row, self.book.column): self._number(missing or 0.0) for line in empty}
        others = [line.label for line in absent if line not in empty]
        hint = "; --missing 0 gives 0" if missing is None else ""
        return [
            _if(f"Handed in nothing, given {points(missing or 0.0)}", [line.label for line in empty]),
            _if(f"Handed in nothing, left as in the sheet{hint}", others),
        ]

    def _number(self, value: float) -> str:
        return points(value).replace(".", self._mark)


def _named(names: Sequence[str]) -> str:
    """How many they are, and their names."""
    return f"({len(names)}): {listed(names)}"


def _if(what: str, names: Sequence[str]) -> str:
    """A remark on these; "" for nobody."""
    return f"{what} {_named(names)}" if names else ""


def _ours(grades: Sequence[FinalGrade]) -> float:
    return max((one.possible for one in grades), default=0.0)


def lateness_remarks(grades: Sequence[FinalGrade]) -> list[str]:
    """What lateness cost, and of whom nothing is known."""
    late = [f"{one.student} (−{points(one.penalty)})" for one in grades if one.penalty]
    unknown = [one.student for one in grades if one.lateness and not one.lateness.known]
    marked = [one.student for one in grades if one.handin and one.handin.late and not one.lateness]
    remarks = [
        _if("Penalty for lateness", late),
        _if("No time known, counted as in time", unknown),
        _if("Marked late by the platform, no penalty because no deadline is known", marked),
    ]
    return [remark for remark in remarks if remark]


def comment(grade: FinalGrade) -> str:
    """A student's points question by question, as one line."""
    parts = []
    for mark in grade.questions:
        open_ = mark.question in grade.waiting
        earned = "not graded yet" if open_ and not counted_points(mark) else points(counted_points(mark))
        said = f" ({' '.join(mark.comment.split())})" if mark.comment.strip() else ""
        parts.append(f"{mark.question}: {earned} of {points(mark.max_score)}{said}")
    if grade.penalty:
        parts.append(f"late: −{points(grade.penalty)}")
    provisional = "PROVISIONAL: " if grade.waiting else ""
    return f"{provisional}{points(grade.total)} of {points(grade.possible)}. {'; '.join(parts)}."


def _scale(book: Book, grades: Sequence[FinalGrade], choices: Choices) -> float:
    """The platform's points for one of ours."""
    own = _ours(grades)
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
