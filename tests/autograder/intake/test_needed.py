"""Which given cells can change a grade: those whose names something that runs takes."""

import pytest

from autograder.intake.master import MasterCell
from autograder.intake.needed import Plan, plan, shares_objects
from autograder.intake.rebuild import RebuiltCell

SHOWN = ({"output_type": "stream", "name": "stdout", "text": "1\n"},)
CHECK = MasterCell("code", "check(f)", "check_f", "check_f", points=1, task="f")


def given(source: str) -> RebuiltCell:
    return RebuiltCell("code", source, MasterCell("code", source, "given", "given"), SHOWN)


def own(source: str) -> RebuiltCell:
    return RebuiltCell("code", source, None)


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
