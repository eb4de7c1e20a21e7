"""The notebook that people open: all of an honest one, and never so much that opening it takes long."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from drawn import drawn, text
from nbconvert import HTMLExporter

from autograder.course import Course, Graded, Observed
from autograder.intake.master import MasterCell
from autograder.intake.parse import parse_notebook
from autograder.intake.rebuild import Rebuilt, RebuiltCell, rebuild
from autograder.outputs import safe_outputs
from autograder.pictures import Picture
from autograder.records.graded_notebook import MAX_ADDED, MAX_ADDED_TEXT, MAX_CODE, NOT_RUN, graded_notebook
from autograder.results import Grade, Verdict
from autograder.session import Run

PNG = Picture("image/png", text(drawn("png")))


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


# --- pictures, and what was not run ---


def opened(course: Course, *cells: RebuiltCell, ran: list[list[dict[str, Any]]] | None = None, **more: Any) -> list:
    """The cells of a graded notebook that holds only these, without the grader's own at the top."""
    rebuilt = Rebuilt("ann", cells, (), **more)
    run = Run(Verdict.OK, outputs=tuple(ran), not_run=("setup",)) if ran else None
    graded = Graded(Grade("ann", Verdict.OK, not_run=("setup",)), Observed("ann", Verdict.OK, rebuilt=rebuilt, run=run))
    notebook = graded_notebook(graded, course)
    nbformat.validate(nbformat.from_dict(notebook))
    return notebook["cells"][1:]


def of(course: Course, grade_id: str) -> MasterCell:
    return next(cell for cell in course.master if cell.grade_id == grade_id)


def test_a_picture_in_an_answer_is_shown_at_its_place(prepared: Course) -> None:
    answer = RebuiltCell("markdown", "a [picture 1] b [picture 2] c [picture 1](javascript:x)", of(prepared, "q_why"))
    (cell,) = opened(prepared, answer, pictures={"[picture 1]": PNG})

    shown = "![picture](attachment:picture-1)"
    assert cell["source"] == f"a {shown} b [picture 2] c [picture 1]\u200b(javascript:x)"  # once: marks can be typed
    assert cell["attachments"] == {"picture-1": {"image/png": PNG.base64}}
    page, _ = HTMLExporter().from_notebook_node(nbformat.from_dict(nbformat.v4.new_notebook(cells=[cell])))
    assert page.count(f'src="data:image/png;base64,{PNG.base64}"') == 1


def test_words_that_look_like_a_picture_of_ours_are_words(prepared: Course) -> None:
    source = "![x](attachment:picture-1) ![picture](attachment:lost.png) [picture 7]"
    (cell,) = opened(prepared, RebuiltCell("markdown", source, None), pictures={"[picture 1]": PNG})

    assert "attachments" not in cell
    nb = nbformat.from_dict(nbformat.v4.new_notebook(cells=[cell]))
    assert "<img" not in HTMLExporter().from_notebook_node(nb)[0].partition("<body")[2]


def test_a_given_cell_that_was_not_run_says_so_at_its_place(prepared: Course) -> None:
    shown = ({"output_type": "stream", "name": "stdout", "text": "handed in"},)
    cells = [RebuiltCell("code", "x = 1", of(prepared, name), shown) for name in ("setup", "use_ratio")]
    first, second = opened(prepared, *cells, ran=[[], []])

    assert [output["text"] for output in first["outputs"]] == ["handed in", NOT_RUN]
    assert [output["text"] for output in second["outputs"]] == ["handed in"]


@pytest.mark.parametrize("drawn_again", [True, False])
def test_a_figure_that_was_handed_in_as_svg_is_the_grading_runs_or_a_line(prepared: Course, drawn_again: bool) -> None:
    svg = {"output_type": "display_data", "data": {"image/svg+xml": "<svg/>", "text/plain": "<Figure>"}}
    png = {"output_type": "display_data", "data": {"image/png": PNG.base64, "text/plain": "<Figure>"}}
    figure = RebuiltCell("code", "plot()", of(prepared, "use_ratio"), tuple(safe_outputs([svg])))
    (cell,) = opened(prepared, figure, ran=[safe_outputs([png if drawn_again else svg])])

    (output,) = cell["outputs"]
    if drawn_again:
        assert output["data"]["image/png"] == PNG.base64
    else:
        assert output["data"] == {"text/plain": "<Figure>\n[a picture was left out: it is SVG]"}
