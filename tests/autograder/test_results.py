"""Points: how checks add up to a task and tasks to a submission."""

import dataclasses

import pytest

from autograder.results import CheckResult, Grade, TaskGrade, Verdict


def task(*checks: tuple[bool | None, float], points: float = 3.0) -> TaskGrade:
    return TaskGrade("task", points, tuple(CheckResult("says", passed, share=share) for passed, share in checks))


def test_the_verdicts_are_the_ones_of_the_contract():
    assert [verdict.value for verdict in Verdict] == [
        "OK",
        "PARTIAL_RUN",
        "TIMEOUT",
        "OUT_OF_MEMORY",
        "KERNEL_DIED",
        "OUTPUT_LIMIT",
        "BAD_FILE",
        "EMPTY",
        "GRADER_ERROR",
    ]


def test_when_all_checks_pass_then_the_task_has_all_its_points():
    assert task((True, 1), (True, 2)).score == 3.0


def test_a_check_earns_its_share_of_the_points():
    assert task((True, 1), (False, 2)).score == 1.0
    assert task((False, 1), (True, 2)).score == 2.0


def test_what_could_not_be_told_earns_nothing_and_still_counts():
    assert task((True, 1), (None, 1), points=4).score == 2.0


def test_a_precondition_moves_no_points():
    assert task((False, 0), (True, 1)).score == 3.0
    assert task((True, 0), (False, 1)).score == 0.0


def test_without_any_check_or_any_share_nothing_is_earned():
    assert task().score == 0.0
    assert task((True, 0)).score == 0.0


def test_only_true_itself_passes():
    assert task((1, 1)).score == 0.0  # type: ignore[arg-type]


def test_points_are_rounded_to_a_hundredth():
    assert task((True, 1), (False, 1), (False, 1), points=2).score == 0.67


def test_a_submission_has_the_points_of_its_tasks():
    grade = Grade("alice", Verdict.OK, (task((True, 1)), task((True, 1), (False, 2), points=2)))

    assert (grade.score, grade.max_score) == (3.67, 5.0)


def test_a_submission_without_tasks_has_no_points():
    assert (Grade("alice", Verdict.EMPTY).score, Grade("alice", Verdict.EMPTY).max_score) == (0, 0)


def test_a_sum_of_hundredths_shows_no_float_dust():
    assert Grade("alice", Verdict.OK, tuple(task((True, 1), points=0.1) for _ in range(3))).score == 0.3


def test_a_grade_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Grade("alice", Verdict.OK).verdict = Verdict.EMPTY  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        task((False, 1)).checks[0].passed = True  # type: ignore[misc]
