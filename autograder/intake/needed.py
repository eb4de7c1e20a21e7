"""Which given cells of a rebuilt notebook can change a grade: the others are not run.

Training, sweeps and figures are most of a notebook's time, and no check reads them. What the student wrote runs, all
of it. So does a given cell that only imports, defines functions and names constants, because that takes no time. Any
other given cell runs only if it defines or changes a name that something which runs uses, directly or through other
given cells, or if its figure has to be drawn again. ``x.f()`` as a statement changes ``x``, and so do ``x.a = 1`` and
``x[0] = 1``. What uses names in ways that cannot be seen counts as using all: ``globals()``, ``exec``, star imports,
magics.

This looks at names alone, so it can be wrong: a cell may need what another does to a file or to the process. Where an
error shows it, the notebook runs again whole (execute.py).
"""

import ast
import functools
import re
import symtable
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from autograder.intake.rebuild import RebuiltCell
from autograder.intake.statements import COMPREHENSION, SCOPE, UNKNOWN, bound_by, only_defines, parsed

# With these, code may look names up by their text.
UNSEEN = {"globals", "locals", "vars", "dir", "exec", "eval", "get_ipython", "__import__", "__main__"}
OF_PYTHON = {"f_globals", "f_locals", "__globals__", "__dict__", "user_ns", "user_module", "_getframe"}
OF_IPYTHON = {"_", "__", "___", "In", "Out"}  # what it keeps of earlier cells
HARMLESS = re.compile(r"^\s*%(?:matplotlib|config|precision|pip|conda|env|autoreload|load_ext)\b.*$", re.MULTILINE)
IMPORTS = ast.Import | ast.ImportFrom
LATER = SCOPE | ast.Lambda
MAYBE = ast.If | ast.While | ast.Try | ast.TryStar | ast.Match


@dataclass(frozen=True)
class Plan:
    """Which cells of a rebuilt notebook are run.

    Attributes:
        left_out: Places of the given cells that are not.
        whole: Why all are; "" if not all are.
    """

    left_out: frozenset[int] = frozenset()
    whole: str = ""


@dataclass(frozen=True)
class Names:
    """Names of the notebook that one cell defines, and those that it takes from other cells.

    Attributes:
        all: Whether it may take any name, or define any.
    """

    defines: frozenset[str]
    takes: frozenset[str]
    all: bool = False


def names_of(source: str) -> Names:
    """What a code cell defines and takes, inside of its functions too."""
    try:
        return _names_of(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Names(frozenset(), frozenset(), all=True)


def _names_of(source: str) -> Names:
    shown = HARMLESS.sub("", source)
    statements = parsed(shown)  # nothing where a magic is left
    if statements is None:
        return Names(frozenset(), frozenset(), all=True)
    defines = {name for statement in statements for name in bound_by(statement)}
    changed, modules, seen, star = set(), set(), set(), False
    for node in chain.from_iterable(map(ast.walk, statements)):
        if isinstance(node, ast.Global):
            defines.update(node.names)
        elif isinstance(node, ast.Name):
            seen.add(node.id)
        elif isinstance(node, ast.Import):  # all cells share a module, and what one of them sets in it
            modules |= bound_by(node)
        elif isinstance(node, ast.alias):
            star |= node.name == "*"
            seen.update(node.name.split("."))
        elif isinstance(node, ast.Attribute):
            seen.update({node.attr} & OF_PYTHON)
            of_sys = node.attr == "modules" and isinstance(node.value, ast.Name) and node.value.id == "sys"
            seen |= {"globals"} if of_sys else set()
        if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            changed |= _root(node)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):  # nobody takes what it returns
            changed |= _root(node.value.func) if isinstance(node.value.func, ast.Attribute) else set()
    inside = _by_functions(symtable.symtable(shown, UNKNOWN, "exec")) | _by_comprehensions(statements)
    takes = _taken(statements, set()) | (inside - defines)
    unseen = seen & (UNSEEN | OF_PYTHON) | takes & OF_IPYTHON
    return Names(frozenset(defines | changed), frozenset(takes | modules), star or bool(unseen))


_names_of_given = functools.lru_cache(names_of)  # the given cells are the same in every submission
_given_only_defines = functools.lru_cache(only_defines)


def _taken(nodes: Iterable[ast.AST], bound: set[str]) -> set[str]:
    """Names that are read before the cell itself has given them a value; ``bound`` grows by those that it gives one.

    Functions, classes and comprehensions have scopes of their own and are left out, but for what runs at once.
    """
    taken: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Store) and node.id not in bound:
                taken.add(node.id)
            elif isinstance(node.ctx, ast.Store):
                bound.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound.update(bound_by(node))
        elif isinstance(node, ast.AugAssign):
            taken |= _root(node.target) - bound
            taken |= _taken([node.value, node.target], bound)
        elif isinstance(node, LATER):
            taken |= _taken(getattr(node, "decorator_list", []), bound)
            if isinstance(node, ast.ClassDef):
                taken |= _taken([*node.bases, *node.keywords], bound)
            else:
                at_once = [*node.args.defaults, *node.args.kw_defaults, getattr(node, "returns", None)]
                at_once += [one.annotation for one in ast.walk(node.args) if isinstance(one, ast.arg)]
                taken |= _taken(filter(None, at_once), bound)
            bound.update(bound_by(node) if isinstance(node, ast.stmt) else ())
        elif isinstance(node, COMPREHENSION):
            taken |= _taken([node.generators[0].iter], bound)
        elif isinstance(node, MAYBE):  # what is given a value there may not be given one
            taken |= _taken(ast.iter_child_nodes(node), set(bound))
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            taken |= _taken(filter(None, [node.value, *targets]), bound)
        elif isinstance(node, ast.For | ast.AsyncFor):
            taken |= _taken([node.iter, node.target, *node.body, *node.orelse], bound)
        else:
            taken |= _taken(ast.iter_child_nodes(node), bound)
    return taken


def _by_functions(table: symtable.SymbolTable) -> set[str]:
    """Names of the notebook that the scopes inside of a cell read."""
    read: set[str] = set()
    for scope in table.get_children():
        read |= {symbol.get_name() for symbol in scope.get_symbols() if symbol.is_global() and symbol.is_referenced()}
        read |= _by_functions(scope)
    return read


def _by_comprehensions(nodes: Iterable[ast.AST]) -> set[str]:
    """The same of comprehensions outside of functions: tables of Python 3.12 do not show their scopes (PEP 709)."""
    read: set[str] = set()
    for node in nodes:
        if isinstance(node, COMPREHENSION):
            read |= _by_functions(symtable.symtable(f"lambda: {ast.unparse(node)}", UNKNOWN, "exec"))
        elif not isinstance(node, LATER):
            read |= _by_comprehensions(ast.iter_child_nodes(node))
    return read


def _root(node: ast.expr) -> set[str]:
    """The name that an attribute or an item belongs to: to set or call it may change what the name stands for."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return {node.id} if isinstance(node, ast.Name) else set()


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
