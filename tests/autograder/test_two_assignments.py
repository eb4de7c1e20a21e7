"""A course with two assignments: one workspace, one gradebook, and nothing of the one in the other."""

import json
import os
import shutil
import sqlite3
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from small_course import cell, notebook, right_answers

from autograder.assignments.assignment import IN_A_COURSE
from autograder.cli import main

HALVES = "def mac_ratio(a, b):\n    return a / 2"
SOLUTION = "def mac_ratio(a, b):\n    ### BEGIN SOLUTION\n    return a / 2\n    ### END SOLUTION"


@pytest.fixture(name="two", scope="module")
def _two(small_course: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small course and a second assignment. Its one task has the name of one of the first, and another answer."""
    course = Path(shutil.copytree(small_course, tmp_path_factory.mktemp("two") / "course"))
    other = course / IN_A_COURSE / "other"
    shutil.copytree(course / IN_A_COURSE / "small", other)
    (other / "assignment.toml").write_text('[cases]\nmac_ratio = ["two_totals"]\n')
    (other / "checks" / "check_choose_tolerance.py").unlink()
    cells = [
        cell("code", "only_here", "import math"),
        cell("code", "mac_ratio", SOLUTION, solution=True),
        cell("code", "check_mac_ratio", "assert mac_ratio(2, 1) == 1", points=5),
    ]
    (course / "solutions" / "other").mkdir()
    (course / "solutions" / "other" / "other.ipynb").write_text(json.dumps(notebook(cells)))
    for name in ("small", "other"):
        assert autograder("release", "--course", course, "--assignment", name).exit_code == 0
    return course


def autograder(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def hand_in(course: Path, folder: Path, assignment: str, **answers: str) -> Path:
    """The released notebook of an assignment with answers in it, as ann's."""
    handed_in = json.loads((course / "assignment" / assignment / f"{assignment}.ipynb").read_text())
    for one in handed_in["cells"]:
        one["source"] = answers.get(one["metadata"]["nbgrader"]["grade_id"], one["source"])
    folder.mkdir(parents=True)
    (folder / "ann.ipynb").write_text(json.dumps(handed_in))
    return folder


def scores(workspace: Path, assignment: str) -> dict[str, float]:
    document = json.loads((workspace / assignment / "results.json").read_text())
    assert document["assignment"] == assignment
    return {one["student"]: one["score"] for one in document["submissions"]}


def test_each_is_graded_by_its_own_checks_and_keeps_its_own_results(two: Path, tmp_path: Path) -> None:
    places = ("--course", two, "--workspace", tmp_path / "ws", "--jobs", 1)
    small = hand_in(two, tmp_path / "small", "small", **right_answers())
    other = hand_in(two, tmp_path / "other", "other", mac_ratio=HALVES)

    for folder in (small, other):  # the notebooks say which
        done = autograder("grade", folder, *places)
        assert done.exit_code == 0, done.output
    assert scores(tmp_path / "ws", "small") == {"ann": 4.0}
    assert scores(tmp_path / "ws", "other") == {"ann": 5.0}
    assert (tmp_path / "ws" / "small" / "report" / "index.html").is_file()
    again = autograder("grade", small, *places)
    assert "Nothing has changed" in again.output
    with sqlite3.connect(tmp_path / "ws" / "gradebook.db") as book:
        assert sorted(book.execute("SELECT name FROM assignment")) == [("other",), ("small",)]


@pytest.mark.slow
def test_the_seed_and_the_runs_of_one_are_not_touched_by_the_other(two: Path, tmp_path: Path) -> None:
    places = ("--course", two, "--workspace", tmp_path / "ws", "--jobs", 1)
    small = hand_in(two, tmp_path / "small", "small", **right_answers())
    other = hand_in(two, tmp_path / "other", "other", mac_ratio=HALVES)
    autograder("grade", small, *places, "--seed", 5)
    for run in (tmp_path / "ws" / "runs").iterdir():
        os.utime(run, (1, 1))
    autograder("grade", other, *places, "--seed", 8)
    again = autograder("grade", small, *places)

    assert "Nothing has changed" in again.output, again.output
    document = json.loads((tmp_path / "ws" / "small" / "results.json").read_text())
    assert document["seed"] == 5
    assert (tmp_path / "ws" / "runs" / document["submissions"][0]["run"]).is_dir()


@pytest.mark.slow
def test_when_the_wrong_one_is_named_then_nothing_is_right(two: Path, tmp_path: Path) -> None:
    other = hand_in(two, tmp_path / "other", "other", mac_ratio=HALVES)
    done = autograder(
        "grade", other, "--course", two, "--workspace", tmp_path / "ws", "--assignment", "small", "--jobs", 1
    )

    assert done.exit_code == 0, done.output
    assert scores(tmp_path / "ws", "small") == {"ann": 0.0}


@pytest.mark.parametrize("verb", ["release", "report", "doctor"])
def test_where_nothing_says_which_then_the_instructor_is_asked(two: Path, tmp_path: Path, verb: str) -> None:
    done = autograder(verb, "--course", two, "--workspace", tmp_path / "ws")

    assert done.exit_code == 2
    assert "has several assignments (other, small). Name one with --assignment." in done.output


def test_when_the_notebooks_are_of_neither_then_the_instructor_is_asked(two: Path, tmp_path: Path) -> None:
    (tmp_path / "ann.ipynb").write_text(json.dumps(notebook([cell("code", "something", "x = 1")])))
    done = autograder("grade", tmp_path / "ann.ipynb", "--course", two, "--workspace", tmp_path / "ws")

    assert done.exit_code == 2
    assert "Name one with --assignment: other, small." in done.output


def test_when_the_assignment_is_unknown_then_the_known_ones_are_listed(two: Path, tmp_path: Path) -> None:
    done = autograder("grade", tmp_path, "--course", two, "--assignment", "third")

    assert done.exit_code == 2
    assert "There is no assignment 'third'" in done.output and "other, small" in done.output


def test_a_cell_without_a_grade_id_is_refused_before_it_is_handed_out(two: Path, tmp_path: Path) -> None:
    course = Path(shutil.copytree(two, tmp_path / "course"))
    solutions = course / "solutions" / "other" / "other.ipynb"
    content = json.loads(solutions.read_text())
    content["cells"].append({"cell_type": "markdown", "id": "x", "metadata": {}, "source": "A remark\nof ours"})
    solutions.write_text(json.dumps(content))
    done = autograder("release", "--course", course, "--assignment", "other")

    assert done.exit_code == 2
    assert "Cell 4 of" in done.output and "('A remark') has no grade id" in done.output


def test_what_an_assignment_requires_is_in_its_bundle(two: Path, tmp_path: Path) -> None:
    course = Path(shutil.copytree(two, tmp_path / "course"))
    about = course / IN_A_COURSE / "other" / "assignment.toml"
    about.write_text('requires = ["numpy", "Tqdm"]\n' + about.read_text())
    (course / "pyproject.toml").write_text('[project]\ndependencies = ["ipykernel", "numpy>=2"]\n')
    assert autograder("release", "--course", course, "--assignment", "other").exit_code == 0

    with zipfile.ZipFile(course / "dist" / "other.zip") as archive:
        assert archive.read("other/requirements.txt").decode().split() == ["ipykernel", "numpy>=2", "Tqdm"]


@pytest.mark.slow
@pytest.mark.parametrize("broken", ["def _(:\n", "import no_such_module\n"])
def test_when_the_cases_cannot_be_imported_then_the_error_says_so(two: Path, tmp_path: Path, broken: str) -> None:
    course = Path(shutil.copytree(two, tmp_path / "course"))
    with (course / IN_A_COURSE / "other" / "inside" / "cases.py").open("a") as file:
        file.write(broken)
    other = hand_in(course, tmp_path / "in", "other", mac_ratio=HALVES)
    words = ("--course", course, "--workspace", tmp_path / "ws", "--assignment", "other")
    done, examined = autograder("grade", other, *words), autograder("doctor", *words)

    assert done.exit_code == 1, done.output
    assert "inside/cases.py cannot be imported: " in done.output
    assert examined.exit_code == 1
    assert "what other needs does not work in the box" in examined.output


@pytest.mark.slow
def test_when_a_check_breaks_on_one_answer_then_the_instructor_reads_how(two: Path, tmp_path: Path) -> None:
    course = Path(shutil.copytree(two, tmp_path / "course"))
    check = course / IN_A_COURSE / "other" / "checks" / "check_mac_ratio.py"
    check.write_text(
        "from autograder.judge.check import worth\n\n\n@worth(1)\ndef check_it(student):\n"
        '    """It."""\n    student.values("two_totals")["returned"].as_integer_ratio()\n'
    )
    other = hand_in(course, tmp_path / "in", "other", mac_ratio="def mac_ratio(a, b):\n    return 'half'")
    words = ("--course", course, "--workspace", tmp_path / "ws", "--assignment", "other")
    done = autograder("grade", other, *words)
    (ann,) = json.loads((tmp_path / "ws" / "other" / "results.json").read_text())["submissions"]

    assert done.exit_code == 0, done.output
    assert ann["score"] == 0.0
    (told,) = ann["tasks"]["mac_ratio"]["broken"]
    assert "the check check_it raised AttributeError" in told and "check_mac_ratio.py, line 7" in told
    assert f"A check broke on ann's answer. mac_ratio: {told}." in done.output
    report = tmp_path / "ws" / "other" / "report"
    assert "check_mac_ratio.py, line 7" in (report / "index.html").read_text()
    student = (report / "ann.html").read_text() + (
        tmp_path / "ws" / "autograded" / "ann" / "other" / "other.ipynb"
    ).read_text()
    assert "check_mac_ratio.py" not in student, "it is for the instructor alone"
