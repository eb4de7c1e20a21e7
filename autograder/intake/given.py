"""Cells of a notebook -> the same with the given ones of today, where a class was given another release.

A course changes after its notebook was handed out: a sentence, a figure, a helper. nbgrader leaves a checksum in every
cell that it locks. Where it fits a cell's text, nobody has edited that cell since some release. If today's text is
another one, it takes the place of that text, and a given cell that today's release lacks is left out. The student is
not told that it differs, because the student did not do it.

An answer may use what only the other release defines. So of its code is kept what the student's code uses, directly or
through other such code. None of this trusts a checksum: whoever forges one hides that a given cell was edited, which is
not run in any case, and loses what it defines.
"""

import functools
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import chain

from autograder.intake.embedded import released_text, without_marks
from autograder.intake.master import MasterCell
from autograder.intake.names import Names, names_of
from autograder.intake.parse import Cell
from autograder.intake.statements import kept_statements, names_bound, settled

ORIGIN = "# from another release of the notebook"  # first line of what is kept, which people see, also in an error
READ = 100_000  # characters of code of another release that are looked through; the lesson has 25,000
WORD = re.compile(r"\w+")
_kept = functools.lru_cache(maxsize=256)(kept_statements)


@dataclass(frozen=True)
class OfToday:
    """A notebook whose given cells are today's, where a student left them as another release had them.

    Attributes:
        cells: Only code that was kept of the other release is ``as_released``; it stands in cells of its own.
        changed: grade_ids of the given cells that another release has otherwise, or only another release has.
    """

    cells: tuple[Cell, ...]
    changed: tuple[str, ...] = ()


def of_today(cells: tuple[Cell, ...], master: tuple[MasterCell, ...], asked: Collection[str]) -> OfToday:
    """The notebook with today's given cells.

    Args:
        asked: Functions that the tasks ask for.
    """
    older = _older(cells, {cell.grade_id: cell for cell in master})
    taken = given_names(master)
    code = {
        position: _kept(cells[position].source, of.source, taken) if of else [cells[position].source]
        for position, of in older.items()
        if cells[position].kind == "code"
    }
    own = [cell.source for position, cell in enumerate(cells) if cell.kind == "code" and position not in older]
    used = _used(dict.fromkeys(chain(*code.values())), own, asked, taken)
    made: list[Cell] = []
    for position, cell in enumerate(cells):
        if position not in older:
            made.append(replace(cell, as_released=False))
            continue
        of = older[position]
        kept = [Cell("code", _with_origin(text), as_released=True) for text in code.get(position, ()) if text in used]
        now = [replace(cell, kind=of.kind, source=_shown(of))] if of else []
        made += [*kept, *now] if of and of.task else [*now, *kept]  # a self-check is to see them
    return OfToday(tuple(made), tuple(dict.fromkeys(cells[position].grade_id for position in older)))


def same(cell: Cell, master: MasterCell) -> bool:
    """Whether a given cell is as today's release has it."""
    return settled_text(cell) == released(master)


def settled_text(cell: Cell) -> str:
    """The text of a cell without what editors change by themselves, and without pictures."""
    return settled(cell.source if cell.kind == "code" else without_marks(cell.source))


@functools.lru_cache(maxsize=4096)
def released(master: MasterCell) -> str:
    """The text of a cell of the master, to be compared with :func:`settled_text`."""
    return settled(_shown(master))


@functools.lru_cache(maxsize=8)
def given_names(master: tuple[MasterCell, ...]) -> frozenset[str]:
    """Names that given cells of code define."""
    given = [cell.source for cell in master if cell.kind == "code" and not cell.solution]
    return frozenset(name for source in given for name in names_bound(source))


def _older(cells: tuple[Cell, ...], given: Mapping[str, MasterCell]) -> dict[int, MasterCell | None]:
    """Position of each cell that is as another release had it -> today's cell in its place, if there is one."""
    found: dict[int, MasterCell | None] = {}
    room = READ
    for position, cell in enumerate(cells):
        of = given.get(cell.grade_id)
        if not cell.as_released or (of and (of.solution or same(cell, of))):
            continue
        room -= len(cell.source) if cell.kind == "code" else 0
        if room >= 0:
            found[position] = of
    return found


def _shown(master: MasterCell) -> str:
    return master.source if master.kind == "code" else released_text(master.source)


def _with_origin(text: str) -> str:
    return text if text.lstrip().startswith("%%") else f"{ORIGIN}\n{text}"  # a magic of a cell comes first in it


def _used(older: Iterable[str], own: Iterable[str], asked: Iterable[str], taken: Collection[str]) -> set[str]:
    """Of code of another release, what the student's own uses, directly or through other such code."""
    by_name: dict[str, list[str]] = defaultdict(list)
    for text in older:
        for name in _names_of_older(text).defines:
            by_name[name].append(text)
    wanted = [*asked, *(name for source in (own if by_name else ()) for name in _names(source).takes)]
    used: set[str] = set()
    while wanted:
        name = wanted.pop()
        for text in by_name.pop(name, ()) if name not in taken else ():
            wanted += _names_of_older(text).takes if text not in used else ()
            used.add(text)
    return used


def _names(source: str) -> Names:
    """What code defines and takes; where that cannot be followed, all words in it, because exec takes text."""
    names = names_of(source)
    words = frozenset(WORD.findall(source)) if names.all else frozenset()
    return Names(names.defines | words, names.takes | words)


_names_of_older = functools.lru_cache(maxsize=256)(_names)  # those of one release are the same in every submission
