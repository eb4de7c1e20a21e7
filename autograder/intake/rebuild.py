"""Submission, master -> the cells that will run: everything that is not the student's to write comes from the master.

A student's cell belongs to a master cell by grade_id, else by cell id, else by its text: the same text for a given
cell, the best similarity for a solution cell. Written answers are found by the text around them (written.py). Cells of
the master that the student edited, lost, tagged or retyped are the master's again. Cells the student added stay at
their place.

If a solution cell is there twice (copied or split), both run in order, as in the student's own kernel, but a copy below
the self-check is an experiment and stays there. A missing one becomes the released stub, never the solution. A stub
gives way where the function is defined elsewhere. A missing self-check stands right below its task's cell.

What a student typed into a given cell is kept if it defines new names (statements.py) or is text. What another release
changed in one, no student did (given.py).
"""

import functools
import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from rapidfuzz import fuzz

from autograder.errors import BadSubmission
from autograder.intake.given import given_names, of_today, released, same, settled_text
from autograder.intake.master import CHECK, MasterCell
from autograder.intake.parse import Cell, Submission
from autograder.intake.statements import DEF, functions_in, is_stub, kept_statements, names_bound, settled
from autograder.intake.written import is_text, written
from autograder.outputs import loses_a_picture, safe_outputs
from autograder.pictures import Picture

COMPARED = 2_000  # characters that are compared; with 20,000 of each a notebook of 2,000 cells took half a minute
CLOSELY = 50  # cells in which functions are told from variables, as Python reads them; in others by their look
CANDIDATES = 50  # cells that are compared with one of the master: a comparison takes milliseconds
SIMILAR = 0.60  # a filled-in cell keeps its def line, docstring and return: 0.75 and more on the sample class


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

    @property
    def redrawn(self) -> bool:
        """Whether its figure was handed in as what is not shown, so that people are shown the grading run's."""
        return self.is_given and loses_a_picture(self.outputs)


@dataclass(frozen=True)
class Rebuilt:
    """The notebook that will be run, and what was mended to get there.

    Attributes:
        python: (major, minor) of the Python that it was written with; () if it does not say.
        pictures: Those in the student's texts, by their marks.
        unanswered: grade_ids of the cells that people grade for which nothing that the student wrote can be the answer.
        other_release: grade_ids of the given cells that the student left as another release has them.
    """

    student: str
    cells: tuple[RebuiltCell, ...]
    notes: tuple[str, ...]
    python: tuple[int, ...] = ()
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    unanswered: frozenset[str] = frozenset()
    other_release: tuple[str, ...] = ()


