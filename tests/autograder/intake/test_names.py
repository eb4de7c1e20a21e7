"""What a cell defines and takes, and nothing that was not seen."""

import time

import pytest
from hypothesis import given as examples
from hypothesis import settings as bounded
from hypothesis import strategies as st
from odd_cells import HOSTILE

from autograder.intake.names import names_of


@pytest.mark.parametrize(
    ("source", "defines", "takes"),
    [
        ("import a.b as c, d.e", "c d", "c d"),
        ("x = y", "x", "y"),
        ("x = 1\nprint(x)", "x", "print"),
        ("x += 1", "x", "x"),
        ("for k in ks:\n    t = k\nprint(t, k)", "k t", "ks print"),
        ("if c:\n    x = 1\nprint(x)", "x", "c print x"),
        ("with open(p) as f:\n    f.read()", "f", "open p"),
        ("def f(a, b=c):\n    d = a\n    return g(d) + e", "f", "c g e"),
        ("def f():\n    return g()\ndef g():\n    return 1", "f g", ""),
        ("@wraps\ndef f():\n    global n\n    n = m", "f n", "wraps m"),
        ("class A(B):\n    x = y\n    def m(self):\n        return z", "A", "B y z"),
        ("xs = [f(i) for i in js if i in xs]", "xs", "f js"),
        ("f = lambda a: a + b", "f", "b"),
        ("model.bias = 1\ntable['k'] = v", "model table", "model table v"),
        ("words.sort()\nf(words)", "words", "words f"),
        ("def f(x: A, *, y: B = c) -> C:\n    pass", "f", "A B C c"),
        ("del x", "", "x"),
        ("a, *b = c", "a b", "c"),
        ("try:\n    import scipy\nexcept ImportError:\n    scipy = None", "scipy", "ImportError scipy"),
        ("if (n := len(a)) > 1:\n    print(n)", "n", "len a print"),
        ("%matplotlib inline\nx = 1", "x", ""),
    ],
)
def test_names_that_a_cell_defines_and_takes(source: str, defines: str, takes: str) -> None:
    found = names_of(source)

    assert (set(found.defines), set(found.takes), found.all) == (set(defines.split()), set(takes.split()), False)


@pytest.mark.parametrize(
    "source",
    [
        "from math import *",
        "globals()['x'] = 1",
        "exec('x')",
        "%run other.py",
        "%%time\nx = 1",
        "!ls",
        "files = !ls",
        "print(_)",
        "x = Out[3]",
        "def broken(:",
        "x" * 30_000,
        "def f():\n    return eval('g')(1)",
        "import __main__",
        "from IPython import get_ipython",
        "import sys\nx = sys.modules",
        "f.__globals__['x']",
    ],
)
def test_what_cannot_be_seen_may_be_anything(source: str) -> None:
    assert names_of(source).all


def test_a_throwaway_name_is_none_of_ipythons() -> None:
    assert not names_of("for _ in range(3):\n    pass\nx, _ = y").all


def test_a_line_of_a_long_expression_may_look_like_a_magic() -> None:
    assert not names_of("x = (5\n    % 3)").all
    assert all(names_of(cell).all for cell in ("%time x", "!ls", "x = %who", "x = !ls", "%%bash\nls", "x?"))


NOT_PYTHON = ["nonlocal x", "def f(a, a): pass", "return", "def f():\n    x = 1\n    global x"]


@pytest.mark.parametrize("cell", [*HOSTILE, *NOT_PYTHON])
def test_hostile_text_costs_no_second_and_stops_nothing(cell: str) -> None:
    begin = time.process_time()
    names_of(cell)

    assert time.process_time() - begin < 2


@bounded(max_examples=300, deadline=None)
@examples(st.text("ab=(),.:[]{}'\"\\\n\t %!@1*+-dfeimportglsxc_ ", max_size=200) | st.text(max_size=100))
def test_any_text_has_names(text: str) -> None:
    assert isinstance(names_of(text).all, bool)
