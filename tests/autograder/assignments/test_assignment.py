"""The folder of an assignment: read into one value, or refused in a sentence that says what to do."""

import dataclasses
import re
import shutil
from pathlib import Path

import pytest
from in_process import CASES
from small_course import ROOT, SMALL

from autograder.assignments.assignment import (
    IN_A_COURSE,
    AssignmentError,
    assignments_of,
    load_assignment,
    load_folder,
)


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    """The small assignment's folder in a course of its own."""
    folder = tmp_path / "course" / IN_A_COURSE / "small"
    return Path(shutil.copytree(SMALL, folder, ignore=shutil.ignore_patterns("__pycache__")))


def package(folder: Path) -> None:
    folder.mkdir()
    (folder / "__init__.py").touch()


def refusal(folder: Path, toml: str | None = None) -> str:
    """What loading says; with another assignment.toml where one is given."""
    if toml is not None:
        (folder / "assignment.toml").write_text(toml)
    with pytest.raises(AssignmentError) as error:
        load_folder(folder, folder.parent.parent)
    return str(error.value)


def test_every_field_of_the_file_is_a_field_of_the_value(folder: Path) -> None:
    package(folder.parent.parent / "own_package")
    (folder / "assignment.toml").write_text(
        'environment = { SIZE = "small" }\npackages = ["own_package"]\nrequires = ["numpy"]\npreload = ["json.tool"]\n'
        'probe = "print(1)"\nidioms = ["import json"]\n'
        '[cases]\nmac_ratio = ["two_totals"]\nchoose_tolerance = ["plain", "none_good_enough"]\n'
        '[[raised]]\nsign = "zero"\nhint = "Look."\n'
    )
    loaded = load_folder(folder, folder.parent.parent)

    assert dataclasses.asdict(loaded) == {
        "name": "small",
        "folder": folder,
        "environment": {"SIZE": "small"},
        "packages": {"own_package": (folder.parent.parent / "own_package").resolve()},
        "requires": ("numpy",),
        "preload": ("json.tool",),
        "probe": "print(1)",
        "idioms": frozenset({"import json"}),
        "cases": {"mac_ratio": ("two_totals",), "choose_tolerance": ("plain", "none_good_enough")},
        "raised": (("zero", "Look."),),
    }
    assert (loaded.inside, loaded.checks) == (folder / "inside", folder / "checks")


def test_a_course_takes_its_own_folder_before_the_installed_one(folder: Path, tmp_path: Path) -> None:
    shutil.move(folder, folder.with_name("early_exit"))

    assert load_assignment("early_exit", tmp_path / "course").folder == folder.with_name("early_exit")
    assert load_assignment("early_exit", tmp_path / "another").folder == ROOT / "autograder/assignments/early_exit"


def test_a_package_of_the_course_is_taken_before_the_installed_one(tmp_path: Path) -> None:
    assert load_assignment("early_exit", tmp_path).packages == {"course_lib": ROOT / "course_lib"}
    package(tmp_path / "course_lib")
    assert load_assignment("early_exit", tmp_path).packages == {"course_lib": (tmp_path / "course_lib").resolve()}


def test_the_assignments_of_a_course_are_the_folders_with_a_notebook_of_their_name(tmp_path: Path) -> None:
    for name in ("b/b.ipynb", "a/a.ipynb", "drafts/other.ipynb", "empty/"):
        path = tmp_path / "solutions" / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True)
        if not name.endswith("/"):
            path.touch()

    assert assignments_of(tmp_path) == ["a", "b"]
    assert assignments_of(tmp_path / "nowhere") == []


def test_the_cases_come_in_the_order_of_the_tasks(folder: Path) -> None:
    loaded = load_folder(folder, folder)

    assert loaded.cases_of(["choose_tolerance", "mac_ratio"]) == (
        ("choose_tolerance", "plain"),
        ("choose_tolerance", "none_good_enough"),
        ("mac_ratio", "two_totals"),
    )


def test_a_task_without_cases_and_cases_without_a_task_are_errors(folder: Path) -> None:
    loaded = load_folder(folder, folder)

    with pytest.raises(AssignmentError, match=r"The task halve carries points in the notebook, but .* lists no hidden"):
        loaded.cases_of(["mac_ratio", "choose_tolerance", "halve"])
    with pytest.raises(AssignmentError, match=r"lists hidden cases for choose_tolerance, but the notebook has no cell"):
        loaded.cases_of(["mac_ratio"])
    assert loaded.cases_of(["mac_ratio"], {"choose_tolerance"}) == (("mac_ratio", "two_totals"),)


