"""A class as a platform gives it out, all the way through ``autograder grade``."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from platform_classes import SCHEMES, Expected, made, packed, unpacked, zipped
from read_page import Page
from small_course import submission

from autograder.cli import main
from autograder.course import Course

Grading = Callable[..., tuple[Result, dict[str, Any]]]


@pytest.fixture(name="grading")
def _grading(small_course: Path, warm: None, tmp_path: Path) -> Grading:
    """Grades into one workspace: what was said, and results.json."""

    def run(path: Path, *options: str) -> tuple[Result, dict[str, Any]]:
        places = ["--course", str(small_course), "--workspace", str(tmp_path / "ws"), "--jobs", "1", "--seed", "3"]
        done = CliRunner().invoke(main, ["grade", str(path), *places, *options])
        written = tmp_path / "ws" / "small" / "results.json"
        return done, json.loads(written.read_text()) if written.exists() else {}

    return run


def assert_as_expected(document: dict[str, Any], expected: dict[str, Expected]) -> None:
    assert [one["student"] for one in document["submissions"]] == sorted(expected)
    for one in document["submissions"]:
        wanted = expected[one["student"]]
        assert (one["verdict"], one["score"]) == (("BAD_FILE", 0.0) if wanted.graded is None else ("OK", 4.0)), one
        assert (one["handin"]["late"], one["handin"]["id"]) == (wanted.late, wanted.id)


@pytest.mark.parametrize(
    "scheme", ["canvas", *(pytest.param(name, marks=pytest.mark.slow) for name in ("moodle", "gradescope"))]
)
def test_a_platforms_class_is_graded_whole_and_its_next_round_meets_the_same_rows(
    prepared: Course, grading: Grading, tmp_path: Path, scheme: str
) -> None:
    def answer(*said: object) -> bytes:  # all cells the same, so one run does for all
        filled = json.loads(submission(prepared.released))
        return json.dumps(filled | {"metadata": {"said": str(said)}}).encode()

    for nth_round in (0, 1):
        files, expected = made(SCHEMES[scheme], nth_round, answer, "small.ipynb")
        done, document = grading(packed(files, tmp_path / f"round {nth_round}.zip"))

        assert done.exit_code == 0, done.output
        assert_as_expected(document, expected)
        assert document["not_recognised"] == []
        assert {one["handin"]["source"] for one in document["submissions"]} == {f"round {nth_round}.zip"}


def test_what_is_nobodys_is_in_the_terminal_the_results_the_page_and_the_exit_code(
    prepared: Course, grading: Grading, tmp_path: Path
) -> None:
    right = submission(prepared.released)
    path = unpacked({"ann.ipynb": right, "bob/x.pdf": b"%PDF", "roster.csv": b"1"}, tmp_path / "in")
    done, document = grading(path)

    assert done.exit_code == 1
    assert "roster.csv: a table" in done.output
    assert document["not_recognised"] == [{"name": "roster.csv", "what": "a table"}]
    assert "roster.csv: a table" in Page((tmp_path / "ws" / "small" / "report" / "index.html").read_text()).text
    assert [(one["student"], one["verdict"]) for one in document["submissions"]] == [("ann", "OK"), ("bob", "BAD_FILE")]

    (path / "roster.csv").unlink()
    done, document = grading(path)
    assert (done.exit_code, document["not_recognised"]) == (0, [])
    assert "Nothing has changed" in done.output
    assert "the reason is not kept" not in done.output


def test_what_a_platform_says_of_an_unchanged_file_is_kept_up_to_date(
    prepared: Course, grading: Grading, tmp_path: Path
) -> None:
    right = submission(prepared.released)
    for late in ("", "_LATE"):
        done, document = grading(packed({f"doejane{late}_12_34_small.ipynb": right}, tmp_path / f"c{late}.zip"))

        assert [(one["student"], one["handin"]["late"]) for one in document["submissions"]] == [
            ("doejane_12", bool(late))
        ]
    assert "Nothing has changed" in done.output


def test_one_student_cannot_hand_in_for_others(prepared: Course, grading: Grading, tmp_path: Path) -> None:
    right, wrong = submission(prepared.released), submission(prepared.released, mac_ratio="1 / 0")
    grading(unpacked({"bob.ipynb": right, "carol.ipynb": right}, tmp_path / "class"))
    forged = {"mallory/bob.ipynb": wrong, "mallory/carol.ipynb": submission(prepared.released, mac_ratio="2 / 0")}

    done, document = grading(unpacked(forged, tmp_path / "late"))
    assert (done.exit_code, "grade " + str(tmp_path / "late" / "mallory") in done.output) == (1, True)
    assert {one["student"]: one["score"] for one in document["submissions"]} == {
        "bob": 4.0,
        "carol": 4.0,
        "mallory": 0.0,
    }

    done, after = grading(packed(forged, tmp_path / "late.zip"))
    assert done.exit_code == 2
    assert (
        "holds one folder, 'mallory', and in it are students who were graded from elsewhere: bob, carol." in done.output
    )
    assert after["submissions"] == document["submissions"]

    done, after = grading(tmp_path / "late.zip", "--from", "flat")  # the instructor says that it is a class
    assert {one["student"]: one["score"] for one in after["submissions"]} == {"bob": 3.0, "carol": 3.0, "mallory": 0.0}


def test_the_way_in_can_be_named(prepared: Course, grading: Grading, tmp_path: Path) -> None:
    path = packed({"anna_2026_10_05.ipynb": submission(prepared.released)}, tmp_path / "c.zip")
    done, document = grading(path, "--from", "flat")

    assert (done.exit_code, [one["student"] for one in document["submissions"]]) == (0, ["anna_2026_10_05"])
    done, _ = grading(path, "--from", "blackbored")
    assert done.exit_code == 2
    assert "'moodle', 'blackboard', 'brightspace', 'gradescope', 'canvas', 'github', 'nbgrader', 'flat'" in done.output


@pytest.mark.slow
def test_a_zip_of_zips_is_graded(prepared: Course, grading: Grading, tmp_path: Path) -> None:
    right = submission(prepared.released)
    files = {
        "ann.zip": zipped({"small/small.ipynb": right}),
        "bob.zip": zipped({"bob.zip": zipped({"x.ipynb": right})}),
    }
    done, document = grading(packed(files, tmp_path / "c.zip"))

    assert done.exit_code == 0, done.output
    assert {one["student"]: one["score"] for one in document["submissions"]} == {"ann": 4.0, "bob": 4.0}
