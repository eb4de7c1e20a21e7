"""results.json: comes back as it was written, is never half there, and is refused in a sentence when it is damaged."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from autograder.errors import UsageError
from autograder.marks import Mark, Marks
from autograder.records.results_json import SCHEMA, ClassResults, load_results, results_path, save_results
from autograder.results import CheckResult, Grade, Handin, NotRecognised, TaskGrade, Verdict

ALICE = Grade(
    "alice",
    Verdict.PARTIAL_RUN,
    (
        TaskGrade("mac_ratio", 1.0, (CheckResult("The ratio is right.", True),)),
        TaskGrade(
            "early_exit_loss",
            3.0,
            (
                CheckResult("The sum is right.", False, "Expected 1.2; found 1.3.", "Which weight has exit 0?", 2.0),
                CheckResult("It is a scalar.", None, "Not judged.", "", 0.0),
            ),
        ),
    ),
    "These cells raised an error: sweep.",
    ("cell early_exit_loss matched by similarity 0.93 (its metadata was lost)",),
    3.14,
)
NAME = "early_exit"
HANDIN = Handin("canvas", "doejane", "1234", True, "2026-09-24T21:26:00", "567890", "", "c.zip", "a.ipynb", ("b.pdf",))
CLASS = ClassResults(
    NAME,
    123,
    "bubblewrap 0.11.0",
    (ALICE, Grade("bob", Verdict.EMPTY, handin=HANDIN, other_release=("title", "setup"))),
    (NotRecognised("roster.csv", "a table"),),
)


def document(workspace: Path) -> dict[str, Any]:
    return json.loads(save_results(CLASS, workspace).read_text())


def damaged(workspace: Path, text: str) -> str:
    """What loading says of a results.json with this text."""
    results_path(workspace, NAME).parent.mkdir(exist_ok=True)
    results_path(workspace, NAME).write_text(text)
    with pytest.raises(UsageError) as refusal:
        load_results(workspace, NAME)
    return str(refusal.value)


def test_what_is_written_comes_back(tmp_path: Path):
    save_results(CLASS, tmp_path)

    assert load_results(tmp_path, NAME) == CLASS


@pytest.mark.parametrize("text", ["<script>", "\ud800", "\0\x1b[31m", "名é😀", 'a"\\b\n', "x" * 100_000])
def test_any_text_comes_back(tmp_path: Path, text: str):
    check = CheckResult(text, False, text, text)
    results = ClassResults(NAME, 1, text, (Grade(text, Verdict.OK, (TaskGrade(text, 1.0, (check,)),), text, (text,)),))
    save_results(results, tmp_path)

    assert load_results(tmp_path, NAME) == results


def test_the_file_is_of_the_published_schema(tmp_path: Path):
    written = document(tmp_path)

    assert list(written) == ["schema", "assignment", "seed", "box", "not_recognised", "rounds", "submissions"]
    assert (written["schema"], written["assignment"], written["seed"]) == (1, "early_exit", 123)
    alice = written["submissions"][0]
    assert {"student", "verdict", "score", "max_score", "wall_s", "tasks", "notes"} <= set(alice)
    assert (alice["verdict"], alice["score"], alice["max_score"], alice["wall_s"]) == ("PARTIAL_RUN", 1.0, 4.0, 3.14)
    assert list(alice["tasks"]) == ["mac_ratio", "early_exit_loss"]
    assert alice["tasks"]["early_exit_loss"]["score"] == 0.0
    checks = alice["tasks"]["early_exit_loss"]["checks"]
    assert [check["passed"] for check in checks] == [False, None]
    assert all({"name", "passed", "message", "hint"} <= set(check) for check in checks)


def test_the_file_is_read_by_everyone_and_nothing_else_is_left_next_to_it(tmp_path: Path):
    """As far as the umask lets: that of many an ordinary user gives the group more."""
    os.umask(mask := os.umask(0))
    workspace = tmp_path / "new" / "grading"
    save_results(CLASS, workspace)
    path = save_results(CLASS, workspace)

    assert list(path.parent.iterdir()) == [path] == [results_path(workspace, NAME)]
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask


def test_when_writing_fails_then_the_old_results_are_still_there_and_nothing_else(tmp_path: Path):
    save_results(CLASS, tmp_path)
    with pytest.raises(TypeError):
        save_results(ClassResults(NAME, object(), "box"), tmp_path)  # type: ignore[arg-type]

    assert load_results(tmp_path, NAME) == CLASS
    assert list((tmp_path / NAME).iterdir()) == [results_path(tmp_path, NAME)]


def test_who_handed_in_and_when_and_what_is_nobodys_are_in_the_file(tmp_path: Path):
    written = document(tmp_path)

    assert written["not_recognised"] == [{"name": "roster.csv", "what": "a table"}]
    assert written["submissions"][1]["handin"] == {
        "platform": "canvas",
        "name": "doejane",
        "id": "1234",
        "late": True,
        "submitted": "2026-09-24T21:26:00",
        "attempt": "567890",
        "team": "",
        "source": "c.zip",
        "file": "a.ipynb",
        "unused": ["b.pdf"],
    }


def test_results_of_a_grader_that_knew_no_platforms_are_read(tmp_path: Path):
    written = document(tmp_path)
    del written["not_recognised"], written["submissions"][1]["handin"], written["submissions"][1]["other_release"]
    results_path(tmp_path, NAME).write_text(json.dumps(written))

    assert load_results(tmp_path, NAME).grades[1] == Grade("bob", Verdict.EMPTY)


def test_a_grade_is_added_by_student_and_the_graders_faults_come_first():
    results = ClassResults(NAME, 1, "box")
    for name, verdict in (("c", Verdict.OK), ("d", Verdict.GRADER_ERROR), ("a", Verdict.BAD_FILE), ("b", Verdict.OK)):
        results = results.with_grade(Grade(name, verdict))

    assert [grade.student for grade in results.grades] == ["d", "a", "b", "c"]


def test_a_grade_replaces_the_one_of_the_same_student():
    results = CLASS.with_grade(Grade("alice", Verdict.OK))

    assert [(grade.student, grade.verdict) for grade in results.grades] == [("alice", "OK"), ("bob", "EMPTY")]
    assert CLASS.grades[0] is ALICE


def test_when_there_are_no_results_then_the_error_says_how_to_get_some(tmp_path: Path):
    with pytest.raises(UsageError, match=r"There is no .*results\.json\. Grade a class first: autograder grade SUBMI"):
        load_results(tmp_path, NAME)


@pytest.mark.parametrize("schema", [0, SCHEMA + 1, "1", None, [1]])
def test_when_the_schema_is_another_then_the_error_names_both(tmp_path: Path, schema: object):
    sentence = damaged(tmp_path, json.dumps(document(tmp_path) | {"schema": schema}))

    assert sentence.endswith(f"results.json has schema {schema!r}; this version reads schema 1.")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "3", '"schema"', "{}", '{"schema": 1}', "\x80\udcff", "[" * 100_000],
    ids=lambda text: text[:9] or "nothing",
)
def test_when_the_file_is_damaged_then_the_error_says_what_to_do(tmp_path: Path, text: str):
    results_path(tmp_path, NAME).parent.mkdir()
    results_path(tmp_path, NAME).write_bytes(text.encode("utf-8", "surrogateescape"))

    with pytest.raises(UsageError, match=r"results\.json cannot be read \(.*\)\. Move it away and grade again\."):
        load_results(tmp_path, NAME)


@pytest.mark.parametrize("wrong", [None, 3, "x", [], {}, [3], {"x": 3}, {"x": {}}, ["x"]], ids=repr)
@pytest.mark.parametrize(
    "place",
    [
        "seed",
        "submissions",
        "not_recognised",
        "entry",
        "verdict",
        "tasks",
        "task",
        "checks",
        "check",
        "notes",
        "handin",
    ],
)
def test_a_value_of_any_type_in_any_place_is_a_sentence_or_results(tmp_path: Path, place: str, wrong: object):
    written = document(tmp_path)
    entry = written["submissions"][0]
    if place in ("seed", "submissions", "not_recognised"):
        written[place] = wrong
    elif place == "entry":
        written["submissions"][0] = wrong
    elif place == "task":
        entry["tasks"]["mac_ratio"] = wrong
    elif place == "checks":
        entry["tasks"]["mac_ratio"]["checks"] = wrong
    elif place == "check":
        entry["tasks"]["mac_ratio"]["checks"][0] = wrong
    else:
        entry[place] = wrong
    results_path(tmp_path, NAME).write_text(json.dumps(written))

    try:
        assert isinstance(load_results(tmp_path, NAME), ClassResults)
    except UsageError as refusal:
        assert "Move it away and grade again." in str(refusal)


def test_points_by_hand_are_repeated_and_scores_stay_the_automatic_ones(tmp_path: Path):
    question = Mark("q_why", True, 2.0, by_hand=1.5, comment="Say for whom.")
    marks = (Mark("mac_ratio", False, 1.0, 1.0, by_hand=0.5), question, Mark("q_when", True, 3.0, waits=True))
    results = CLASS.with_marks({"alice": Marks("alice", marks)})

    alice, bob = json.loads(save_results(results, tmp_path).read_text())["submissions"]

    assert (alice["score"], alice["max_score"], alice["total"], alice["total_max"]) == (1.0, 4.0, 2.0, 6.0)
    assert alice["written"] == {
        "q_why": {"score": 1.5, "max_score": 2.0, "waits": False, "comment": "Say for whom."},
        "q_when": {"score": None, "max_score": 3.0, "waits": True, "comment": ""},
    }
    assert alice["by_hand"] == {"mac_ratio": 0.5}
    assert (bob["total"], bob["written"], bob["by_hand"]) == (None, {}, {})
