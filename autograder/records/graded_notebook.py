"""The notebook that people open after grading: in nbgrader's autograded folder, its feedback and its formgrader.

Solution cells and added cells show what the grading run printed; self-check cells show what was judged; given cells
show the outputs of the student's own run, because whoever grades the written questions reads those. All outputs are
text and pictures only. Pictures in texts are attachments of their cells.

What a student wrote is bounded in sum: nbgrader makes a page of it, and takes 20 s for 100,000 characters of odd code.
"""

import json
from typing import Any

from autograder.course import Course, Graded
from autograder.intake.embedded import MARK
from autograder.intake.rebuild import RebuiltCell
from autograder.outputs import harmless_markdown, loses_a_picture, shortened
from autograder.pictures import Picture
from autograder.report.text import submission_text, task_text
from autograder.results import TaskGrade

MAX_ADDED = 200  # cells
MAX_ADDED_TEXT = 100_000  # characters of all added cells together
MAX_CODE = 20_000  # characters of one answer
NOT_RUN = "[Not run by the grader: nothing that is judged uses this cell. The outputs above are those handed in.]\n"


def graded_notebook(graded: Graded, course: Course) -> dict[str, Any]:
    """A notebook of format 4 with every cell of the master and the student's own cells in it.

    Made of plain dictionaries, because nbformat checks each cell and output it makes, which takes longest of all.
    """
    notebook = json.loads(json.dumps(course.released))  # a tenth of the time of a deep copy
    of_master = {cell["metadata"]["nbgrader"]["grade_id"]: cell for cell in notebook["cells"]}
    tasks = {task.task: task for task in graded.grade.tasks}
    cells = [_said("How this submission was graded", submission_text(graded.grade, course.basis.box))]
    observed = graded.observed
    if observed.rebuilt is None:
        cells += [_checked(cell, tasks.get(of.task)) for cell, of in zip(notebook["cells"], course.master, strict=True)]
    else:
        runs = observed.run.outputs if observed.run else ([],) * len(observed.rebuilt.cells)
        added, room, left_out, pictures = 0, MAX_ADDED_TEXT, 0, dict(observed.rebuilt.pictures)
        for rebuilt, ran in zip(observed.rebuilt.cells, runs, strict=True):
            cell = of_master.pop(rebuilt.master.grade_id, None) if rebuilt.master else None
            source = shortened(rebuilt.source, MAX_CODE) if cell and rebuilt.by_student else rebuilt.source
            if cell is None:  # the student's own, or a further part of an answer
                if added == MAX_ADDED or len(source) > room:
                    left_out += 1
                    continue
                added, room = added + 1, room - len(source)
                cell = _cell(f"added-{len(cells)}", "code" if rebuilt.kind == "code" else "markdown")
            if cell["cell_type"] == "code":
                cell["source"] = source
                cell["outputs"] = _outputs(rebuilt, ran)
                if rebuilt.master and rebuilt.master.grade_id in graded.grade.not_run:
                    cell["outputs"].append(_printed(NOT_RUN))
            else:
                cell |= _text_cell(source, pictures)
            cells.append(_checked(cell, tasks.get(rebuilt.master.task) if rebuilt.master else None))
        if left_out:
            text = f"[Added cells left out here: {left_out}. The file as it was handed in is in submitted/.]"
            cells.append(_said("Cells that are not shown", text))
    return notebook | {"cells": cells}


def _outputs(cell: RebuiltCell, ran: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is shown at a cell: what was handed in, unless the grading run drew a figure that it lacks."""
    drawn = cell.redrawn and ran and not loses_a_picture(ran)
    return list(cell.outputs) if cell.outputs and not drawn else list(ran)


def _text_cell(source: str, pictures: dict[str, Picture]) -> dict[str, Any]:
    """The text of a cell, harmless, with its pictures in the places of their marks. Each is shown once and taken out of
    ``pictures``: a mark can be typed a thousand times."""
    shown = {}
    text = harmless_markdown(source)
    for mark in dict.fromkeys(MARK.findall(text)):
        if mark in pictures:
            name = mark.strip("[]").replace(" ", "-")
            shown[name] = {pictures[mark].mime: pictures[mark].base64}
            text = text.replace(mark, f"![picture](attachment:{name})", 1)
            del pictures[mark]
    return {"source": text} | ({"attachments": shown} if shown else {})


def notebook_text(notebook: dict[str, Any]) -> bytes:
    """The notebook as a file. Not by nbformat, which validates what it writes and takes longer than all the checks. Not
    indented, because json does that in Python, ten times as slowly."""
    return json.dumps(notebook, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def _checked(cell: dict[str, Any], task: TaskGrade | None) -> dict[str, Any]:
    """The cell, with what was judged as its output where it is a task's self-check."""
    return cell | {"outputs": [_printed(task_text(task))]} if task else cell


def _said(title: str, text: str) -> dict[str, Any]:
    """A cell of ours. A code cell with a printed text: nbconvert escapes that, but not Markdown."""
    return _cell(title.lower().replace(" ", "-"), "code") | {"source": f"# {title}", "outputs": [_printed(text)]}


def _cell(cell_id: str, kind: str) -> dict[str, Any]:
    cell = {"id": cell_id, "cell_type": kind, "metadata": {}, "source": ""}
    return cell | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def _printed(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}
