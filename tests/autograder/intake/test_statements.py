"""What the statements of a cell define, and which are kept of a given cell; hostile text only ever gives a list."""

import ast
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_cells import HOSTILE

from autograder.intake.statements import (
    bound_by,
    functions_in,
    holds_no_code,
    is_stub,
    kept_statements,
    names_bound,
    only_defines,
    parsed,
    settled,
)

RELEASED = "import math\nTARGET = 0.5\nprint(TARGET)"
TAKEN = {"math", "TARGET", "model"}


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("", []),
        ("WEIGHTS = [1, 2]", ["WEIGHTS = [1, 2]"]),
        ("from math import (\n    cos,\n    sin,\n)", ["from math import cos, sin"]),
        ("import scipy\nimport os", ["import scipy", "import os"]),
        ("def helper(x):  # mine\n    return x", ["def helper(x):\n    return x"]),
        ("@cache\ndef helper(x):\n    return x", ["@cache\ndef helper(x):\n    return x"]),
        ("a = 1; b = 2", ["a = 1", "b = 2"]),
        ("rate: float = 0.1", ["rate: float = 0.1"]),
        ("try:\n    import scipy\nexcept ImportError:\n    scipy = None",
         ["try:\n    import scipy\nexcept ImportError:\n    scipy = None"]),
        ("%matplotlib inline\n!pip install x\nRATE = 1", ["RATE = 1"]),
        ("TARGET = 0.9", []),
        ("model = None", []),
        ("TARGET, mine = 1, 2", ["TARGET, mine = (1, 2)"]),
        ("print('hello')\ntrain()", []),
        ("model.x = 1\nmodel[0] = 2", []),
        ("def broken(:", []),
        ("if True:\n    def helper(x):\n        return x", ["if True:\n\n    def helper(x):\n        return x"]),
        ("if GPU:\n    SIZE = 9\nelse:\n    SIZE = 1", ["if GPU:\n    SIZE = 9\nelse:\n    SIZE = 1"]),
        ("with no_grad():\n    table = f()", ["with no_grad():\n    table = f()"]),
        ("for n in (1, 2):\n    if n:\n        last = n\n    pass",
         ["for n in (1, 2):\n    if n:\n        last = n\n    pass"]),
        ("if True:\n    print(1)\n    mine = 2", []),
        ("for n in (1, 2):\n    model.step(n)", []),
        ("with open('x') as file:\n    file.write('y')", []),
        ("while True:\n    mine = 2", []),
        ("if True:\n    TARGET = 2", []),
        ("RATE = (2\n    % 3)\n%time x\n!ls\nMORE = 1", ["RATE = 2 % 3", "MORE = 1"]),
        ("RATE = (2\n    % 3)", ["RATE = 2 % 3"]),
    ],
)  # fmt: skip
def test_definitions_of_new_names_are_kept(typed: str, kept: list[str]) -> None:
    assert kept_statements(f"{RELEASED}\n{typed}", RELEASED, TAKEN) == kept


def test_names_are_those_that_a_cell_defines_and_not_those_inside_of_functions() -> None:
    cell = "import a.b, c as d\nfor e in f:\n    g = [h for h in e]\ndef i():\n    j = 1\nwith k as l:\n    m, *n = o"

    assert names_bound(cell) == {"a", "d", "e", "g", "i", "l", "m", "n"}


@pytest.mark.parametrize(
    ("cell", "only"),
    [
        ("import math\nfrom os import path\n\ndef f(x):\n    return train(x)", True),
        ('"""Text."""\nRATE = -0.5 * 3\nNAMES = ["a", RATE]', True),
        ("class A:\n    b = 1", True),
        ("x = train()", False),
        ("x = [i for i in range(9)]", False),
        ("for i in x:\n    pass", False),
        ("print(1)", False),
        ("%%time\nx = 1", True),
        ("# nothing", False),
        ("def broken(:", False),
    ],
)
def test_a_cell_that_only_defines_takes_no_time(cell: str, only: bool) -> None:
    assert only_defines(cell) == only