@pytest.mark.parametrize("name", ["", "a-b", "../x", "1st", "runs", "submitted", "feedback", "seed"])
def test_a_name_that_cannot_be_a_folder_of_the_workspace_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(AssignmentError, match=r"An assignment cannot be called .* Rename its folder and its notebook"):
        load_assignment(name, tmp_path)


def test_when_there_is_no_folder_then_the_error_says_where_it_belongs_and_what_is_in_it(tmp_path: Path) -> None:
    with pytest.raises(AssignmentError) as error:
        load_assignment("homework", tmp_path)

    where = tmp_path / IN_A_COURSE / "homework" / "assignment.toml"
    assert str(error.value).startswith(f"There is no {where}, so the grader does not know how to check homework.")
    page = re.search(r"page for authors: (.*)\.$", str(error.value))
    assert page and Path(page[1]).is_file()


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("cases = = 1", "is not valid TOML: "),
        ("case = 1", "sets an unknown 'case'; known are cases, environment, idioms, "),
        ("preload = 'torch'", "sets preload = 'torch'; expected a list of texts in quotes."),
        ("packages = [1]", "sets packages = [1]; expected a list of texts in quotes."),
        ("preload = ['a', 'a']", "sets preload = ['a', 'a']; expected no text twice."),
        ("probe = 1", "sets probe = 1; expected a text in quotes."),
        ("environment = { 'A=B' = 'x' }", "sets the variable 'A=B' under environment; expected letters"),
        ('environment = { A = "\\u0000" }', "sets A = '\\x00'; expected a text in quotes."),
        ("environment = 'x'", "sets environment = 'x'; expected a table."),
        ("environment = { SIZE = 1 }", "sets SIZE = 1; expected a text in quotes."),
        ("cases = ['mac_ratio']", "sets cases = ['mac_ratio']; expected a table."),
        ("[cases]\nmac_ratio = 'two'", "sets cases.mac_ratio = 'two'; expected a list of texts in quotes."),
        ("raised = 'x'", "sets raised = 'x'; expected tables [[raised]] with sign and hint."),
        ("[[raised]]\nsign = 'x'", "has a table [[raised]] with sign; expected sign and hint."),
        *(
            (f"packages = ['{name}']", f"names the package '{name}'. Expected: a folder ")
            for name in ("no_such_package_anywhere", "os.path", "", ".", "/etc", "sys", "six", "__main__")
        ),
    ],
)
def test_what_is_not_understood_is_refused_in_a_sentence(folder: Path, toml: str, says: str) -> None:
    assert f"{folder / 'assignment.toml'} {says}" in refusal(folder, toml)


def test_a_file_that_is_no_text_is_refused(folder: Path) -> None:
    (folder / "assignment.toml").write_bytes(b"\xff")

    assert "is not valid TOML" in refusal(folder)


def test_a_task_needs_a_case_and_a_check_file(folder: Path) -> None:
    about = (folder / "assignment.toml").read_text()

    said = refusal(folder, about.replace('mac_ratio = ["two_totals"]', ""))
    assert "has checks/check_mac_ratio.py for the task mac_ratio, but no hidden cases under [cases]" in said
    assert "lists no hidden case for the task mac_ratio" in refusal(folder, about.replace('["two_totals"]', "[]"))
    (folder / "assignment.toml").write_text(about)
    (folder / "checks" / "check_mac_ratio.py").unlink()
    assert "has hidden cases under [cases]" in refusal(folder) and "no checks/check_mac_ratio.py" in refusal(folder)


def test_cases_need_their_file(folder: Path) -> None:
    (folder / "inside" / "cases.py").unlink()

    assert "has no inside/cases.py, but assignment.toml lists hidden cases" in refusal(folder)


def test_an_assignment_without_automatic_points_needs_neither_cases_nor_checks(tmp_path: Path) -> None:
    (tmp_path / "essay").mkdir()
    (tmp_path / "essay" / "assignment.toml").touch()

    assert load_folder(tmp_path / "essay", tmp_path).cases_of([]) == ()


def test_both_sides_of_the_wall_name_the_same_cases_in_the_same_order() -> None:
    assert CASES.names() == load_assignment("early_exit", ROOT).cases
    with pytest.raises(LookupError, match=r"inside/cases\.py has no case 'third' of the task mac_ratio"):
        CASES.get("mac_ratio", "third")


@pytest.mark.parametrize("name", ["autograder", "solutions", IN_A_COURSE])
def test_a_package_that_holds_answers_or_checks_is_refused(folder: Path, name: str) -> None:
    course = folder.parent.parent
    if name != "autograder":
        (course / name).mkdir(exist_ok=True)
        (course / name / "__init__.py").touch()

    assert "answers and checks may not be in one" in refusal(folder, f"packages = ['{name}']")
