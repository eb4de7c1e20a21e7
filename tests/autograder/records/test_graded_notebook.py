"""The notebook that people open: all of an honest one, and never so much that opening it takes long."""

from pathlib import Path
from typing import Any

import nbformat
import pytest

from autograder.course import Course, Graded, Observed
from autograder.intake.parse import parse_notebook
from autograder.intake.rebuild import Rebuilt, RebuiltCell, rebuild
from autograder.records.graded_notebook import MAX_ADDED, MAX_ADDED_TEXT, MAX_CODE, graded_notebook
from autograder.results import Grade, Verdict


def shown(course: Course, *added: RebuiltCell, solution: str = "") -> dict[str, Any]:
    """The graded notebook of the solutions with cells added at the end, and another answer to mac_ratio."""
    source = Path(course.settings.solutions_notebook).read_bytes()
    rebuilt = rebuild(parse_notebook(source, "ann"), course.master)
    cells = [
        RebuiltCell("code", solution, cell.master)
        if solution and cell.master and cell.master.grade_id == "mac_ratio"
        else cell
        for cell in rebuilt.cells
    ]
    observed = Observed("ann", Verdict.OK, original=source, rebuilt=Rebuilt("ann", (*cells, *added), ()))
    graded = Graded(Grade("ann", Verdict.OK), observed)
    notebook = graded_notebook(graded, course)
    nbformat.validate(nbformat.from_dict(notebook))
    return notebook


def sources(notebook: dict[str, Any]) -> list[str]:
    return [cell["source"] for cell in notebook["cells"]]


def test_the_cells_of_an_honest_notebook_are_shown_as_they_are(prepared: Course) -> None:
    added = [RebuiltCell("code", f"x = {number}", None) for number in range(MAX_ADDED)]
    notebook = shown(prepared, *added)

    assert [source for source in sources(notebook) if source.startswith("x = ")] == [cell.source for cell in added]
    assert "left out" not in str(notebook)


@pytest.mark.parametrize("kind", ["code", "markdown", "raw"])
def test_when_many_cells_were_added_then_the_first_are_shown_and_the_rest_is_counted(
    prepared: Course, kind: str
) -> None:
    notebook = shown(prepared, *[RebuiltCell(kind, "my own", None)] * (MAX_ADDED + 30))

    assert sources(notebook).count("my own") == MAX_ADDED
    assert "Added cells left out here: 30." in notebook["cells"][-1]["outputs"][0]["text"]


def test_when_the_added_cells_are_long_then_those_that_fit_are_shown(prepared: Course) -> None:
    lengths = (MAX_ADDED_TEXT // 2, MAX_ADDED_TEXT, MAX_ADDED_TEXT // 2, 1)
    notebook = shown(prepared, *[RebuiltCell("code", "x" * length, None) for length in lengths])

    assert [len(source) for source in sources(notebook) if source.startswith("xx")] == [MAX_ADDED_TEXT // 2] * 2
    assert "Added cells left out here: 2." in notebook["cells"][-1]["outputs"][0]["text"]
    assert "submitted/" in notebook["cells"][-1]["outputs"][0]["text"]


def test_when_a_solution_cell_is_there_many_times_then_its_copies_count_as_added(prepared: Course) -> None:
    copy = next(cell for cell in prepared.master if cell.grade_id == "mac_ratio")
    notebook = shown(prepared, *[RebuiltCell("code", "copied = 1", copy)] * (MAX_ADDED + 1))

    assert sources(notebook).count("copied = 1") <= MAX_ADDED + 1
    assert "Added cells left out here: 1." in notebook["cells"][-1]["outputs"][0]["text"]


def test_when_an_answer_is_long_then_its_beginning_is_shown(prepared: Course) -> None:
    (answer,) = [source for source in sources(shown(prepared, solution="a?" * MAX_CODE)) if source.startswith("a?")]

    assert answer == "a?" * (MAX_CODE // 2) + "\n[shortened]"


def test_when_an_answer_was_split_then_each_part_is_shown(prepared: Course) -> None:
    second = next(cell for cell in prepared.master if cell.grade_id == "mac_ratio")
    notebook = shown(prepared, RebuiltCell("code", "part = 2", second), solution="part = 1")

    assert [source for source in sources(notebook) if source.startswith("part")] == ["part = 1", "part = 2"]
