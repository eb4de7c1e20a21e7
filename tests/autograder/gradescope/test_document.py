"""The document for Gradescope: by its specification, bounded, and nothing in it that a browser would run."""

import json

import pytest

from autograder.gradescope.document import MAX_TEXT, results_document
from autograder.marks import Mark
from autograder.results import CheckResult, Grade, TaskGrade, Verdict

# https://gradescope-autograders.readthedocs.io/en/latest/specs/
TOP = {
    "score", "execution_time", "output", "output_format", "test_output_format", "test_name_format", "visibility",
    "stdout_visibility", "extra_data", "tests", "leaderboard",
}  # fmt: skip
TEST = {
    "score", "max_score", "status", "name", "name_format", "number", "output", "output_format", "tags", "visibility",
    "extra_data",
}  # fmt: skip
VISIBLE = {"hidden", "after_due_date", "after_published", "visible"}
RIGHT, WRONG = CheckResult("It is right.", True), CheckResult("It is <b>fast</b>.", False, "took 3 s", "Use a batch.")
WHY = Mark("q_why", True, 2.0, waits=True)


def grade(*tasks: TaskGrade, **fields: object) -> Grade:
    return Grade("submission", Verdict.OK, tasks or (TaskGrade("step", 3.0, (RIGHT, WRONG)),), **fields)  # type: ignore[arg-type]


def test_it_has_only_what_the_specification_names() -> None:
    document = results_document(grade(TaskGrade("one", 1.0, (RIGHT,)), TaskGrade("two", 1.0, (WRONG,))), [WHY], ["x"])

    assert document.keys() <= TOP
    assert all(test.keys() <= TEST for test in document["tests"])
    assert {document["visibility"], *(test["visibility"] for test in document["tests"])} <= VISIBLE
    assert {document["output_format"], *(test["output_format"] for test in document["tests"])} == {"text"}
    assert {test["status"] for test in document["tests"] if "score" in test} == {"passed", "failed"}


def test_the_score_is_the_sum_of_the_tests_with_points() -> None:
    document = results_document(grade(), [WHY], [])
    (step,) = [test for test in document["tests"] if "score" in test]

    assert (document["score"], step["score"], step["max_score"]) == (1.5, 1.5, 3.0)
    assert (step["name"], step["number"]) == ("step", "1")
    assert "took 3 s" in step["output"] and "Use a batch." in step["output"]


def test_a_written_answer_waits_for_a_person_and_has_no_points_here() -> None:
    document = results_document(grade(), [WHY], [])
    (why,) = [test for test in document["tests"] if test["name"] == "q_why"]

    assert "score" not in why and "status" not in why and why["tags"] == ["written"]
    assert "2 points" in why["output"] and "up to 2" in document["output"]


def test_what_the_instructor_is_told_is_never_shown_to_students() -> None:
    document = results_document(grade(), [], ["the seed is 77"])
    (told,) = [test for test in document["tests"] if "77" in test["output"]]

    assert told["visibility"] == "hidden" and "score" not in told
    assert "77" not in document["output"]
    assert document["stdout_visibility"] == "hidden"


@pytest.mark.parametrize("text", ["\x1b[2K", "\ud800", "\u202e", "\x00"])
def test_texts_hold_nothing_that_is_no_text(text: str) -> None:
    check = CheckResult("It is right.", False, f"found {text}")
    document = results_document(grade(TaskGrade("step", 1.0, (check,)), notes=(text,)), [], [text])

    assert text not in json.dumps(document, ensure_ascii=False)
    json.dumps(document, ensure_ascii=False).encode()


def test_texts_are_bounded() -> None:
    check = CheckResult("It is right.", False, "x" * 1_000_000)
    document = results_document(grade(TaskGrade("step", 1.0, (check,)), notes=("y" * 99,) * 5000), [], ["z" * 10**6])

    assert all(len(test["output"]) < MAX_TEXT + 100 for test in document["tests"])
    assert len(document["output"]) < MAX_TEXT + 100
