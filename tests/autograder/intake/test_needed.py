"""Which given cells can change a grade: those whose names something that runs takes, and nothing that was not seen."""

import time

import pytest
from hypothesis import given as examples
from hypothesis import settings as bounded
from hypothesis import strategies as st
from odd_cells import HOSTILE

from autograder.intake.master import MasterCell
from autograder.intake.needed import Plan, names_of, plan, shares_objects
from autograder.intake.rebuild import RebuiltCell

SHOWN = ({"output_type": "stream", "name": "stdout", "text": "1\n"},)
CHECK = MasterCell("code", "check(f)", "check_f", "check_f", points=1, task="f")


def given(source: str) -> RebuiltCell:
    return RebuiltCell("code", source, MasterCell("code", source, "given", "given"), SHOWN)


def own(source: str) -> RebuiltCell:
    return RebuiltCell("code", source, None)


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


@pytest.mark.parametrize(
    ("cells", "left_out"),
    [
        ([given("import math"), given("x = f()"), own("def f():\n    return math.pi")], {1}),
        ([given("a = f()"), given("b = g(a)"), given("c = g(b)"), own("def f():\n    return b")], {2}),
        ([given("model = make()"), given("train(model)"), own("def f(model):\n    return model")], {0, 1}),
        ([given("print(1)"), own("x = 1")], {0}),
        ([own("def f():\n    return later"), given("later = make()")], set()),
        ([given("words = make()"), given("words.sort()"), given("cfg = {}"), own("print(words)")], set()),
        ([given("import decimal"), given("decimal.getcontext().prec = 60"), own("import decimal")], set()),
        ([given("decimal.getcontext().prec = 60"), own("print(decimal)")], set()),
        ([given("cfg = {}"), given("cfg['a'] = make()"), own("cfg")], set()),
        ([given("match make():\n    case {'a': caught, **rest}:\n        pass"), own("print(rest)")], set()),
        ([given("Number = make()"), own("def f(x: Number):\n    return x")], set()),
        ([given("import xml.dom.minidom"), own("import xml")], set()),
        ([given("x = f()"), RebuiltCell("code", "check(x)", CHECK, SHOWN), own("y = 1")], {0}),
        ([given("x = f()"), RebuiltCell("markdown", "x", None)], {0}),
    ],
)
def test_a_given_cell_runs_where_something_takes_what_it_defines(cells: list[RebuiltCell], left_out: set[int]) -> None:
    assert plan(cells, whole=False) == Plan(frozenset(left_out))


@pytest.mark.parametrize(
    ("cells", "whole", "why"),
    [
        ([given("x = 1"), own("y = 1")], True, "as asked"),
        ([given("x = 1"), own("globals()")], False, "the notebook has code that cannot be followed"),
        (
            [given("from math import *\nx = f()"), own("print(x)")],
            False,
            "the notebook has code that cannot be followed",
        ),
        (
            [RebuiltCell("code", "x = 1", given("x = 1").master), own("y = 1")],
            False,
            "the notebook was handed in without outputs",
        ),
    ],
)
def test_where_a_part_may_not_do_all_runs(cells: list[RebuiltCell], whole: bool, why: str) -> None:
    assert plan(cells, whole=whole) == Plan(whole=why)


def test_a_given_cell_whose_figure_is_drawn_again_runs_with_all_that_it_takes() -> None:
    left_out = ({"output_type": "display_data", "data": {}, "metadata": {"left_out": "it is SVG"}},)
    figure = RebuiltCell("code", "plot(losses)", given("x").master, left_out)

    cells = [given("losses = train()"), figure, given("other = train()"), own("x = 1")]
    assert plan(cells, whole=False) == Plan(frozenset({2}))


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


@pytest.mark.parametrize(
    ("cells", "left_out", "shares"),
    [
        ([given("fill(table)"), own("table = {}\ndef f():\n    return table")], {0}, True),
        ([given("a = t"), own("t = {}\ndef g():\n    return t"), own("def f():\n    return g()")], {0}, True),
        (
            [given("cfg = make(cfg)"), given("cfg = {}"), own("class A:\n    x = cfg"), own("def f():\n    A()")],
            {0},
            True,
        ),
        ([given("sum = total(sum)"), own("def f(x):\n    return sum(x)")], {0}, True),
        ([given("x = f(len(y))"), own("def f(x):\n    return len(x)")], {0}, False),
        ([given("import math"), given("x = f(math.pi)"), own("def f(x):\n    return math.sqrt(x)")], {1}, False),
        ([given("x = f(g(1))"), own("def g(x):\n    return x\ndef f(x):\n    return g(x)")], {0}, False),
        ([given("try:\n    import a\nexcept E:\n    pass"), given("a.b()"), own("def f():\n    a.c()")], {1}, False),
        ([given("show(table)"), own("table = {}"), own("def f(x):\n    return x")], {0}, False),
        ([given("class A:\n    pass"), given("fit(A, 4)"), own("def f():\n    return A.most")], {1}, True),
        ([given("import kit"), given("fit(kit, 4)"), own("def f():\n    return kit.most")], {1}, True),
    ],
)
def test_a_function_shares_objects_with_cells_that_use_its_names(
    cells: list[RebuiltCell], left_out: set[int], shares: bool
) -> None:
    assert shares_objects(cells, left_out, "f") is shares
