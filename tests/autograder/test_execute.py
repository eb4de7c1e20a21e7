"""What one box is asked to do: cells, shown or silent, and hidden calls, explained or not."""

import pytest

from autograder.course import Course
from autograder.execute import run_notebook
from autograder.inside.preload import PRELOADED
from autograder.intake.master import MasterCell
from autograder.intake.needed import Plan
from autograder.intake.rebuild import Rebuilt, RebuiltCell
from autograder.judge.evidence import read_observation
from autograder.results import Verdict
from autograder.session import Run

OWN = ({"output_type": "stream", "name": "stdout", "text": "the student's"},)


def given(source: str, outputs: tuple[object, ...] = ()) -> RebuiltCell:
    return RebuiltCell("code", source, MasterCell("code", source, "given", "given"), outputs)


def added(source: str) -> RebuiltCell:
    return RebuiltCell("code", source, None)


def run(course: Course, *cells: RebuiltCell, cases: tuple[tuple[str, str], ...] = (), explain: bool = False) -> Run:
    with course.runner.backend.templates.borrow() as template:
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

    assert ran.message == "Cell given raised ZeroDivisionError: division by zero."
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


TASK = MasterCell("code", "check(mac_ratio)", "check_mac_ratio", "check_mac_ratio", points=1, task="mac_ratio")
STUB = MasterCell("code", "def mac_ratio(a, b):\n    return ...", "mac_ratio", "mac_ratio", solution=True)
PAIR = ("mac_ratio", "two_totals")


def answer(source: str) -> RebuiltCell:
    return RebuiltCell("code", source, STUB)


def returned(ran: Run) -> object:
    return read_observation(ran.evidence[PAIR], *PAIR).values["returned"]


@pytest.mark.parametrize(
    "later",
    ["def mac_ratio(a, b):\n    return -1.0", "mac_ratio = 3", "%reset -f", "ONE = 'one'", "del ONE", "abs = None"],
)
def test_a_function_is_called_with_the_names_that_its_self_check_saw(prepared: Course, later: str) -> None:
    cells = (added("ONE = 1"), answer("def mac_ratio(a, b):\n    return abs(ONE)"), RebuiltCell("code", "", TASK))

    assert returned(run(prepared, *cells, added(later), cases=(PAIR,))) == 1


@pytest.mark.parametrize("below", [True, False])
def test_where_the_stub_is_all_that_the_self_check_saw_a_later_answer_counts(prepared: Course, below: bool) -> None:
    right = added("def mac_ratio(a, b):\n    return 1.5")
    cells = [answer(STUB.source), RebuiltCell("code", "", TASK)]
    cells.insert(2 if below else 1, right)

    assert returned(run(prepared, *cells, cases=(PAIR,))) == 1.5


@pytest.mark.parametrize(
    "ends",
    [
        "exit()",
        "import os; os._exit(0)",
        *(pytest.param(end, marks=pytest.mark.slow) for end in ("quit()", "get_ipython().kernel.do_shutdown(True)")),
    ],
)
@pytest.mark.parametrize("first", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_an_added_cell_that_ends_the_kernel_costs_itself(prepared: Course, ends: str, first: bool) -> None:
    cells = [answer("def mac_ratio(a, b):\n    return 1.5"), RebuiltCell("code", "", TASK), given("print('on')")]
    cells.insert(0 if first else 3, added(f"# away with it\n{ends}"))
    ran = run(prepared, *cells, cases=(PAIR,))

    assert ran.verdict is Verdict.PARTIAL_RUN
    assert ran.message == 'Cell "# away with it" ended the kernel. It was left out, and the rest was run again.'
    assert returned(ran) == 1.5
    assert ran.outputs[3 if first else 2][0]["text"] == "on\n"


def test_when_a_given_cell_ends_the_kernel_then_only_definitions_run_after_it(prepared: Course) -> None:
    cells = (
        given("import os; os._exit(1)"),
        given("print('given')"),
        added("print('added')"),
        added("ONE = 1.5"),
        answer("def mac_ratio(a, b):\n    return ONE"),
        RebuiltCell("code", "", TASK),
    )
    ran = run(prepared, *cells, cases=(PAIR,))

    assert (ran.verdict, returned(ran)) == (Verdict.PARTIAL_RUN, 1.5)
    assert not any(ran.outputs)


def test_when_a_hidden_call_ends_the_kernel_then_it_costs_its_own_task(prepared: Course) -> None:
    other = ("choose_tolerance", "plain")
    ends = added("import os\ndef mac_ratio(a, b):\n    os._exit(1)")
    cells = (ends, added("def choose_tolerance(sweep, target):\n    return 0.25"))
    ran = run(prepared, *cells, cases=(PAIR, other))

    assert ran.verdict is Verdict.PARTIAL_RUN
    assert set(ran.evidence) == {other}


def test_when_the_kernel_ends_again_then_that_is_how_the_run_ended(prepared: Course) -> None:
    ran = run(prepared, *(added(f"import os; os._exit({number})") for number in (1, 2, 3)), cases=(PAIR,))

    assert ran.verdict is Verdict.KERNEL_DIED
    assert ran.message == 'Cell "import os; os._exit(1)" ended the kernel.'


def test_two_cells_that_end_the_kernel_cost_themselves(prepared: Course) -> None:
    right = answer("def mac_ratio(a, b):\n    return 1.5")
    ran = run(prepared, added("exit()"), right, added("exit(0)"), cases=(PAIR,))

    assert (ran.verdict, returned(ran)) == (Verdict.PARTIAL_RUN, 1.5)
    assert ran.message == (
        'Cell "exit()" ended the kernel. Cell "exit(0)" ended the kernel. '
        "They were left out, and the rest was run again."
    )


def part(course: Course, *cells: RebuiltCell, left_out: set[int]) -> Run:
    with course.runner.backend.templates.borrow() as template:
        rebuilt, planned = Rebuilt("ann", cells, ()), Plan(frozenset(left_out))
        return run_notebook(rebuilt, (PAIR,), 1, course.settings, template, plan=planned)


def test_what_is_left_out_is_not_run_and_is_named(prepared: Course) -> None:
    answered = answer("def mac_ratio(a, b):\n    return 1.5")
    ran = part(prepared, given("print('given')"), answered, left_out={0})

    assert (ran.verdict, ran.not_run, ran.whole) == (Verdict.OK, ("given",), "")
    assert ran.outputs[0] == []


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("print(ONE)", "without the cells that looked needless, a cell raised an error"),
        (
            "def mac_ratio(a, b):\n    return ONE",
            "without the cells that looked needless, a hidden call raised an error",
        ),
    ],
)
def test_where_a_part_is_not_enough_the_notebook_runs_whole(prepared: Course, source: str, why: str) -> None:
    ran = part(
        prepared, given("ONE = 1.5"), answer("def mac_ratio(a, b):\n    return 1.5"), added(source), left_out={0}
    )

    assert (ran.verdict, ran.not_run, ran.whole) == (Verdict.OK, (), why)
    assert returned(ran) == 1.5


