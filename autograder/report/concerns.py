"""Grades of a class -> who needs a look, why, and what to do. Pure."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from autograder.changes import kept_from_earlier
from autograder.errors import counted, listed
from autograder.report.text import points
from autograder.results import ClassResults, Grade, Similar, Verdict

MACHINES = (Verdict.TIMEOUT, Verdict.OUT_OF_MEMORY, Verdict.KERNEL_DIED, Verdict.OUTPUT_LIMIT)
UNREAD = (Verdict.BAD_FILE, Verdict.EMPTY)
KEPT = re.compile(r"\d+ added cells? kept")  # a note that asks for nothing


@dataclass(frozen=True)
class Concern:
    """Why some students need a look.

    Attributes:
        what: The reason, in a few words.
        do: What to do about it; "" if that is plain.
        students: (student, what is particular to them) pairs; the second may be "".
    """

    what: str
    do: str
    students: tuple[tuple[str, str], ...]


def concerns(results: ClassResults, similar: Similar) -> list[Concern]:
    """What a person should look at, the most urgent first. A reason that nobody gives is left out."""
    grades = results.grades
    done = [one for one in grades if one.verdict not in (*UNREAD, Verdict.GRADER_ERROR)]
    earlier = kept_from_earlier(results, results.rounds[-1]) if results.rounds else []
    known = {student for _, students in earlier for student in students}
    usual = next((rubric for rubric, _ in Counter(map(_rubric, done)).most_common(1)), ())
    found = [
        _concern(
            "A fault of the grader",
            "Nobody lost points for it: run the same command again.",
            ((one.student, one.message) for one in grades if one.verdict is Verdict.GRADER_ERROR),
        ),
        _concern(
            "A check broke on the answer",
            "Read what it says, mend the check, and grade again.",
            ((one.student, text) for one in grades for text in one.broken),
        ),
        _concern(
            "Stopped, or ended by the notebook",
            "If the machine was busy, grade them again with --student NAME --fresh.",
            ((one.student, one.verdict.value) for one in grades if one.verdict in MACHINES),
        ),
        _concern(
            "Nothing that can be read was handed in",
            "Ask for the notebook.",
            ((one.student, one.message) for one in grades if one.verdict in UNREAD),
        ),
        _concern(
            "No code was written",
            "The answers are still as they were released.",
            ((one.student, "") for one in done if one.student in similar.untouched),
        ),
        _concern(
            "0 points, though code was written",
            "",
            ((one.student, "") for one in done if one.score == 0 and one.student not in similar.untouched),
        ),
        _concern(
            "Kept from an earlier round, which judged otherwise",
            "Grade them again, so that all are judged alike.",
            ((student, ", ".join(otherwise)) for otherwise, students in earlier for student in students),
        ),
        _concern(
            "Graded by other tasks, checks or points than most of the class",
            "Grade them again, so that all are judged alike.",
            (
                (one.student, f"of {points(one.max_score)}")
                for one in done
                if _rubric(one) != usual and one.student not in known
            ),
        ),
        _concern(
            "A person gave a task other points than the checks",
            "These count, and stay when the class is graded again.",
            ((one.student, _by_hand(one)) for one in grades if one.by_hand),
        ),
        _concern(
            "Marked by hand, and changed since",
            "Mark these answers again.",
            ((one.student, ", ".join(one.marks.stale)) for one in grades if one.marks and one.marks.stale),
        ),
        _concern(
            "Handed in late",
            "",
            ((one.student, one.handin.submitted) for one in grades if one.handin and one.handin.late),
        ),
        _concern(
            "Mended on the way",
            "Look whether the right cells were taken.",
            ((one.student, counted(mended, "note")) for one in grades if (mended := _mended(one))),
        ),
    ]
    return [one for one in found if one.students]


def other_release(results: ClassResults) -> Concern:
    """Who was given another release of the notebook than the one that is graded by: often a whole class."""
    cells = Counter(name for one in results.grades for name in one.other_release)
    return _concern(
        "Made from another release of the notebook",
        f"{counted(len(cells), 'given cell')} differ{'s' if len(cells) == 1 else ''} there: "
        f"{listed(name for name, _ in cells.most_common())}. Today's are used, and students are not told of it. "
        "Points can be lost where what a task asks for has changed: then grade with the release that they were given.",
        ((one.student, "") for one in results.grades if one.other_release),
    )


def _concern(what: str, do: str, students: Iterable[tuple[str, str]]) -> Concern:
    return Concern(what, do, tuple(students))


def _rubric(grade: Grade) -> tuple[object, ...]:
    """What a grade was judged by."""
    return tuple((task.task, task.max_score, tuple(check.name for check in task.checks)) for task in grade.tasks)


def _by_hand(grade: Grade) -> str:
    return ", ".join(
        f"{mark.question} {points(mark.score or 0)}, the checks {points(mark.automatic or 0)}" for mark in grade.by_hand
    )


def _mended(grade: Grade) -> int:
    return sum(KEPT.fullmatch(note) is None for note in grade.notes)
