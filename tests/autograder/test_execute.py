"""What one box is asked to do: cells, shown or silent, and hidden calls, explained or not."""

import pytest

from autograder.course import Course
from autograder.execute import Run, run_notebook
from autograder.inside.preload import PRELOADED
from autograder.intake.rebuild import MasterCell, Rebuilt, RebuiltCell
from autograder.judge.evidence import read_observation

OWN = ({"output_type": "stream", "name": "stdout", "text": "the student's"},)


def given(source: str, outputs: tuple[object, ...] = ()) -> RebuiltCell:
    return RebuiltCell("code", source, MasterCell("code", source, "given", "given"), outputs)


def added(source: str) -> RebuiltCell:
    return RebuiltCell("code", source, None)


def run(course: Course, *cells: RebuiltCell, cases: tuple[tuple[str, str], ...] = (), explain: bool = False) -> Run:
    with course.runner.templates.borrow() as template:
        return run_notebook(Rebuilt("ann", cells, ()), cases, 1, course.settings, template, explain=explain)


@pytest.mark.parametrize(
    ("cell", "shows"),
    [
        (given("print('p'); drawn('r')"), ["p\n", "r"]),
        (given("print('p'); drawn('r')", OWN), ["p\n"]),
        (added("print('p'); drawn('r')"), ["p\n", "r"]),
    ],
    ids=["given", "given, with outputs of the student's own", "the student's"],
)
def test_a_result_is_drawn_where_it_will_be_shown(prepared: Course, cell: RebuiltCell, shows: list[str]) -> None:
    make = "drawings = []\nclass drawn(str):\n  def __repr__(self):\n    drawings.append(1)\n    return str(self)"
    ran = run(prepared, added(make), cell, added("print(len(drawings))"))

    texts = [output.get("text") or output["data"]["text/plain"] for output in ran.outputs[1]]
    assert texts == shows
    assert ran.outputs[2][0]["text"] == f"{shows.count('r')}\n"


def test_a_silent_cell_that_raises_is_told_and_the_rest_runs(prepared: Course) -> None:
    ran = run(prepared, given("1 / 0", OWN), added("print('on')"))

    assert ran.message == "These cells raised an error: given."
    assert ran.outputs[1][0]["text"] == "on\n"


def test_what_explains_is_in_the_keys_evidence_and_in_no_other(prepared: Course) -> None:
    pair = ("mac_ratio", "two_totals")
    cell = added("def mac_ratio(total, other):\n    return 0.5")
    plain, explained = (
        read_observation(run(prepared, cell, cases=(pair,), explain=explain).evidence[pair], *pair).values
        for explain in (False, True)
    )

    assert set(plain) == {"returned"}
    assert set(explained) == {"returned", "totals"}
    assert plain["returned"] == explained["returned"]


def test_a_cold_box_has_loaded_what_a_warm_one_has_before_any_cell_runs(prepared: Course) -> None:
    cells = (added(f"import sys\nprint(set({PRELOADED}) - set(sys.modules))"),)
    cold = run_notebook(Rebuilt("ann", cells, ()), (), 1, prepared.settings)

    assert cold.outputs[0][0]["text"] == run(prepared, *cells).outputs[0][0]["text"] == "set()\n"
