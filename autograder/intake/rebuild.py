"""Submission, master -> the cells that will run: everything that is not the student's to write comes from the master.

A student's cell belongs to a master cell by grade_id, else by cell id, else by its text: the same text for a given
cell, the best similarity for a solution cell. A written answer can also be matched by its place. Cells of the master
that the student edited, lost, tagged or retyped are the master's again. Cells the student added stay at their place.

If a solution cell is there twice (copied or split), both run in order, as in the student's own kernel, but a copy below
the self-check is an experiment and stays there. A missing one becomes the released stub, never the solution. A stub
gives way where the function is defined elsewhere. A missing self-check stands right below its task's cell.

What a student typed into a given cell is kept if it defines new names (statements.py).
"""

import functools
import itertools
import json
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from rapidfuzz import fuzz

from autograder.errors import BadSubmission, UsageError
from autograder.intake.parse import Cell, Submission
from autograder.intake.statements import kept_statements, names_bound
from autograder.outputs import safe_outputs

SEARCHED = 20_000  # characters of a cell in which definitions are looked for
COMPARED = 2_000  # characters that are compared; with 20,000 of each a notebook of 2,000 cells took half a minute
# The name in `def name(` or `name =` at the start of a line.
DEFINED = re.compile(r"^(?:(?:async )?def (?=\w+[ \t]*\()|(?=\w+[ \t]*=[^=]))(\w+)", re.MULTILINE)
CANDIDATES = 50  # cells that are compared with one of the master: a comparison takes milliseconds
CHECK = "check_"  # how the grade_id of a self-check begins; the rest is its task
SIMILAR = 0.60  # a filled-in cell keeps its def line, docstring and return: 0.75 and more on the sample class


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


@dataclass(frozen=True)
class RebuiltCell:
    """A cell of the notebook that will be run.

    Attributes:
        master: The master cell that it replaces; None for a cell the student added.
        outputs: What the student's own run left at a given cell, made safe: people are shown it. Empty if there is
            none, and for cells of the student's, where people are shown what the grading run leaves.
    """

    kind: str
    source: str
    master: MasterCell | None
    outputs: tuple[dict[str, Any], ...] = ()

    @property
    def by_student(self) -> bool:
        """Whether its source is the student's."""
        return self.master is None or self.master.solution

    @property
    def is_given(self) -> bool:
        """Whether it is neither the student's nor a self-check."""
        return self.master is not None and not self.master.solution and not self.master.task


@dataclass(frozen=True)
class Rebuilt:
    """The notebook that will be run, and what was mended to get there.

    Attributes:
        python: (major, minor) of the Python that it was written with; () if it does not say.
    """

    student: str
    cells: tuple[RebuiltCell, ...]
    notes: tuple[str, ...]
    python: tuple[int, ...] = ()


