"""Which given cells of a rebuilt notebook can change a grade: the others are not run.

Training, sweeps and figures are most of a notebook's time, and no check reads them. What the student wrote runs, all
of it. So does a given cell that only imports, defines functions and names constants, because that takes no time. Any
other given cell runs only if it defines or changes a name that something which runs uses (names.py), directly or
through other given cells, or if its figure has to be drawn again.

This looks at names alone, so it can be wrong: a cell may need what another does to a file or to the process. Where an
error shows it, the notebook runs again whole (execute.py).
"""

import ast
import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from autograder.intake.names import HARMLESS, IMPORTS, names_of
from autograder.intake.rebuild import RebuiltCell
from autograder.intake.statements import SCOPE, bound_by, only_defines, parsed


@dataclass(frozen=True)
class Plan:
    """Which cells of a rebuilt notebook are run.

    Attributes:
        left_out: Places of the given cells that are not.
        whole: Why all are; "" if not all are.
    """

    left_out: frozenset[int] = frozenset()
    whole: str = ""


_names_of_given = functools.lru_cache(names_of)  # the given cells are the same in every submission
_given_only_defines = functools.lru_cache(only_defines)


def plan(cells: Sequence[RebuiltCell], *, whole: bool) -> Plan:
    """What to run of a rebuilt notebook.

    Args:
        whole: Whether all of it is to run.
    """
    given = {place for place, cell in enumerate(cells) if cell.kind == "code" and cell.is_given}
    if whole:
        return Plan(whole="as asked")
    if not any(cells[place].outputs for place in given):
        return Plan(whole="the notebook was handed in without outputs")  # people read those of the given cells
    redrawn = {place for place in given if cells[place].redrawn}
    needed = _needed(cells, given, redrawn)
    return (
        Plan(frozenset(given - needed))
        if needed is not None
        else Plan(whole="the notebook has code that cannot be followed")
    )


def shares_objects(cells: Sequence[RebuiltCell], left_out: Iterable[int], task: str) -> bool:
    """Whether a task's function uses an object, itself or through what it uses, that left-out cells use too.

    If not, it cannot have missed what these did to one. Modules, functions and classes count only if they are handed to
    a call: a cell that sets something in one by itself is not left out where another uses it.
    """
    left_out = frozenset(left_out)
    code = {place: cell.source for place, cell in enumerate(cells) if cell.kind == "code"}
    running = [names_of(source) for place, source in code.items() if place not in left_out]
    theirs = [_names_of_given(code[place]) for place in left_out]
    defined = {name for one in (*running, *theirs) for name in one.defines}
    imported = {name for source in code.values() for name in _bound_by(source, IMPORTS)}
    no_objects = imported | {name for source in code.values() for name in _bound_by(source, SCOPE)}
    no_objects -= {name for place in left_out for name in _handed_on(code[place])}
    uses, more = {task}, {task}
    while more:  # what an import's cell uses besides is not the module's
        found = {name for one in running if one.defines & (more - imported) for name in one.takes | one.defines}
        more = (found & defined) - uses
        uses |= more
    return bool(uses & {name for one in theirs for name in one.takes | one.defines} - no_objects)


@functools.lru_cache
def _handed_on(source: str) -> frozenset[str]:
    """Names that a cell hands to a call, not those that it only calls."""
    nodes = list(chain.from_iterable(map(ast.walk, parsed(source) or [])))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    apart = {id(call.func) for call in calls} | {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
    inner = chain.from_iterable(ast.walk(one) for call in calls for one in (*call.args, *call.keywords))
    return frozenset(node.id for node in inner if isinstance(node, ast.Name) and id(node) not in apart)


def _bound_by(source: str, kinds: Any) -> set[str]:
    """Names that statements of these kinds bind, at any depth, and nothing else in the cell does."""
    nodes = list(chain.from_iterable(map(ast.walk, parsed(HARMLESS.sub("", source)) or [])))
    otherwise = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return {name for node in nodes if isinstance(node, kinds) for name in bound_by(node)} - otherwise


def _needed(cells: Sequence[RebuiltCell], given: set[int], redrawn: set[int]) -> set[int] | None:
    """Places of the given cells that have to run, ``redrawn`` among them; None where names cannot be followed."""
    own = [names_of(cell.source) for cell in cells if cell.kind == "code" and cell.by_student]
    names = {place: _names_of_given(cells[place].source) for place in given}
    taken = {name for one in own for name in one.takes}
    needed = redrawn | {place for place in given if _given_only_defines(cells[place].source)}
    taken |= {name for place in needed for name in names[place].takes}
    more, all_of_them = needed, any(one.all for one in [*own, *(names[place] for place in redrawn)])
    while not all_of_them and (more := {place for place in given - needed if names[place].defines & taken}):
        needed |= more
        taken |= {name for place in more for name in names[place].takes}
        all_of_them = any(names[place].all for place in more)
    return None if all_of_them else needed