def rebuild(submission: Submission, master: tuple[MasterCell, ...]) -> Rebuilt:
    """The master with the student's cells put in.

    Raises:
        BadSubmission: Not one cell of the assignment is in the notebook: it belongs to something else.
    """
    asked = {_function(cell) for cell in master if cell.solution} - {""}
    today = of_today(submission.cells, master, asked)
    functions = _functions(today.cells, asked)
    matches, notes = _match(today.cells, master, functions)
    words = written(today.cells, matches, master)
    notes += words.notes
    if not (words.answers or any(master[index].kind == "code" for index in matches.values())):
        raise BadSubmission("This is not a notebook of the assignment: none of its code cells is in it.")

    experiments = _experiments(today.cells, matches, master, functions)
    retired = _retired(today.cells, matches)
    of_master: dict[int, list[Cell]] = defaultdict(list)
    added: dict[int, list[Cell]] = defaultdict(list)  # by the master cell they follow; -1 is the top
    defined: set[str] = set()  # functions that some cell of the student's defines
    typed_words: dict[int, int] = {}  # given cells of text -> how many pieces a student typed into them
    behind = -1
    for position, cell in enumerate(today.cells):
        index = matches.get(position)
        if index is not None and position not in experiments:
            of_master[index].append(cell)
        if is_text(cell, master[index] if index is not None else None):
            behind = words.behind.get(position, behind)
            if position in words.added:
                added[behind].append(Cell("markdown", words.added[position]))
                if index is not None:
                    typed_words[index] = typed_words.get(index, 0) + 1
            continue
        if index is not None and position not in experiments:
            behind = index
        elif cell.source.strip() and position not in retired:
            added[behind].append(cell)
        if index is None or position in experiments or master[index].solution:
            found = functions.get(position, ())
            stubs = (of for of in master if of.solution and _function(of) in found)
            if not defined.issuperset(found) and not any(is_stub(cell.source, of.source) for of in stubs):
                defined.update(found)
    typed = _typed_in(of_master, master)
    defined.update(*map(names_bound, chain(*typed.values())))

    cells = [_added(cell) for cell in added[-1]]
    below: list[RebuiltCell] = []
    unanswered = {master[index].grade_id for index in words.unanswered}
    for index, master_cell in enumerate(master):
        outputs = () if master_cell.solution else safe_outputs(chain(*(cell.outputs for cell in of_master[index])))
        sources = [master_cell.source]
        kept = [RebuiltCell("code", statement, None) for statement in typed[index]]
        if master_cell.is_question:
            sources = [words.answers.get(index, master_cell.source)]
            notes += _question_notes(of_master[index], master_cell, missing=index in words.missing)
        elif master_cell.solution:
            sources, note = _solution_sources(of_master[index], master_cell, defined)
            notes += note
            if sources == [master_cell.source]:
                unanswered.add(master_cell.grade_id)
        elif any(not same(cell, master_cell) for cell in of_master[index]):
            notes.append(f"cell {master_cell.grade_id} differs from the released one, which is used")
        if kept:
            notes.append(f"what was typed into cell {master_cell.grade_id} is kept where it defines new names")
        if index in typed_words:
            notes.append(f"what was typed into cell {master_cell.grade_id} is kept below it")
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
    own = [cell for cell in chain(*added.values()) if not cell.as_released]
    count = len(own) - len(experiments) - sum(typed_words.values())
    if count:
        notes.append(f"{count} added cell{'s' if count > 1 else ''} kept")
    notes += [f"{one} is the self-check of a task that is no longer asked, and is not run" for one in retired.values()]
    drawn = sum(cell.redrawn for cell in cells)
    if drawn:
        notes.append(
            f"figures of {drawn} given cell{'s' if drawn > 1 else ''} were handed in as what is not shown (SVG, or too "
            "large); the grading run draws them again"
        )
    return Rebuilt(
        submission.student,
        tuple(cells),
        (*submission.notes, *notes),
        submission.python,
        submission.pictures,
        frozenset(unanswered),
        today.changed,
    )


def _functions(cells: tuple[Cell, ...], asked: set[str]) -> dict[int, list[str]]:
    """Position of a code cell that may define one of the functions -> the functions that it defines."""
    code = {position: cell.source for position, cell in enumerate(cells) if cell.kind == "code"}
    others = {name for source in code.values() for name in DEF.findall(source)}
    near = [position for position, source in code.items() if any(name in source for name in asked)]
    exact = {position: functions_in(code[position], others) for position in near[:CLOSELY]}
    return exact | {position: DEF.findall(code[position]) for position in near[CLOSELY:]}


def _question_notes(cells: list[Cell], master: MasterCell, *, missing: bool) -> list[str]:
    notes = [f"cell {master.grade_id} is missing; the released one is used"] if missing else []
    if any(cell.kind != master.kind for cell in cells):
        notes.append(f"cell {master.grade_id} had another cell type; read as {master.kind}")
    return notes


def _experiments(
    cells: tuple[Cell, ...],
    matches: dict[int, int],
    master: tuple[MasterCell, ...],
    functions: Mapping[int, list[str]],
) -> list[int]:
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
        if not of.solution or _function(of) not in tasks or text in ("", seen.get(index)):
            continue
        if is_stub(text, of.source):
            continue
        if index in seen and (
            _function(of) in checks or (_function(of) in lost and _function(of) in functions.get(position, ()))
        ):
            found.append(position)
        else:
            seen[index] = text
    return found


