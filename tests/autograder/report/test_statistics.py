"""Numbers of a class, held against ones that can be worked out by hand."""

import pytest

from autograder.judge.compare import kind
from autograder.judge.evidence import Other
from autograder.report.statistics import Bar, Mistake, counted, histogram, mistakes, task_statistics
from autograder.results import CheckResult, Grade, TaskGrade, Verdict


def grade(student: str, *passed: bool | None, verdict: Verdict = Verdict.OK, easy: bool = True) -> Grade:
    """A submission with a task of one check for each of ``passed``, worth a point each, and another, easy one."""
    hard = TaskGrade("hard", float(len(passed)), tuple(CheckResult(f"check {n}", one) for n, one in enumerate(passed)))
    return Grade(student, verdict, (hard, TaskGrade("easy", 1.0, (CheckResult("It is there.", easy),))))


def test_the_code_of_these_was_judged_and_of_those_not():
    grades = [grade(verdict.value, True, verdict=verdict) for verdict in Verdict] + [grade("idle", False)]
    names = {one.student for one in counted(grades, untouched={"idle"})}

    assert names == {verdict.value for verdict in Verdict} - {"GRADER_ERROR", "BAD_FILE", "EMPTY"}


@pytest.mark.parametrize(
    ("scores", "most", "bars"),
    [
        ([0, 1.5, 2, 2], 2.0, [Bar(0, 1, 1), Bar(1, 2, 1), Bar(2, 3, 2)]),
        ([], 1.0, [Bar(0, 1, 0), Bar(1, 2, 0)]),
        ([7], 0.0, [Bar(0, 1, 1)]),
        ([100, 99.9], 100.0, [*(Bar(low, low + 5, 0) for low in range(0, 95, 5)), Bar(95, 100, 1), Bar(100, 105, 1)]),
        ([2.5], 2.5, [Bar(0, 1, 0), Bar(1, 2, 0), Bar(2, 3, 1)]),
    ],
)
def test_a_histogram_has_bars_of_a_round_width_and_full_marks_are_in_the_last(scores, most, bars):
    assert histogram(scores, most) == bars


@pytest.mark.parametrize("most", [0.5, 7, 29, 30, 99, 1234, 1e9])
def test_a_histogram_has_at_most_thirty_bars(most: float):
    assert 1 <= len(histogram([0, most], most)) <= 30


def test_a_task_and_its_checks_are_counted():
    first, second = task_statistics([grade("ann", True, True), grade("bob", True, False), grade("cem", None, False)])

    assert (first.task, second.task) == ("hard", "easy")
    assert (first.share, first.full, first.none) == (0.5, 1, 1)
    assert [(one.passed, one.failed, one.unknown, one.rate) for one in first.checks] == [
        (2, 0, 1, 1.0),
        (1, 2, 0, 1 / 3),
    ]
    assert first.checks[0].worth == 1.0
    assert first.discrimination is None, "of three submissions nothing can be said"


def test_discrimination_is_the_correlation_with_everything_else():
    # Ten who pass both checks or neither, and an easy task that goes with them, or against them.
    along = [grade(f"s{n}", n < 5, n < 5, easy=n < 5) for n in range(10)]
    against = [grade(f"s{n}", n < 5, n < 5, easy=n >= 5) for n in range(10)]

    assert task_statistics(along)[0].discrimination == pytest.approx(1)
    assert task_statistics(against)[1].discrimination == pytest.approx(-1)
    # A check of its own worth is not correlated with itself: the rest of "against" is 1 for all.
    assert task_statistics(against)[0].checks[0].discrimination is None


@pytest.mark.parametrize("failing", [0, 2, 10])
def test_where_next_to_all_pass_or_fail_nothing_is_said_of_the_check(failing: int):
    grades = [grade(f"s{n}", n >= failing, n % 2 == 0, easy=n % 3 == 0) for n in range(12)]

    assert task_statistics(grades)[0].checks[0].discrimination is None


def test_a_voided_task_is_left_out():
    voided = Grade("ann", Verdict.OK, (TaskGrade("gone", 0.0, (CheckResult("It is.", True),)),))

    assert task_statistics([voided]) == []


def test_a_mistake_is_a_hint_and_a_student_makes_it_once():
    def missed(student: str, *hints: str) -> Grade:
        checks = tuple(CheckResult(f"check {n}", False, f"found {student}", hint) for n, hint in enumerate(hints))
        return Grade(student, Verdict.OK, (TaskGrade("t", 1.0, checks),))

    assert mistakes([missed("ann", "Sort."), missed("bob", "Divide.", "Divide.", ""), missed("cem", "Divide.")]) == [
        Mistake("t", "Divide.", ("bob", "cem"), "found bob"),
        Mistake("t", "Sort.", ("ann",), "found ann"),
    ]


def test_an_unfinished_task_is_no_mistake():
    check = CheckResult("It is a number.", False, f"Expected a number; found {kind(Other('ellipsis'))}.", "Return one.")

    assert mistakes([Grade("ann", Verdict.OK, (TaskGrade("t", 1.0, (check,)),))]) == []


def test_a_long_message_is_shortened_as_an_example():
    long = Grade("ann", Verdict.OK, (TaskGrade("t", 1.0, (CheckResult("c", False, "x" * 5_000, "Look."),)),))

    assert len(mistakes([long])[0].message) == 301