def rebuild(submission: Submission, master: tuple[MasterCell, ...]) -> Rebuilt:
    """The master with the student's cells put in.

    Raises:
        BadSubmission: Not one cell of the assignment is in the notebook: it belongs to something else.
    """
    matches, notes = _match(submission.cells, master)
    if not any(master[index].kind == "code" for index in matches.values()):
        raise BadSubmission("This is not a notebook of the assignment: none of its code cells is in it.")

    experiments = _experiments(submission.cells, matches, master)
    of_master: dict[int, list[Cell]] = defaultdict(list)
    added: dict[int, list[Cell]] = defaultdict(list)  # by the master cell they follow; -1 is the top
    behind = -1
    for position, cell in enumerate(submission.cells):
        if position in matches and position not in experiments:
            behind = matches[position]
            of_master[behind].append(cell)
        elif cell.source.strip():
            added[behind].append(cell)
    typed = _typed_in(of_master, master)
    own = chain(*added.values(), *(cells for index, cells in of_master.items() if master[index].solution))
    stubs = {cell.source.strip() for cell in master if cell.solution}
    defined = {name for cell in own if cell.source.strip() not in stubs for name in defined_in(cell.source)}
    defined.update(*map(names_bound, chain(*typed.values())))

    cells = [_added(cell) for cell in added[-1]]
    below: list[RebuiltCell] = []
    for index, master_cell in enumerate(master):
        outputs = () if master_cell.solution else safe_outputs(chain(*(cell.outputs for cell in of_master[index])))
        sources = [master_cell.source]
        kept = [RebuiltCell("code", statement, None) for statement in typed[index]]
        if master_cell.solution:
            sources, note = _solution_sources(of_master[index], master_cell, defined)
            notes += note
        elif any(cell.source.strip() != master_cell.source.strip() for cell in of_master[index]):
            notes.append(f"cell {master_cell.grade_id} differs from the released one, which is used")
        if kept:
            notes.append(f"what was typed into cell {master_cell.grade_id} is kept where it defines new names")
        if master_cell.task:  # the self-check is to see it
            cells += kept
            kept = []
        for source in sources[:-1]:
            cells.append(RebuiltCell("code", source, None))
        cells.append(RebuiltCell(master_cell.kind, sources[-1], master_cell, tuple(outputs)))
        below += [*kept, *map(_added, added[index])]
        follows = master[index + 1] if index + 1 < len(master) else None
        if not (follows and follows.task and not of_master[index + 1]):  # a missing self-check comes first
            cells += below
            below = []
    notes += [
        f"cell {master[matches[position]].grade_id} is there again below its self-check, and the first counts"
        for position in experiments
    ]
    count = sum(map(len, added.values())) - len(experiments)
    if count:
        notes.append(f"{count} added cell{'s' if count > 1 else ''} kept")
    return Rebuilt(submission.student, tuple(cells), (*submission.notes, *notes), submission.python)


def _experiments(cells: tuple[Cell, ...], matches: dict[int, int], master: tuple[MasterCell, ...]) -> list[int]:
    """Positions of further copies of a solution cell that stand below its self-check, which did not see them.

    Where the self-check was deleted, these are the copies that define the function again.
    """
    tasks = {cell.task for cell in master if cell.task}
    lost = tasks - {master[index].task for index in matches.values()}
    last = {master[index].task: position for position, index in sorted(matches.items())}  # of a copied self-check
    checks: set[str] = set()  # tasks whose self-check stands above
    seen: dict[int, str] = {}  # index of a solution cell -> the text that counts so far
    found = []
    for position, index in sorted(matches.items()):
        cell, of = cells[position], master[index]
        text = cell.source.strip()
        if of.task and position == last[of.task]:
            checks.add(of.task)
        if not of.solution or _function(of) not in tasks or text in ("", of.source.strip(), seen.get(index)):
            continue
        if index in seen and (
            _function(of) in checks or (_function(of) in lost and _function(of) in defined_in(cell.source))
        ):
            found.append(position)
        else:
            seen[index] = text
    return found


def _typed_in(of_master: dict[int, list[Cell]], master: tuple[MasterCell, ...]) -> dict[int, list[str]]:
    """Index of a given code cell -> the statements to keep that students typed into it."""
    given = [cell for cell in master if cell.kind == "code" and not cell.solution]
    taken = {name for cell in given for name in _names_of_given(cell.source)}
    typed: dict[int, list[str]] = defaultdict(list)
    for index, of in enumerate(master):
        if of in given:
            texts = {cell.source: None for cell in of_master[index] if cell.source.strip() != of.source.strip()}
            statements = chain(*(kept_statements(text, of.source, taken) for text in texts))
            typed[index] = list(dict.fromkeys(statements))
    return typed


_names_of_given = functools.lru_cache(names_bound)  # the given cells are the same in every submission


def defined_in(source: str) -> list[str]:
    """Names that a code cell defines at the start of a line, as far as it is looked at."""
    return DEFINED.findall(source[:SEARCHED])


def _added(cell: Cell) -> RebuiltCell:
    return RebuiltCell(cell.kind, cell.source, None)


