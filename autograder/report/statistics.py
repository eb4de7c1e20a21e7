"""Grades of a class -> how its points are distributed, and how each task and each check did. Pure.

Counted are submissions in which the student's code was judged: an empty file says nothing about a check, and many of
them would make every check look as if it told strong from weak.
"""

import math
import statistics
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from autograder.results import UNFINISHED, CheckResult, Grade, TaskGrade, Verdict

NOT_JUDGED = (Verdict.GRADER_ERROR, Verdict.BAD_FILE, Verdict.EMPTY)
BARS = 30  # of a histogram, at most
FEW = 10  # students; a correlation of fewer says nothing
SIDE = 3  # students; where fewer passed, or fewer failed, it is about these
EXAMPLE = 300  # characters of a message that is shown as an example


@dataclass(frozen=True)
class Bar:
    """One bar of a histogram: submissions with points from ``low`` to below ``high``; the last one holds full marks."""

    low: float
    high: float
    count: int


@dataclass(frozen=True)
class CheckStatistics:
    """One check in the class.

    Attributes:
        worth: Points; 0 for a mere precondition.
        passed, failed, unknown: Numbers of submissions; unknown where it was not judged.
        discrimination: Correlation of passing it with the points for everything else, from -1 to 1; None where too few
            submissions passed or failed. Known as the corrected item-total correlation: S. Henrysson,
            "Correction of item-total correlations in item analysis", Psychometrika 28 (1963)
            211-218.
    """

    name: str
    worth: float
    passed: int
    failed: int
    unknown: int
    discrimination: float | None

    @property
    def rate(self) -> float | None:
        """Share of those judged that passed; None if nobody was."""
        judged = self.passed + self.failed
        return self.passed / judged if judged else None


@dataclass(frozen=True)
class TaskStatistics:
    """One task in the class.

    Attributes:
        share: Mean of the points earned, as a share of those that can be.
        full, none: Numbers of submissions with all points, and with none.
        discrimination: As of a check, of the points for the task.
    """

    task: str
    max_score: float
    share: float
    full: int
    none: int
    discrimination: float | None
    checks: tuple[CheckStatistics, ...]


@dataclass(frozen=True)
class Mistake:
    """A mistake that the checks know by a hint, and who made it.

    Attributes:
        message: What a check said of one of them, the first; it may be shortened.
    """

    task: str
    hint: str
    students: tuple[str, ...]
    message: str


def counted(grades: Iterable[Grade], untouched: Collection[str] = ()) -> list[Grade]:
    """The submissions in which a student's code was judged.

    Args:
        untouched: Students who wrote no code.
    """
    return [one for one in grades if one.verdict not in NOT_JUDGED and one.student not in untouched and one.tasks]


def histogram(scores: Iterable[float], max_score: float) -> list[Bar]:
    """Bars of equal width from 0 to the maximum: one point wide, or as many more as keeps them below BARS."""
    width = next(w * 10**power for power in range(12) for w in (1, 2, 5) if max_score / (w * 10**power) < BARS)
    counts = [0] * (math.floor(max_score / width) + 1)
    for score in scores:
        counts[min(math.floor(score / width), len(counts) - 1)] += 1
    return [Bar(place * width, (place + 1) * width, count) for place, count in enumerate(counts)]


def task_statistics(grades: list[Grade]) -> list[TaskStatistics]:
    """Every task of a class, in the notebook's order; grades with other tasks count in those that they have."""
    names = dict.fromkeys(task.task for grade in grades for task in grade.tasks if task.max_score)
    return [_task([(grade, task) for grade in grades for task in grade.tasks if task.task == name]) for name in names]


def _task(done: list[tuple[Grade, TaskGrade]]) -> TaskStatistics:
    checks: dict[str, list[tuple[CheckResult, float, float]]] = {}
    for grade, task in done:
        total = sum(check.share for check in task.checks) or 1.0
        for check in task.checks:
            worth = task.max_score * check.share / total
            earned = worth if check.passed is True else 0.0
            checks.setdefault(check.name, []).append((check, worth, grade.score - earned))
    first = done[0][1]
    return TaskStatistics(
        first.task,
        first.max_score,
        statistics.fmean(task.score / task.max_score for _, task in done if task.max_score),
        sum(task.score == task.max_score for _, task in done),
        sum(task.score == 0 for _, task in done),
        _correlation([(task.score, grade.score - task.score) for grade, task in done]),
        tuple(_check(name, results) for name, results in checks.items()),
    )


def _check(name: str, results: list[tuple[CheckResult, float, float]]) -> CheckStatistics:
    passed, failed, unknown = (sum(check.passed is which for check, _, _ in results) for which in (True, False, None))
    told = [(float(check.passed), rest) for check, _, rest in results if check.passed is not None]
    discrimination = _correlation(told) if min(passed, failed) >= SIDE else None
    return CheckStatistics(name, results[0][1], passed, failed, unknown, discrimination)


def _correlation(pairs: list[tuple[float, float]]) -> float | None:
    if len(pairs) < FEW:
        return None
    try:
        return statistics.correlation(*zip(*pairs, strict=True))
    except statistics.StatisticsError:
        return None  # all of them have the same points


def mistakes(grades: Iterable[Grade]) -> list[Mistake]:
    """The hints that were given, by how many students got each; a student counts once for each.

    An unfinished task is no mistake.
    """
    found: dict[tuple[str, str], dict[str, str]] = {}
    for grade in grades:
        for task in grade.tasks:
            for check in task.checks:
                if check.passed is False and check.hint and UNFINISHED not in check.message:
                    found.setdefault((task.task, check.hint), {}).setdefault(grade.student, check.message)
    made = [Mistake(task, hint, tuple(who), _example(next(iter(who.values())))) for (task, hint), who in found.items()]
    return sorted(made, key=lambda one: (-len(one.students), one.task, one.hint))


def _example(message: str) -> str:
    return message if len(message) <= EXAMPLE else f"{message[:EXAMPLE]}…"