def _retired(cells: tuple[Cell, ...], matches: dict[int, int]) -> dict[int, str]:
    """Position -> grade_id of the self-checks of tasks that this version of the assignment does not have.

    What they call may be gone too, and that error would not be the student's. One that defines names runs as any added
    cell does: a student may have written into it.
    """
    return {
        position: cell.grade_id
        for position, cell in _open(cells, matches)
        if cell.kind == "code" and cell.grade_id.startswith(CHECK) and not names_bound(cell.source)
    }


def _typed_in(of_master: dict[int, list[Cell]], master: tuple[MasterCell, ...]) -> dict[int, list[str]]:
    """Index of a given code cell -> the statements to keep that students typed into it."""
    given = [cell for cell in master if cell.kind == "code" and not cell.solution]
    typed: dict[int, list[str]] = defaultdict(list)
    for index, of in enumerate(master):
        if of in given:
            texts = {cell.source: None for cell in of_master[index] if not same(cell, of)}
            statements = chain(*(kept_statements(text, of.source, given_names(master)) for text in texts))
            typed[index] = list(dict.fromkeys(statements))
    return typed


def _added(cell: Cell) -> RebuiltCell:
    return RebuiltCell(cell.kind, cell.source, None)


def _solution_sources(cells: list[Cell], master: MasterCell, defined: set[str]) -> tuple[list[str], list[str]]:
    """The student's text for one solution cell: one source, or several if the cell was split or copied.

    Args:
        defined: Functions that some cell of the student's defines; a stub put in for a lost cell must not undo one.
    """
    # The last of equal copies counts: A, B, A ends with A.
    sources = list(dict.fromkeys(cell.source for cell in reversed(cells) if cell.source.strip()))[::-1]
    answers = [source for source in sources if not is_stub(source, master.source)]
    notes = []
    if not answers and _function(master) in defined:
        return [f"# {_function(master)} is in another cell"], [f"{_function(master)} is in another cell"]
    if not sources:
        return [master.source], [f"cell {master.grade_id} is missing; the released one is used"]
    if any(cell.kind != master.kind for cell in cells):
        notes.append(f"cell {master.grade_id} had another cell type; read as {master.kind}")
    if len(answers) > 1:
        notes.append(
            f"cell {master.grade_id} is there {len(answers)} times; they run in their order, so the last counts"
        )
    edited = [source for source in sources if settled(source) != released(master)]
    return answers or edited[-1:] or [master.source], notes


def _match(
    cells: tuple[Cell, ...], master: tuple[MasterCell, ...], functions: Mapping[int, list[str]]
) -> tuple[dict[int, int], list[str]]:
    """Position of a student's cell -> index of its master cell, and how the less certain ones were found."""
    matches: dict[int, int] = {}
    notes: list[str] = []
    by_grade_id = {cell.grade_id: index for index, cell in enumerate(master) if cell.grade_id}
    by_cell_id = {cell.cell_id: index for index, cell in enumerate(master) if cell.cell_id}
    by_text = {(cell.kind, released(cell)): index for index, cell in enumerate(master)}

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
        index = by_text.get((cell.kind, settled_text(cell)))
        if index is not None:
            matches[position] = index

    wanted = [index for index, cell in enumerate(master) if cell.solution and index not in matches.values()]
    defines = {position: functions.get(position, []) for position, cell in _open(cells, matches) if cell.kind == "code"}
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

    return matches, notes


def _candidates(function: str, defines: Mapping[int, list[str]]) -> Iterable[int]:
    """Positions of cells that define ``function``; all if there is none to define."""
    return (position for position, names in defines.items() if not function or function in names)


def _similarity(source: str, master: MasterCell) -> float:
    """How much of the released cell is in ``source``, 0 to 1."""
    score = fuzz.token_set_ratio(master.source[:COMPARED], source[:COMPARED]) / 100
    return max(score, SIMILAR) if _function(master) else score


def _function(master: MasterCell) -> str:
    """The function that a solution cell is there to define; "" if it defines none."""
    names = _functions_of_master(master.source) if master.kind == "code" else []
    return names[0] if names else ""


_functions_of_master = functools.lru_cache(functions_in)  # the same in every submission


def _open(cells: tuple[Cell, ...], matches: dict[int, int]) -> Iterable[tuple[int, Cell]]:
    return [(position, cell) for position, cell in enumerate(cells) if position not in matches]
