"""Source of a cell -> the names of the notebook that it defines, and those that it takes from other cells.

The code is read and never run. To call a method of an object, or to set something in it, counts as defining its name:
``x.f()`` as a statement changes ``x``, and so do ``x.a = 1`` and ``x[0] = 1``. What uses names in ways that cannot be
seen counts as using all: ``globals()``, ``exec``, star imports, magics.
"""

import ast
import re
import symtable
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from autograder.intake.statements import COMPREHENSION, SCOPE, UNKNOWN, bound_by, parsed

# With these, code may look names up by their text.
UNSEEN = {"globals", "locals", "vars", "dir", "exec", "eval", "get_ipython", "__import__", "__main__"}
OF_PYTHON = {"f_globals", "f_locals", "__globals__", "__dict__", "user_ns", "user_module", "_getframe"}
OF_IPYTHON = {"_", "__", "___", "In", "Out"}  # what it keeps of earlier cells
HARMLESS = re.compile(r"^\s*%(?:matplotlib|config|precision|pip|conda|env|autoreload|load_ext)\b.*$", re.MULTILINE)
IMPORTS = ast.Import | ast.ImportFrom
LATER = SCOPE | ast.Lambda
MAYBE = ast.If | ast.While | ast.Try | ast.TryStar | ast.Match


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