@pytest.mark.parametrize("cell", HOSTILE, ids=[text[:8].encode("unicode_escape").decode() for text in HOSTILE])
def test_hostile_text_costs_no_second_and_stops_nothing(cell: str) -> None:
    begin = time.process_time()
    kept_statements(cell, RELEASED, TAKEN)
    names_bound(cell)
    only_defines(cell)
    functions_in(cell)
    holds_no_code(cell)
    is_stub(cell, RELEASED)

    assert time.process_time() - begin < 2


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200) | st.text("ab=(),.:[]{}'\"\\\n\t %!@1*+-dfeimport ", max_size=300))
def test_any_text_gives_statements_that_python_can_read(text: str) -> None:
    for statement in kept_statements(text, "", ()):
        assert bound_by(ast.parse(statement).body[0])


RELEASED_STUB = 'def f(x):\n    """Text."""\n    # TODO: double\n    y = ...\n    return y'


@pytest.mark.parametrize(
    ("cell", "stub"),
    [
        (RELEASED_STUB, True),
        (RELEASED_STUB + "  # later", True),
        (RELEASED_STUB.replace('    """Text."""\n', ""), True),
        ("def f(x):\n    pass", True),
        ("def f(x):\n    raise NotImplementedError()", True),
        ("def f(x):\n    return 0", True),
        (RELEASED_STUB.replace("    return y", "    y = 2 * x\n    return y"), False),
        ("def f(x):\n    return x[..., 0]", False),
        ('"""Mine."""\n\ndef f(x):\n    pass', True),
        ("def g(x):\n    return x", False),
        ("W = 3\n\ndef f(x):\n    return W", False),
        ("class A:\n    pass", False),
        ("f = abs", False),
        ("from m import f", False),
        ("def broken(:", False),
    ],
)
def test_a_stub_does_nothing_yet(cell: str, stub: bool) -> None:
    assert is_stub(cell, RELEASED_STUB) == stub


@pytest.mark.parametrize(
    ("cell", "functions"),
    [
        ("def f(x): return x\nasync def g(): pass", ["f", "g"]),
        ("f = lambda x: x\ng: object = lambda: 1", ["f", "g"]),
        ("from m import f\nimport g.h", ["f", "g"]),
        ("def g(x): return x\nf = g", ["g", "f"]),
        ("f = other", ["f"]),
        ("f = partial(other, 2)\ng = no_grad()(other)", ["f", "g"]),
        ("f = operator.truediv", ["f"]),
        ("if True:\n    def f(x):\n        y = lambda: 1\nelse:\n    f = other", ["f", "f"]),
        ("try:\n    from m import f\nexcept ImportError:\n    def f(): pass\nfinally:\n    pass", ["f", "f"]),
        ("%time\ndef f(x): return x", ["f"]),
        ("def f(x): return x\nreturn", ["f"]),
        ("f = lambda x: x\n    return", ["f"]),
        ("f = 3", []),
        ("f = f(1, 2)", []),
        ("f = a / b\nf: float = 2.0\nf += 1", []),
        ("f = result", []),
        ("f = losses[-1]", []),
        ("f = float(row.ratio)", []),
        ("f = train(model, other)", []),
        ("print(f)", []),
        ('x = """\ndef f(x): pass\n"""', []),
    ],
)
def test_functions_are_told_from_ordinary_variables(cell: str, functions: list[str]) -> None:
    assert functions_in(cell, {"other"}) == functions


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("# because it is cheaper", True),
        ("Because it is cheaper.", True),
        ('"""Because."""', True),
        ("x = 1  # because", False),
        ("def broken(:", False),
        ("%matplotlib inline", False),
        ("print('because')", False),
    ],
)
def test_words_in_a_code_cell_are_told_from_code(cell: str, words: bool) -> None:
    assert holds_no_code(cell) == words


def test_what_editors_change_is_settled() -> None:
    assert settled("\n\ta = 1 \r\n\r\n\tb = 'e\u0301'\n\n") == "a = 1\n\n    b = '\xe9'"
    assert settled("if a:\n    b") != settled("if a:\n  b")


def test_cells_may_be_read_in_many_threads_at_once() -> None:
    sources = [f"x = {'(' * 50}{number}{')' * 50}\n" * 100 for number in range(64)]
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(parsed, sources))
