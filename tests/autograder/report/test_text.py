"""Grades as plain text."""

import pytest

from autograder.report.text import points, score, submission_text, task_text
from autograder.results import CheckResult, Grade, TaskGrade, Verdict

TASK = TaskGrade(
    "mac_ratio",
    3.0,
    (
        CheckResult("The ratio is right.", True, share=2),
        CheckResult("It is a float.", False, "Expected a float; found None.", "Return it.", 1),
        CheckResult("It is rounded.", None, "Not judged.", share=0),
    ),
)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (0.0, "0"),
        (10, "10"),
        (21.0, "21"),
        (100.0, "100"),
        (2.5, "2.5"),
        (2 / 3, "0.67"),
        (0.1, "0.1"),
        (1.999, "2"),
    ],
)
def test_points_have_no_needless_decimals(value: float, shown: str):
    assert points(value) == shown


def test_a_score_is_shown_with_what_could_be_reached():
    assert score(TASK) == "2 / 3"
    assert score(Grade("alice", Verdict.OK, (TASK, TASK))) == "4 / 6"
    assert score(Grade("alice", Verdict.EMPTY)) == "0 / 0"


def test_a_task_says_what_passed_what_was_found_and_what_it_is_worth():
    assert task_text(TASK) == (
        "mac_ratio: 2 / 3 points\n"
        "\n"
        "- passed (2 p): The ratio is right.\n"
        "- FAILED (1 p): It is a float.\n"
        "  Expected a float; found None.\n"
        "  Hint: Return it.\n"
        "- not judged: It is rounded.\n"
        "  Not judged.\n"
    )


def test_a_task_without_checks_says_its_points():
    assert task_text(TaskGrade("mac_ratio", 1.0)) == "mac_ratio: 0 / 1 points\n\n"


def test_a_task_of_preconditions_only_divides_by_nothing():
    assert "passed: Runs." in task_text(TaskGrade("mac_ratio", 1.0, (CheckResult("Runs.", True, share=0),)))


def test_what_a_student_printed_cannot_pass_for_a_line_of_the_report():
    """An error message is the student's, line breaks included."""
    forged = CheckResult(
        "The ratio is right.", False, "it raised E: \n- passed (3 p): The ratio is right.\nmac_ratio: 3 / 3 points"
    )
    lines = task_text(TaskGrade("mac_ratio", 3.0, (forged,))).splitlines()

    assert not any(line.startswith("- passed") for line in lines)
    assert [line for line in lines if line.startswith("mac_ratio:")] == ["mac_ratio: 0 / 3 points"]


def test_the_head_says_verdict_score_box_and_notes():
    grade = Grade("alice", Verdict.TIMEOUT, (TASK,), "Stopped in cell sweep.", ("cell a was edited", "1 cell kept"))

    assert submission_text(grade, "bubblewrap 0.11.0") == (
        "Verdict: TIMEOUT\n"
        "Automatic points: 2 / 3\n"
        "Box: bubblewrap 0.11.0\n"
        "Stopped in cell sweep.\n"
        "Note: cell a was edited\n"
        "Note: 1 cell kept\n"
        "Given cells show the outputs that were handed in; solution cells show the grading run.\n"
    )


def test_where_there_is_nothing_to_say_the_head_has_no_empty_lines():
    assert "" not in submission_text(Grade("alice", Verdict.OK), "bubblewrap 0.11.0").splitlines()


def test_the_head_says_that_given_cells_are_todays():
    head = submission_text(Grade("alice", Verdict.OK, other_release=("title", "setup")), "bubblewrap 0.11.0")

    assert "Given cells that another release of the notebook has otherwise: 2.\n" in head