def _solution_sources(cells: list[Cell], master: MasterCell, defined: set[str]) -> tuple[list[str], list[str]]:
    """The student's text for one solution cell: one source, or several if the cell was split or copied.

    Args:
        defined: Functions that some cell of the student's defines; a stub put in for a lost cell must not undo one.
    """
    # The last of equal copies counts: A, B, A ends with A.
    sources = list(dict.fromkeys(cell.source for cell in reversed(cells) if cell.source.strip()))[::-1]
    written = [source for source in sources if source.strip() != master.source.strip()]
    notes = []
    if not written and _function(master) in defined:
        return [f"# {_function(master)} is in another cell"], [f"{_function(master)} is in another cell"]
    if not sources:
        return [master.source], [f"cell {master.grade_id} is missing; the released one is used"]
    if any(cell.kind != master.kind for cell in cells):
        notes.append(f"cell {master.grade_id} had another cell type; read as {master.kind}")
    if len(written) > 1 and master.kind == "code":
        notes.append(
            f"cell {master.grade_id} is there {len(written)} times; they run in their order, so the last counts"
        )
    if master.kind != "code":
        return ["\n\n".join(written) or master.source], notes
    return written or [master.source], notes


def _match(cells: tuple[Cell, ...], master: tuple[MasterCell, ...]) -> tuple[dict[int, int], list[str]]:
    """Position of a student's cell -> index of its master cell, and how the less certain ones were found."""
    matches: dict[int, int] = {}
    notes: list[str] = []
    by_grade_id = {cell.grade_id: index for index, cell in enumerate(master) if cell.grade_id}
    by_cell_id = {cell.cell_id: index for index, cell in enumerate(master) if cell.cell_id}
    by_text = {(cell.kind, cell.source.strip()): index for index, cell in enumerate(master)}

    for position, cell in enumerate(cells):
        if cell.grade_id in by_grade_id:
            matches[position] = by_grade_id[cell.grade_id]
    for position, cell in _open(cells, matches):
        index = by_cell_id.get(cell.cell_id)
        # A copied cell keeps its id in some editors: what is called like a cell already found is an added cell.
        if index is not None and index not in matches.values():
            matches[position] = index
            if master[index].solution:
                notes.append(f"cell {master[index].grade_id} matched by its cell id (its metadata was lost)")
    for position, cell in _open(cells, matches):
        index = by_text.get((cell.kind, cell.source.strip()))
        if index is not None:
            matches[position] = index

    wanted = [index for index, cell in enumerate(master) if cell.solution and index not in matches.values()]
    defines = {
        position: set(defined_in(cell.source)) for position, cell in _open(cells, matches) if cell.kind == "code"
    }
    pairs = sorted(
        (
            (_similarity(cells[position].source, master[index]), position, index)
            for index in wanted
            if master[index].kind == "code"
            for position in itertools.islice(_candidates(_function(master[index]), defines), CANDIDATES)
        ),
        key=lambda pair: (-pair[0], pair[1], pair[2]),
    )
    for score, position, index in pairs:
        if score >= SIMILAR and position not in matches and index not in matches.values():
            matches[position] = index
            notes.append(f"cell {master[index].grade_id} matched by similarity {score:.2f} (its metadata was lost)")

    for index in wanted:
        place = _following(index, matches)
        if index in matches.values() or place in matches or place is None or place >= len(cells):
            continue
        if cells[place].kind == master[index].kind != "code":
            matches[place] = index
            notes.append(f"cell {master[index].grade_id} matched by its place (its metadata was lost)")
    return matches, notes


def _following(index: int, matches: dict[int, int]) -> int | None:
    """Position right after the student's cell that replaces the master cell before ``index``."""
    before = [position for position, matched in matches.items() if matched == index - 1]
    return max(before) + 1 if before else None


def _candidates(function: str, defines: dict[int, set[str]]) -> Iterable[int]:
    """Positions of cells that define ``function``; all if there is none to define."""
    return (position for position, names in defines.items() if not function or function in names)


def _similarity(source: str, master: MasterCell) -> float:
    """How much of the released cell is in ``source``, 0 to 1."""
    score = fuzz.token_set_ratio(master.source[:COMPARED], source[:COMPARED]) / 100
    return max(score, SIMILAR) if _function(master) else score


def _function(master: MasterCell) -> str:
    """The function that a solution cell is there to define; "" if it defines none."""
    names = DEFINED.findall(master.source) if master.kind == "code" else []
    return names[0] if names else ""


def _open(cells: tuple[Cell, ...], matches: dict[int, int]) -> Iterable[tuple[int, Cell]]:
    return [(position, cell) for position, cell in enumerate(cells) if position not in matches]


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
