"""The notebook that people open after grading: in nbgrader's autograded folder, its feedback and its formgrader.

Solution cells and added cells show what the grading run printed; self-check cells show what was judged; given cells
show what the student's own run had left there, for whoever grades the written questions reads off those. All outputs
are text and PNG only.
"""

import json
from typing import Any

from autograder.execute import CHECK_PREFIX, own_outputs
from autograder.graded import Course, Graded
from autograder.outputs import harmless_markdown
from autograder.report.text import submission_text, task_text
from autograder.results import TaskGrade


def graded_notebook(graded: Graded, course: Course) -> dict[str, Any]:
    """A notebook of format 4 with every cell of the master and the student's own cells in it.

    Of plain dictionaries: nbformat would check each cell and output as it makes it, which takes longer than all else.
    """
    notebook = json.loads(json.dumps(course.released))  # a tenth of the time of a deep copy
    of_master = {cell["metadata"]["nbgrader"]["grade_id"]: cell for cell in notebook["cells"]}
    tasks = {task.task: task for task in graded.grade.tasks}
    cells = [_said("How this submission was graded", submission_text(graded.grade, course.box))]
    if graded.rebuilt is None:
        cells += [_with_checks(cell, tasks) for cell in notebook["cells"]]
    else:
        runs = graded.run.outputs if graded.run else ([],) * len(graded.rebuilt.cells)
        for rebuilt, ran in zip(graded.rebuilt.cells, runs, strict=True):
            if rebuilt.master is None:
                cell = _cell(f"added-{len(cells)}", "code" if rebuilt.kind == "code" else "markdown")
            else:
                cell = of_master[rebuilt.master.grade_id]
            code = cell["cell_type"] == "code"
            cell["source"] = rebuilt.source if code else harmless_markdown(rebuilt.source)
            if code:
                cell["outputs"] = own_outputs(rebuilt) or ran
            cells.append(_with_checks(cell, tasks))
    return notebook | {"cells": cells}


def notebook_text(notebook: dict[str, Any]) -> bytes:
    """The notebook as a file. Not by nbformat, which validates what it writes and takes longer than all the checks, and
    not indented, which json does in Python, ten times as slowly."""
    return json.dumps(notebook, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def _with_checks(cell: dict[str, Any], tasks: dict[str, TaskGrade]) -> dict[str, Any]:
    mark = cell["metadata"].get("nbgrader", {})
    task = tasks.get(mark.get("grade_id", "").removeprefix(CHECK_PREFIX))
    if task and cell["cell_type"] == "code" and mark["grade"]:
        cell["outputs"] = [_printed(task_text(task))]
    return cell


def _said(title: str, text: str) -> dict[str, Any]:
    """A cell of ours. A code cell with a printed text: nbconvert escapes that, and Markdown it does not."""
    return _cell("how-it-was-graded", "code") | {"source": f"# {title}", "outputs": [_printed(text)]}


def _cell(cell_id: str, kind: str) -> dict[str, Any]:
    cell = {"id": cell_id, "cell_type": kind, "metadata": {}, "source": ""}
    return cell | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def _printed(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}
