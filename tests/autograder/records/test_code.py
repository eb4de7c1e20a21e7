"""The code that students wrote, found in graded notebooks."""

import json
from pathlib import Path

import pytest
from small_course import cell, make_course, notebook, right_answers

from autograder.records import code
from autograder.records.code import graded_notebook_of, similar_code
from autograder.results import ClassResults, Grade, Similar, Verdict

ADDED = """
def longest(rows):
    best, size = None, -1
    for row in rows:
        name, *values = row.split(",")
        if len(values) > size and name.strip().isidentifier():
            best, size = name.strip().lower(), len(values)
    return {"name": best, "size": size, "known": sorted(set(rows), key=len, reverse=True)[:10]}
"""


@pytest.fixture(name="solutions")
def _solutions(tmp_path: Path) -> Path:
    return make_course(tmp_path / "course") / "solutions" / "small" / "small.ipynb"


def graded(workspace: Path, solutions: Path, student: str, added: str = "", **answers: str) -> None:
    """Write a graded notebook: the released one with these answers and an added cell."""
    cells = json.loads(solutions.read_text())["cells"]
    for one in cells:
        of = one["metadata"]["nbgrader"]["grade_id"]
        one["source"] = answers.get(of, code.REGION.sub("# YOUR CODE HERE", one["source"]))
    if added:
        cells.append(cell("code", "added-9", added) | {"metadata": {}})
    path = graded_notebook_of(workspace, "small", student)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(notebook(cells)))


def found(workspace: Path, solutions: Path, *students: str) -> Similar | None:
    grades = tuple(Grade(student, Verdict.OK) for student in students)
    return similar_code(ClassResults("small", 1, "bubblewrap", grades), workspace, solutions)


def test_a_released_notebook_is_untouched_and_one_with_an_answer_or_a_cell_is_not(solutions: Path, tmp_path: Path):
    graded(tmp_path, solutions, "none")
    graded(tmp_path, solutions, "comments", added="# nothing yet")
    graded(tmp_path, solutions, "one", mac_ratio=right_answers()["mac_ratio"])
    graded(tmp_path, solutions, "cell", added="x = 1")

    assert found(tmp_path, solutions, "none", "comments", "one", "cell") == Similar(untouched=("none", "comments"))


def test_cells_that_two_students_added_are_compared_and_given_ones_are_not(solutions: Path, tmp_path: Path):
    graded(tmp_path, solutions, "ann", added=ADDED)
    graded(tmp_path, solutions, "bob", added=ADDED.replace("best", "x").replace("row", "line"), mac_ratio="mac_ratio=2")
    graded(tmp_path, solutions, "cem", choose_tolerance=right_answers()["choose_tolerance"])

    similar = found(tmp_path, solutions, "ann", "bob", "cem")
    assert similar and [pair.students for pair in similar.near] == [("ann", "bob")]


def test_who_has_no_graded_notebook_or_a_damaged_one_is_left_out(solutions: Path, tmp_path: Path):
    for student in ("ann", "bob", "damaged"):
        graded(tmp_path, solutions, student, added=ADDED)
    graded_notebook_of(tmp_path, "small", "damaged").write_text('{"cells": [')

    assert found(tmp_path, solutions, "ann", "bob", "damaged", "gone") == Similar(equal=(("ann", "bob"),))


def test_a_file_that_is_too_large_is_not_read(solutions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    graded(tmp_path, solutions, "ann")
    monkeypatch.setattr(code, "MAX_BYTES", 100)

    assert found(tmp_path, solutions, "ann") == Similar()


@pytest.mark.parametrize("text", [None, "[]", "{", '{"cells": [{}]}'])
def test_without_a_solutions_notebook_nothing_is_compared(solutions: Path, tmp_path: Path, text: str | None):
    solutions.unlink()
    if text is not None:
        solutions.write_text(text)

    assert found(tmp_path, solutions, "ann") is None
