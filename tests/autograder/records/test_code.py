"""The code that students wrote, found in graded notebooks."""

import json
from pathlib import Path

import pytest
from small_course import cell, make_course, notebook, right_answers

from autograder.records import code
from autograder.records.code import released_code, similar_code, written_code
from autograder.results import Similar

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


def graded(solutions: Path, added: str = "", **answers: str) -> bytes:
    """A graded notebook: the released one with these answers and an added cell."""
    cells = json.loads(solutions.read_text())["cells"]
    for one in cells:
        of = one["metadata"]["nbgrader"]["grade_id"]
        one["source"] = answers.get(of, code.REGION.sub("# YOUR CODE HERE", one["source"]))
    if added:
        cells.append(cell("code", "added-9", added) | {"metadata": {}})
    return json.dumps(notebook(cells)).encode()


def found(solutions: Path, **notebooks: bytes) -> Similar:
    released = released_code(solutions)
    assert released
    written = (written_code(graded, student, released) for student, graded in notebooks.items())
    return similar_code(filter(None, written), released)


def test_a_released_notebook_is_untouched_and_one_with_an_answer_or_a_cell_is_not(solutions: Path):
    similar = found(
        solutions,
        none=graded(solutions),
        comments=graded(solutions, added="# nothing yet"),
        one=graded(solutions, mac_ratio=right_answers()["mac_ratio"]),
        cell=graded(solutions, added="x = 1"),
    )

    assert similar == Similar(untouched=("none", "comments"))


def test_cells_that_two_students_added_are_compared_and_given_ones_are_not(solutions: Path):
    disguised = ADDED.replace("best", "x").replace("row", "line")
    similar = found(
        solutions,
        ann=graded(solutions, added=ADDED),
        bob=graded(solutions, added=disguised, mac_ratio="mac_ratio=2"),
        cem=graded(solutions, choose_tolerance=right_answers()["choose_tolerance"]),
    )

    assert [pair.students for pair in similar.near] == [("ann", "bob")]


def test_who_has_no_graded_notebook_or_a_damaged_one_is_left_out(solutions: Path):
    both = {student: graded(solutions, added=ADDED) for student in ("ann", "bob")}

    assert found(solutions, **both, damaged=b'{"cells": [', gone=b"") == Similar(equal=(("ann", "bob"),))


@pytest.mark.parametrize("text", [None, "[]", "{", '{"cells": [{}]}'])
def test_without_a_solutions_notebook_there_is_no_released_code(solutions: Path, text: str | None):
    solutions.unlink()
    if text is not None:
        solutions.write_text(text)

    assert released_code(solutions) is None
