"""Two gradings -> who has another grade, and why. Plain values: knows no workspace, and no gradebook but its marks.

A grade keeps hashes of everything that it depends on (its file, and the basis of its round). So what differs between
two grades of a student is what may have changed the points. Where several things differ, all are named: no run tells
which of them it was.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from autograder.marks import Mark, Marks
from autograder.results import ClassResults, Grade, Round, TaskGrade, Verdict

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
class TaskChange:
    """A task that was judged otherwise; None on the side where there was no such task."""

    task: str
    before: TaskGrade | None
    after: TaskGrade | None


@dataclass(frozen=True)
class Change:
    """A student whose grade is another one.

    Attributes:
        before: None for a student who is new.
        after: None for one who is gone.
        why: What differs, in words; never empty.
        tasks: Those that were judged otherwise.
        by_hand: Tasks of which a person gave the points: these count, whatever the checks say now.
    """

    student: str
    before: Grade | None
    after: Grade | None
    why: tuple[str, ...]
    tasks: tuple[TaskChange, ...] = ()
    by_hand: tuple[Mark, ...] = ()


def changes(before: ClassResults, after: ClassResults, marks: Mapping[str, Marks] | None = None) -> tuple[Change, ...]:
    """Everybody whose verdict, points or passed checks differ, by student.

    Args:
        marks: Student -> what the gradebook says, which belongs to ``after``.
    """
    old, new = ({grade.student: grade for grade in one.grades} for one in (before, after))
    kept = by_hand(marks or {})
    found = (_change(student, old.get(student), new.get(student)) for student in sorted(old.keys() | new.keys()))
    return tuple(replace(one, by_hand=kept.get(one.student, ())) for one in found if one is not None)


def by_hand(marks: Mapping[str, Marks]) -> dict[str, tuple[Mark, ...]]:
    """Student -> the tasks of which a person gave other points than the grader."""
    found = {student: tuple(mark for mark in of.marks if mark.changed_by_hand) for student, of in marks.items()}
    return {student: changed for student, changed in found.items() if changed}


def _change(student: str, before: Grade | None, after: Grade | None) -> Change | None:
    if before is None or after is None:
        return Change(student, before, after, ("new" if before is None else "no longer there",))
    old, new = ({task.task: task for task in grade.tasks} for grade in (before, after))
    tasks = tuple(
        TaskChange(task, old.get(task), new.get(task))
        for task in (*new, *(gone for gone in old if gone not in new))
        if _outcome(old.get(task)) != _outcome(new.get(task))
    )
    if not tasks and before.verdict == after.verdict:
        return None
    return Change(student, before, after, causes(before, after), tasks)


def _outcome(task: TaskGrade | None) -> object:
    return task and (task.score, task.max_score, [(check.name, check.passed) for check in task.checks])


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


def kept_from_earlier(results: ClassResults, now: Round) -> dict[tuple[str, ...], list[str]]:
    """What was otherwise -> the students whose grade is of an earlier round and was judged so."""
    found: dict[tuple[str, ...], list[str]] = {}
    for grade in results.grades:
        if otherwise := tuple(judged_otherwise(grade, now)):
            found.setdefault(otherwise, []).append(grade.student)
    return found
