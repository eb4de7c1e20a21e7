"""The statements of a cell, read and never run: what they define, and which to keep of a cell that was given.

Editors let given cells be edited: a constant is added to one, an answer is typed above its self-check, two cells are
joined. The released text runs in any case. Only what defines names that no given cell has can be needed by an answer.
"""

import ast
import re
import warnings
from collections.abc import Iterable

MAGIC = re.compile(r"^\s*[%!].*$", re.MULTILINE)  # no Python, and nothing that defines a name
UNKNOWN = "<unknown>"  # what ast calls a file without a name
warnings.filterwarnings("ignore", module=UNKNOWN)  # what Python has to say of a student's backslashes, on our terminal
READ = 20_000  # characters of one cell; Python's parser takes its time for more
IMPORT = ast.Import | ast.ImportFrom | ast.Try  # a try is kept for the import in it
SCOPE = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
COMPREHENSION = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
DEFINITION = IMPORT | SCOPE | ast.Assign | ast.AnnAssign


def kept_statements(source: str, released: str, taken: Iterable[str]) -> list[str]:
    """The statements of ``source`` to keep, each to be run by itself: one that fails loses no other.

    Args:
        source: The student's text of a given cell.
        released: That cell as released.
        taken: Names that given cells define.
    """
    there = set(map(_text, _statements(released)))
    return [
        text
        for statement in _statements(source)
        if isinstance(statement, DEFINITION)
        and not bound_by(statement) <= frozenset(taken)
        and (text := _text(statement))
        and text not in there
    ]


def only_defines(source: str) -> bool:
    """Whether a cell does nothing but import, define functions and classes, and name constants: that takes no time."""
    statements = _statements(source)
    return bool(statements) and all(
        isinstance(statement, ast.Import | ast.ImportFrom | SCOPE)
        or (isinstance(statement, ast.Assign | ast.AnnAssign) and not any(map(_computes, ast.walk(statement))))
        or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
        for statement in statements
    )


def is_stub(source: str, released: str) -> bool:
    """Whether a cell is still as released but for comments and blanks, or its function does nothing yet."""
    statements = _statements(source)
    if source.strip() == released.strip() or not statements:
        return source.strip() == released.strip()
    if list(map(_text, statements)) == list(map(_text, _statements(released))):
        return True
    nothing = [_does_nothing(one) for one in statements if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    return bool(nothing) and all(nothing)


def _does_nothing(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether it holds nothing but ``pass``, texts, ``name = ...``, ``return name`` or NotImplementedError."""
    return all(
        isinstance(one, ast.Pass)
        or (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))
        or (isinstance(one, ast.Assign) and isinstance(one.value, ast.Constant) and one.value.value is ...)
        or (isinstance(one, ast.Return) and isinstance(one.value, ast.Name | ast.Constant | None))
        or (isinstance(one, ast.Raise) and "NotImplemented" in ast.dump(one))
        for one in function.body
    )


def _computes(node: ast.AST) -> bool:
    return isinstance(node, ast.Call | ast.Await | ast.Yield | ast.YieldFrom | COMPREHENSION)


def names_bound(source: str) -> set[str]:
    """Names that the statements of a cell define; not those inside functions. Empty if the cell cannot be read."""
    return {name for statement in _statements(source) for name in bound_by(statement)}


def bound_by(statement: ast.stmt) -> set[str]:
    """Names that a statement defines, at any depth but inside of functions and classes."""
    names: set[str] = set()
    left: list[ast.AST] = [statement]
    while left:
        node = left.pop()
        if isinstance(node, SCOPE):
            names.add(node.name)
            continue
        if isinstance(node, ast.Lambda | COMPREHENSION):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.MatchAs | ast.MatchStar) and node.name:
            names.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            names.add(node.rest)
        left += ast.iter_child_nodes(node)
    return names


def parsed(source: str) -> list[ast.stmt] | None:
    """The statements of a cell without magics; None if Python cannot read it, or it is too long to be looked at."""
    try:
        return ast.parse(source).body if len(source) <= READ else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _statements(source: str) -> list[ast.stmt]:
    return parsed(MAGIC.sub("", source)) or []


def _text(statement: ast.stmt) -> str:
    """The statement as text, without its comments."""
    try:
        return ast.unparse(statement)
    except RecursionError:
        return ""
