"""What changed between two gradings, and why: every cause is told, and only what differs."""

from dataclasses import replace

import pytest

from autograder.changes import CHANGED, Side, changes, compare, judged_otherwise
from autograder.marks import Mark, Marks
from autograder.results import CheckResult, ClassResults, Grade, Round, TaskGrade, Verdict

UNKNOWN = "not known: an earlier version of the grader did not keep what it graded with"
FIRST = Round(1, 7, "bubblewrap 0", "2026-11-01T10:00:00Z", "", "here", dict.fromkeys(CHANGED, "k"))


def graded(student: str = "ann", passed: bool | None = True, of: Round | None = FIRST, **more: object) -> Grade:
    """A grade of one task worth 2 points with one check."""
    task = TaskGrade("mac_ratio", 2.0, (CheckResult("The ratio is right.", passed),))
    return replace(Grade(student, Verdict.OK, (task,), file="f1", round=of), **more)


def a_class(*grades: Grade) -> ClassResults:
    return ClassResults("small", 7, "bubblewrap 0").with_grades(grades)


def why(before: Grade, after: Grade) -> tuple[str, ...]:
    (change,) = changes(a_class(before), a_class(after))
    return change.why


@pytest.mark.parametrize("part", sorted(CHANGED))
def test_every_part_of_the_basis_is_a_cause_of_its_own(part: str) -> None:
    second = replace(FIRST, number=2, basis=FIRST.basis | {part: "other"})

    assert why(graded(passed=False), graded(of=second)) == (CHANGED[part],)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"file": "f2"}, ("another file",)),
        ({"of": replace(FIRST, seed=8)}, ("another seed",)),
        ({"of": replace(FIRST, box="bubblewrap 1")}, ("another box",)),
        ({"of": replace(FIRST, machine="there")}, ("run again", "on another machine (there)")),
        ({}, ("run again",)),
        ({"file": "f2", "of": replace(FIRST, seed=8, machine="there")}, ("another file", "another seed")),
        ({"of": None}, (UNKNOWN,)),
        ({"of": replace(FIRST, basis={})}, (UNKNOWN,)),
    ],
)
def test_what_differs_is_the_cause(changed: dict, told: tuple[str, ...]) -> None:
    assert why(graded(passed=False), graded(**changed)) == told


def test_a_fault_of_the_grader_that_is_gone_is_the_cause() -> None:
    assert why(graded(passed=None, verdict=Verdict.GRADER_ERROR), graded()) == ("a fault of the grader",)


def test_whose_grade_is_the_same_is_not_named() -> None:
    later = replace(FIRST, number=2, seed=8, basis={})

    assert changes(a_class(graded()), a_class(graded(of=later, file="f2", wall_s=3.0, notes=("late",)))) == ()


def test_another_wording_of_a_check_is_no_change_and_another_result_is() -> None:
    reworded = TaskGrade("mac_ratio", 2.0, (CheckResult("The ratio fits.", True),))
    precondition = CheckResult("It returns.", True, share=0.0)
    task = TaskGrade("mac_ratio", 2.0, (CheckResult("The ratio is right.", True), precondition))
    failed = replace(task, checks=(task.checks[0], replace(precondition, passed=False)))

    assert changes(a_class(graded()), a_class(graded(tasks=(reworded,)))) == ()
    (change,) = changes(a_class(graded(tasks=(task,))), a_class(graded(tasks=(failed,))))
    assert [(check.name, check.before.passed, check.after.passed) for check in change.tasks[0].checks] == [
        ("It returns.", True, False)
    ]


def test_who_is_new_or_gone_is_named() -> None:
    found = changes(a_class(graded("ann"), graded("bob")), a_class(graded("bob"), graded("cem")))

    assert [(change.student, change.why) for change in found] == [("ann", ("no longer there",)), ("cem", ("new",))]


def test_a_task_that_is_new_gone_or_worth_something_else_is_a_change() -> None:
    worth_less = TaskGrade("mac_ratio", 1.0, (CheckResult("The ratio is right.", True),))
    other = replace(worth_less, task="other")
    for tasks, named in (((worth_less,), ["mac_ratio"]), ((other,), ["other", "mac_ratio"]), ((), ["mac_ratio"])):
        (change,) = changes(a_class(graded()), a_class(graded(tasks=tasks)))
        assert [task.task for task in change.tasks] == named


def test_points_given_by_hand_are_named_with_and_without_a_change() -> None:
    marks = Marks("ann", (Mark("mac_ratio", False, 2.0, automatic=0.0, by_hand=2.0),))
    regraded = compare(Side("1", a_class(graded())), Side("2", a_class(graded(passed=False, marks=marks))))
    same = compare(Side("1", a_class(graded())), Side("2", a_class(graded(marks=marks))))

    assert regraded.changes[0].by_hand == marks.marks
    assert (same.changes, same.by_hand) == ((), [("ann", marks.marks)])


def test_grades_of_an_earlier_round_are_told_only_where_they_were_judged_otherwise() -> None:
    second = replace(FIRST, number=2)
    third = replace(FIRST, number=3, seed=8, basis=FIRST.basis | {"running": "x", "grader": "x"})
    results = a_class(graded("ann"), graded("bob", of=second), graded("cem", of=third))

    assert compare(Side("", results), Side("", results)).earlier == [
        (("another seed", "the grader changed"), ["ann", "bob"])
    ]
    assert compare(Side("", results), Side("", results.of({"ann", "bob"}))).earlier == []
    assert judged_otherwise(graded(of=None), third) == []
