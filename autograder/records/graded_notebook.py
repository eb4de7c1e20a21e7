"""The notebook that people open after grading: in nbgrader's autograded folder, its feedback and its formgrader.

Solution cells and added cells show what the grading run printed; self-check cells show what was judged; given cells
show what the student's own run had left there, for whoever grades the written questions reads off those. All outputs
are text and PNG only.
"""

import json
from typing import Any

import nbformat

from autograder.execute import CHECK_PREFIX, own_outputs
from autograder.graded import Course, Graded
from autograder.outputs import harmless_markdown
from autograder.report.text import submission_text, task_text
from autograder.results import TaskGrade


def graded_notebook(graded: Graded, course: Course) -> Any:
    """An nbformat notebook with every cell of the master and the student's own cells in it."""
    notebook = nbformat.from_dict(json.loads(json.dumps(course.released)))  # a tenth of the time of a deep copy
    of_master = {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells}
    tasks = {task.task: task for task in graded.grade.tasks}
    cells = [_said("How this submission was graded", submission_text(graded.grade, course.box))]
    if graded.rebuilt is None:
        cells += [_with_checks(cell, tasks) for cell in notebook.cells]
    else:
        runs = graded.run.outputs if graded.run else ([],) * len(graded.rebuilt.cells)
        for rebuilt, ran in zip(graded.rebuilt.cells, runs, strict=True):
            if rebuilt.master is None:
                make = nbformat.v4.new_code_cell if rebuilt.kind == "code" else nbformat.v4.new_markdown_cell
                cell = make(rebuilt.source, id=f"added-{len(cells)}")
            else:
                cell = of_master[rebuilt.master.grade_id]
            cell.source = rebuilt.source if cell.cell_type == "code" else harmless_markdown(rebuilt.source)
            if cell.cell_type == "code":
                cell.outputs = [nbformat.from_dict(output) for output in own_outputs(rebuilt) or ran]
            cells.append(_with_checks(cell, tasks))
    notebook.cells = cells
    return notebook


def notebook_text(notebook: Any) -> bytes:
    """The notebook as a file. Not by nbformat, which validates what it writes and takes longer than all the checks, and
    not indented, which json does in Python, ten times as slowly."""
    return json.dumps(notebook, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def _with_checks(cell: Any, tasks: dict[str, TaskGrade]) -> Any:
    task = tasks.get(cell.metadata.get("nbgrader", {}).get("grade_id", "").removeprefix(CHECK_PREFIX))
    if task and cell.cell_type == "code" and cell.metadata.nbgrader.grade:
        cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=task_text(task))]
    return cell


def _said(title: str, text: str) -> Any:
    """A cell of ours. A code cell with a printed text: nbconvert escapes that, and Markdown it does not."""
    cell = nbformat.v4.new_code_cell(f"# {title}", id="how-it-was-graded")
    cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=text)]
    return cell
