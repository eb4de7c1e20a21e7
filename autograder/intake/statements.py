"""The statements of a cell, read and never run: what they define, and which to keep of a cell that was given.

Editors let given cells be edited: a constant is added to one, an answer is typed above its self-check, two cells are
joined. The released text runs in any case. Only what defines names that no given cell has can be needed by an answer.
"""

import ast
import functools
import re
import threading
import warnings
from collections.abc import Collection, Iterable
from itertools import chain

from autograder.intake.composed import composed

MAGIC = re.compile(r"^[ \t]*[%!].*$", re.MULTILINE)  # no Python, and nothing that defines a name
MAGICS = 50  # of one cell that are told from lines of a long expression: each costs a look at the whole cell
DEF = re.compile(r"^(?:(?:async )?def (?=\w+[ \t]*\()|(?=\w+[ \t]*=[ \t]*lambda\b))(\w+)", re.MULTILINE)
_PARSER = threading.Lock()
UNKNOWN = "<unknown>"  # what ast calls a file without a name
warnings.filterwarnings("ignore", module=UNKNOWN)  # what Python has to say of a student's backslashes, on our terminal
COMMENT = re.compile(r"#+[ \t]*(.*?)[ \t]*$", re.MULTILINE)
ANSWERS = re.compile(r"(?:Q(?:uestion)?\W{0,3}\d|answer|my answer)", re.IGNORECASE)
SENTENCE = 5  # words; a text or a comment of fewer is a label
READ = 20_000  # characters of one cell; Python's parser takes its time for more
IMPORT = ast.Import | ast.ImportFrom | ast.Try  # a try is kept for the import in it
SCOPE = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
COMPREHENSION = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
DEFINITION = IMPORT | SCOPE | ast.Assign | ast.AnnAssign
BLOCK = ast.If | ast.With | ast.AsyncWith | ast.For | ast.AsyncFor
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef


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
        if _is_definition(statement)
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


def _is_definition(statement: ast.stmt) -> bool:
    """Whether it only defines names. So does a block if all that it holds, at any depth, only defines names."""
    return isinstance(statement, DEFINITION) or (
        isinstance(statement, BLOCK) and all(isinstance(one, DEFINITION | ast.Pass) for one in _inner(statement))
    )


def settled(source: str) -> str:
    """A cell without what editors change by themselves: how letters are composed, tabs, blanks at the ends of lines."""
    lines = composed(source).splitlines()
    return "\n".join(line.expandtabs(4).rstrip() for line in lines).strip()


def is_stub(source: str, released: str) -> bool:
    """Whether a solution cell is still as released but for comments and blanks, or its function does nothing yet.

    Args:
        released: That cell as released; "" if it is not known, when any function may be the one.
    """
    if settled(source) == settled(released):
        return True
    statements = _statements(source)
    if not statements:
        return False
    if _texts(source) == _texts(released):
        return True
    names = {one.name for one in _statements(released) if isinstance(one, FUNCTION)}
    code = [one for one in statements if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))]
    return bool(code) and all(
        isinstance(one, FUNCTION) and (one.name in names or not names) and _does_nothing(one) for one in code
    )


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


def functions_in(source: str, others: Collection[str] = ()) -> list[str]:
    """Names that a cell defines as functions, in their order; an ordinary variable is none.

    A ``def``, an import and a lambda define one. So does another function under a new name, ``f = g``, or what
    is made of one, ``f = partial(g, 2)``.

    Args:
        others: Names of functions that other cells define.
    """
    statements = _statements(source)
    if not statements:
        return DEF.findall(source[:READ])  # Python cannot read it, and says so when it is run
    known = {one.name for one in statements if isinstance(one, FUNCTION)} | set(others)
    found: list[str] = []
    for one in chain.from_iterable(map(_inner, statements)):
        variable = isinstance(one, ast.Assign | ast.AnnAssign) and not _is_function(one.value, known)
        if isinstance(one, DEFINITION) and not variable:
            found += sorted(bound_by(one))
    return found


def _is_function(value: ast.expr | None, known: Collection[str]) -> bool:
    if isinstance(value, ast.Call) and value.args and not isinstance(value.args[0], ast.Attribute):
        return _is_function(value.args[0], known)  # what a decorator, or partial, makes of a function
    return isinstance(value, ast.Lambda | ast.Attribute) or (isinstance(value, ast.Name) and value.id in known)


def _inner(statement: ast.stmt) -> list[ast.stmt]:
    """The statement, or those that a block or a ``try`` holds, at any depth but inside of functions."""
    found, left = [], [statement]
    while left:
        one = left.pop()
        if not isinstance(one, BLOCK | ast.Try):
            found.append(one)
            continue
        parts = [one.body, getattr(one, "orelse", []), getattr(one, "finalbody", [])]
        parts += [handler.body for handler in getattr(one, "handlers", [])]
        left += reversed(list(chain(*parts)))
    return found


def holds_no_code(source: str) -> bool:
    """Whether a code cell holds only words: comments, texts, or what Python cannot read."""
    if DEF.search(source) or MAGIC.search(source):
        return False
    statements = _statements(source)
    return all(isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant) for one in statements)


def may_hold_an_answer(source: str) -> bool:
    """Whether a cell of code that a student added holds words: in a comment, in a text, or in place of code."""
    statements = _statements(source) if "'" in source or '"' in source else []  # to read code takes its time
    texts = [node.value for one in statements for node in ast.walk(one) if isinstance(node, ast.Constant)]
    said = [*(one for one in texts if isinstance(one, str)), *COMMENT.findall(source)]
    return holds_no_code(source) or "%%" in source or any(len(one.split()) >= SENTENCE for one in said)


def names_an_answer(source: str, released: str) -> bool:
    """Whether a comment that a student added to a released cell says of itself that it answers a question."""
    return any(ANSWERS.match(one) for one in {*COMMENT.findall(source)} - {*COMMENT.findall(released)})


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


def _parse(source: str) -> list[ast.stmt]:
    # One at a time: Python counts the depth of all threads' trees together, and raises a SystemError for another's.
    with _PARSER:
        return ast.parse(source).body


def parsed(source: str) -> list[ast.stmt] | None:
    """The statements of a cell without magics; None if Python cannot read it, or it is too long to be looked at."""
    try:
        return _parse(source) if len(source) <= READ else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


@functools.lru_cache(maxsize=64)  # one cell is looked at several times in a row
def _statements(source: str) -> list[ast.stmt]:
    """The statements of a cell; none if Python cannot read it.

    A magic may look like a line of a long expression, so only lines at which Python stumbles are taken out.
    """
    if len(source) > READ:
        return []
    lines = source.split("\n")
    for _ in range(MAGICS):
        try:
            return _parse("\n".join(lines))
        except SyntaxError as error:
            at = (error.lineno or 0) - 1
            if not (0 <= at < len(lines) and MAGIC.match(lines[at])):
                break
            lines[at] = ""
        except (ValueError, RecursionError, MemoryError):
            break
    return (parsed(MAGIC.sub("", source)) or []) if MAGIC.search(source) else []


@functools.lru_cache(128)  # the released cells are the same in every submission, and a cell is asked about repeatedly
def _texts(source: str) -> tuple[str, ...]:
    """The statements of a cell as text, without their comments."""
    return tuple(map(_text, _statements(source)))


def _text(statement: ast.stmt) -> str:
    """The statement as text, without its comments."""
    try:
        return ast.unparse(statement)
    except RecursionError:
        return ""
