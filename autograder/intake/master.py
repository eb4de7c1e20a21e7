"""The released notebook as the grader knows it: its cells, their tasks and their points. Trusted."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import UsageError

CHECK = "check_"  # how the grade_id of a self-check begins; the rest is its task


@dataclass(frozen=True)
class MasterCell:
    """A cell of the released notebook.

    Attributes:
        grade_id: nbgrader's id; every cell of the master has one.
        solution: Whether the student writes it.
        points: What it is worth; 0 if nothing is graded.
        task: The task that a self-check cell is for; "" for every other cell.
    """

    kind: str
    source: str
    cell_id: str
    grade_id: str
    solution: bool = False
    points: float = 0.0
    task: str = ""

    @property
    def is_question(self) -> bool:
        """Whether the student answers it in words."""
        return self.solution and self.kind != "code"


def master_cells(notebook: dict) -> tuple[MasterCell, ...]:
    """The cells of a released notebook (trusted: it is made from the solutions), format 4.5 with nbgrader metadata."""
    cells = []
    for cell in notebook["cells"]:
        nbgrader = cell["metadata"].get("nbgrader", {})
        grade_id, solution = nbgrader.get("grade_id", ""), nbgrader.get("solution", False)
        checks = cell["cell_type"] == "code" and not solution and grade_id.startswith(CHECK)
        cells.append(
            MasterCell(
                kind=cell["cell_type"],
                source="".join(cell["source"]),
                cell_id=cell.get("id", ""),
                grade_id=grade_id,
                solution=solution,
                points=float(nbgrader.get("points", 0) or 0) if nbgrader.get("grade", False) else 0.0,
                task=grade_id.removeprefix(CHECK) if checks else "",
            )
        )
    return tuple(cells)


def points_by_task(master: Iterable[MasterCell]) -> dict[str, float]:
    """Task -> automatic points, in the notebook's order.

    Raises:
        UsageError: A cell carries automatic points and nothing checks it, so that everyone would get 0.
    """
    master = tuple(master)
    for cell in master:
        if cell.points and not cell.solution and not cell.task:
            raise UsageError(
                f"The cell {cell.grade_id!r} carries {cell.points:g} automatic points, but nothing checks it. "
                f"Expected: a code cell called {CHECK}<task>. Rename it, or make it a written answer (manually graded)."
            )
    return {cell.task: cell.points for cell in master if cell.task and cell.points}


def voided_tasks(master: Iterable[MasterCell]) -> set[str]:
    """Tasks whose self-check carries no points."""
    return {cell.task for cell in master if cell.task and not cell.points}


def grade_ids_in(solutions: Path) -> frozenset[str]:
    """The grade_ids in a solutions notebook.

    Raises:
        UsageError: It is no notebook.
    """
    try:
        return frozenset(cell.grade_id for cell in master_cells(json.loads(solutions.read_text()))) - {""}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{solutions} is not a notebook: {type(error).__name__}: {error}.") from None
