"""Which assignment a class was handed in for: the notebooks say it, or the instructor is asked."""

import json
from pathlib import Path

import pytest

from autograder.errors import UsageError
from autograder.intake.master import grade_ids_in
from autograder.intake.which import which_assignment

IDS = {"first": frozenset({"imports", "double"}), "second": frozenset({"imports", "halve"})}


def notebook(*grade_ids: str) -> str:
    cells = [
        {"cell_type": "code", "source": "x = 1", "metadata": {"nbgrader": {"grade_id": one}}, "outputs": []}
        for one in grade_ids
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def handed_in(folder: Path, **notebooks: str) -> Path:
    for student, text in notebooks.items():
        (folder / f"{student}.ipynb").write_text(text)
    return folder


def test_the_cells_say_which_assignment_it_is(tmp_path: Path) -> None:
    folder = handed_in(tmp_path, ann=notebook("imports", "halve"), bob=notebook("halve"), cem="{")

    assert which_assignment(folder, IDS, 1 << 20) == "second"


@pytest.mark.parametrize("place", ["ann/second/second.ipynb", "ann/second.ipynb"])
def test_in_folders_that_are_called_after_one_assignment_that_one_is_meant(tmp_path: Path, place: str) -> None:
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.write_text(notebook("imports", "halve"))

    assert which_assignment(tmp_path, IDS, 1 << 20) == "second"


def test_when_there_is_nothing_then_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no .*nowhere\."):
        which_assignment(tmp_path / "nowhere", IDS, 1 << 20)


def test_the_most_notebooks_decide(tmp_path: Path) -> None:
    folder = handed_in(tmp_path, ann=notebook("halve"), bob=notebook("halve"), cem=notebook("double"))

    assert which_assignment(folder, IDS, 1 << 20) == "second"


@pytest.mark.parametrize("text", [notebook("imports"), notebook("other"), notebook(), "{"])
def test_when_the_cells_do_not_say_it_then_the_instructor_is_asked(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match=r"cannot be told .* Name one with --assignment: first, second\."):
        which_assignment(handed_in(tmp_path, ann=text), IDS, 1 << 20)


def test_the_grade_ids_of_a_notebook(tmp_path: Path) -> None:
    (tmp_path / "one.ipynb").write_text(notebook("imports", "double"))

    assert grade_ids_in(tmp_path / "one.ipynb") == {"imports", "double"}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cells": [1]}'])
def test_when_a_solutions_notebook_is_none_then_it_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "one.ipynb").write_text(text)

    with pytest.raises(UsageError, match=r"one\.ipynb is not a notebook: "):
        grade_ids_in(tmp_path / "one.ipynb")