@pytest.mark.parametrize(
    ("given_cell", "body", "whole"),
    [
        ("shown = str(TABLE)", "return a + None", False),
        ("TABLE.update(ratio=1.5) if TABLE == {} else None", "return TABLE['ratio']", True),
        ("open('ratio', 'w').write('1.5')", "return float(open('ratio').read())", True),
        ("n = open('written.py', 'w').write('x = 1.5')", "import written; return written.x", True),
    ],
)
def test_a_hidden_calls_error_runs_the_notebook_whole_only_if_it_could_come_of_what_was_left_out(
    prepared: Course, given_cell: str, body: str, whole: bool
) -> None:
    cells = (added("TABLE = {}"), given(given_cell), answer(f"def mac_ratio(a, b):\n    {body}"))
    ran = part(prepared, *cells, left_out={1})

    assert bool(ran.whole) is whole
    assert ("error" not in ran.evidence[PAIR]) is whole


def test_a_name_that_no_given_cell_defines_is_the_students_own_mistake(prepared: Course) -> None:
    ran = part(prepared, given("ONE = 1.5"), answer("def mac_ratio(a, b):\n    return TWO"), left_out={0})

    assert (ran.verdict, ran.not_run) == (Verdict.OK, ("given",))
    assert "NameError: name 'TWO' is not defined" in ran.evidence[PAIR]


def test_a_package_that_grading_lacks_is_named(prepared: Course) -> None:
    ran = run(prepared, added("import nowhere.at_all"))

    assert ran.message == (
        'Cell "import nowhere.at_all" raised ModuleNotFoundError (nowhere is not installed where grading runs).'
    )


def test_where_code_cannot_be_read_its_line_is_quoted(prepared: Course) -> None:
    ran = run(prepared, added("x = 1\nprint('a'"))

    assert ran.message.startswith('Cell "x = 1" raised SyntaxError in line 2, "print(\'a\'": ')


@pytest.mark.parametrize("error", ["import nowhere", "print('a'", "print(TWO)"])
def test_an_error_that_cannot_come_of_what_was_left_out_runs_nothing_again(prepared: Course, error: str) -> None:
    ran = part(prepared, given("ONE = 1.5"), answer("def mac_ratio(a, b):\n    return 1.5"), added(error), left_out={0})

    assert (ran.verdict, ran.not_run) == (Verdict.PARTIAL_RUN, ("given",))


@pytest.mark.parametrize("ends", ["exit()", "print('x' * (2 << 20))"])
def test_where_a_part_is_not_enough_and_a_cell_ends_it_the_notebook_runs_whole(prepared: Course, ends: str) -> None:
    cells = (given("ONE = 1.5"), added(ends), answer("def mac_ratio(a, b):\n    return 1.5 * int(bool(ONE))"))
    ran = part(prepared, *cells, left_out={0})

    assert returned(ran) == 1.5
    assert ran.whole


STUBS = (
    STUB.source + "  # mine",
    "def mac_ratio(a, b):\n    pass",
    "def mac_ratio(a, b):\n    raise NotImplementedError",
    "def mac_ratio(a, b):\n    x = ...\n    return x",
)


@pytest.mark.parametrize("stub", STUBS)
def test_a_stub_that_was_touched_is_still_a_stub(prepared: Course, stub: str) -> None:
    cells = (answer(stub), RebuiltCell("code", "", TASK), added("def mac_ratio(a, b):\n    return 1.5"))

    assert returned(run(prepared, *cells, cases=(PAIR,))) == 1.5


@pytest.mark.parametrize("source", ["from operator import truediv as mac_ratio", "if True:\n    mac_ratio = max"])
def test_a_function_is_kept_however_it_came_to_its_name(prepared: Course, source: str) -> None:
    cells = (answer(source), RebuiltCell("code", "", TASK), added("mac_ratio = 3"))

    assert PAIR in run(prepared, *cells, cases=(PAIR,)).evidence
    assert returned(run(prepared, *cells, cases=(PAIR,)))
