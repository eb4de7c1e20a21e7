"""Two gradings -> who has another grade, and why. Plain values; knows no workspace.

A grade keeps hashes of everything that it depends on (its file, and the basis of its round). So what differs between
two grades of a student is what may have changed the points. Where several things differ, all are named: no run tells
which of them it was.
"""

from dataclasses import dataclass

from autograder.marks import Mark
from autograder.results import CheckResult, ClassResults, Grade, Round, TaskGrade, Verdict

CHANGED = {  # part of a basis -> what is told of it
    "checks": "the checks changed",
    "cases": "the hidden calls changed",
    "solutions": "the solutions notebook changed",
    "points": "the points changed",
    "packages": "the packages changed",
    "limits": "the limits changed",
    "running": "the grader changed",
    "grader": "the grader changed",
}


@dataclass(frozen=True)
class CheckChange:
    """A check with another result; None on the side where there was no such check."""

    name: str
    before: CheckResult | None
    after: CheckResult | None


@dataclass(frozen=True)
class TaskChange:
    """A task that was judged otherwise; None on the side where there was no such task."""

    task: str
    before: TaskGrade | None
    after: TaskGrade | None

    @property
    def checks(self) -> tuple[CheckChange, ...]:
        """The checks with another result."""
        old, new = ({check.name: check for check in task.checks} if task else {} for task in (self.before, self.after))
        both = (CheckChange(name, old.get(name), new.get(name)) for name in {**old, **new})
        return tuple(one for one in both if (one.before and one.before.passed) != (one.after and one.after.passed))


@dataclass(frozen=True)
class Change:
    """A student whose grade is another one.

    Attributes:
        before: None for a student who is new.
        after: None for one who is gone.
        why: What differs, in words; never empty.
        tasks: Those that were judged otherwise.
    """

    student: str
    before: Grade | None
    after: Grade | None
    why: tuple[str, ...]
    tasks: tuple[TaskChange, ...] = ()

    @property
    def by_hand(self) -> tuple[Mark, ...]:
        """Tasks of which a person gave the points: these count, whatever the checks say now."""
        return self.after.by_hand if self.after else ()


@dataclass(frozen=True)
class Side:
    """One of two gradings that are compared.

    Attributes:
        name: What the instructor calls it.
    """

    name: str
    results: ClassResults

    @property
    def round(self) -> Round | None:
        """The newest round in it; None if an older grader kept none."""
        return self.results.rounds[-1] if self.results.rounds else None


@dataclass(frozen=True)
class Comparison:
    """Two gradings and what differs."""

    before: Side
    after: Side
    changes: tuple[Change, ...]

    @property
    def students(self) -> int:
        """How many have a grade on either side."""
        return len({grade.student for side in (self.before, self.after) for grade in side.results.grades})

    @property
    def by_hand(self) -> list[tuple[str, tuple[Mark, ...]]]:
        """Students with points that a person gave in place of the automatic ones, and these."""
        return [(grade.student, grade.by_hand) for grade in self.after.results.grades if grade.by_hand]

    @property
    def earlier(self) -> list[tuple[tuple[str, ...], list[str]]]:
        """As :func:`kept_from_earlier`, for the newer side."""
        return kept_from_earlier(self.after.results, self.after.round) if self.after.round else []


def compare(before: Side, after: Side) -> Comparison:
    """Two gradings and what differs."""
    return Comparison(before, after, changes(before.results, after.results))


def changes(before: ClassResults, after: ClassResults) -> tuple[Change, ...]:
    """Everybody whose verdict, points or passed checks differ, by student."""
    old, new = ({grade.student: grade for grade in one.grades} for one in (before, after))
    found = (_change(student, old.get(student), new.get(student)) for student in sorted(old.keys() | new.keys()))
    return tuple(one for one in found if one is not None)


def _change(student: str, before: Grade | None, after: Grade | None) -> Change | None:
    if before is None or after is None:
        return Change(student, before, after, ("new" if before is None else "no longer there",))
    old, new = ({task.task: task for task in grade.tasks} for grade in (before, after))
    both = (TaskChange(task, old.get(task), new.get(task)) for task in {**new, **old})
    tasks = tuple(filter(_judged_otherwise, both))
    if not tasks and before.verdict == after.verdict:
        return None
    return Change(student, before, after, causes(before, after), tasks)


def _judged_otherwise(change: TaskChange) -> bool:
    """Whether points differ, or the result of a check that both have: another wording of a check is no change."""
    if change.before is None or change.after is None:
        return True
    points = [(task.score, task.max_score) for task in (change.before, change.after)]
    return points[0] != points[1] or any(check.before and check.after for check in change.checks)


def causes(before: Grade, after: Grade) -> tuple[str, ...]:
    """What differs between two grades of one student, in words; never empty."""
    if before.round is None or after.round is None or not (before.round.basis and after.round.basis):
        return ("not known: an earlier version of the grader did not keep what it graded with",)
    found = (["another file"] if before.file != after.file else []) + judged_otherwise(before, after.round)
    if not found:
        fault = Verdict.GRADER_ERROR in (before.verdict, after.verdict)
        found.append("a fault of the grader" if fault else "run again")
        if before.round.machine != after.round.machine:
            found.append(f"on another machine ({after.round.machine})")
    return tuple(found)


def judged_otherwise(grade: Grade, now: Round) -> list[str]:
    """What a grade was judged with that is not what a round judges with, in words; none if all is the same."""
    then = grade.round
    if then is None:
        return []
    found = ["another seed"] if then.seed != now.seed else []
    found += ["another box"] if then.box != now.box else []
    if then.basis and now.basis:
        found += [told for part, told in CHANGED.items() if then.basis.get(part) != now.basis.get(part)]
    return list(dict.fromkeys(found))


def kept_from_earlier(results: ClassResults, now: Round) -> list[tuple[tuple[str, ...], list[str]]]:
    """What was otherwise, and the students whose grade is of an earlier round and was judged so."""
    found: dict[tuple[str, ...], list[str]] = {}
    for grade in results.grades:
        if otherwise := tuple(judged_otherwise(grade, now)):
            found.setdefault(otherwise, []).append(grade.student)
    return list(found.items())
