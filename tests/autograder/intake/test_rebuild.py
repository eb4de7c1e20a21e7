"""Putting a student's cells into the master: every way a notebook comes back, and what of it is used."""

import functools
import json
import random
import time
from typing import Any

import pytest
import sample_class

from autograder.errors import BadSubmission
from autograder.intake.master import MasterCell, master_cells
from autograder.intake.parse import Cell, Submission, parse_notebook
from autograder.intake.rebuild import Rebuilt, rebuild

DOUBLE = '''def double(x):
    """Twice a number.

    Args:
        x: any number.
    """
    # TODO: multiply by two
    y = ...
    return y'''
HALVE = DOUBLE.replace("double", "halve").replace("Twice", "Half of").replace("multiply", "divide")
QUESTION = "**Question.** Why does it double?\n\nYOUR ANSWER HERE"
RIGHT = DOUBLE.replace("...", "2 * x")
HALF = HALVE.replace("...", "x / 2")

MASTER = (
    MasterCell("markdown", "# Numbers", "title", "title"),
    MasterCell("code", "import math", "imports", "imports"),
    MasterCell("code", DOUBLE, "double", "double", solution=True),
    MasterCell("code", "check(double)", "check-double", "check_double", points=2, task="double"),
    MasterCell("markdown", QUESTION, "q-why", "q_why", solution=True, points=3),
    MasterCell("code", HALVE, "halve", "halve", solution=True),
    MasterCell("code", "check(halve)", "check-halve", "check_halve", points=1, task="halve"),
)


def handed_in(**answers: str) -> list[Cell]:
    """The master as a student hands it in, with some cells written."""
    return [Cell(cell.kind, answers.get(cell.grade_id, cell.source), cell.cell_id, cell.grade_id) for cell in MASTER]


def without_metadata(cells: list[Cell]) -> list[Cell]:
    return [Cell(cell.kind, cell.source) for cell in cells]


def rebuilt(cells: list[Cell], master: tuple[MasterCell, ...] = MASTER) -> Rebuilt:
    return rebuild(Submission("alice", tuple(cells)), master)


def sources(result: Rebuilt) -> dict[str, str]:
    """Text by grade_id, of the master's cells."""
    return {cell.master.grade_id: cell.source for cell in result.cells if cell.master}


def added(result: Rebuilt) -> list[str]:
    return [cell.source for cell in result.cells if cell.master is None]


def layout(result: Rebuilt) -> list[str]:
    """The cells in their order: a grade_id, or the text of an added cell."""
    return [cell.master.grade_id if cell.master else cell.source for cell in result.cells]


ORDER = [cell.grade_id for cell in MASTER]


# --- as it should be ---


def test_what_the_student_wrote_is_put_in_and_nothing_is_noted():
    result = rebuilt(handed_in(double=RIGHT, q_why="Because."))

    assert result.notes == ()
    assert layout(result) == ORDER
    assert sources(result) == {cell.grade_id: cell.source for cell in MASTER} | {"double": RIGHT, "q_why": "Because."}


def test_the_notebook_as_released_comes_back_as_it_is():
    result = rebuilt(handed_in())

    assert [cell.source for cell in result.cells] == [cell.source for cell in MASTER]
    assert result.notes == ()


def test_notes_from_before_come_first():
    submission = Submission("alice", tuple(handed_in()[:2]), ("was renamed",))

    assert rebuild(submission, MASTER).notes[0] == "was renamed"


def test_solutions_and_added_cells_are_the_students_and_nothing_else_is():
    result = rebuilt([*handed_in(), Cell("code", "print(1)")])

    assert [cell.by_student for cell in result.cells] == [cell.solution for cell in MASTER] + [True]


def printed(text: str) -> dict[str, str]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def test_a_given_cell_keeps_the_outputs_that_were_handed_in_and_a_solution_cell_does_not():
    cells = [
        Cell(cell.kind, cell.source, cell.cell_id, cell.grade_id, (printed(cell.grade_id),)) for cell in handed_in()
    ]

    for cell in rebuilt(cells).cells:
        assert cell.outputs == (() if cell.by_student else (printed(cell.master.grade_id),))


def test_outputs_are_made_safe():
    cells = handed_in()
    unsafe = ({"output_type": "display_data", "data": {"text/html": "<script>", "text/plain": "s"}}, "no output")
    cells[1] = Cell(cells[1].kind, cells[1].source, cells[1].cell_id, cells[1].grade_id, unsafe)

    assert rebuilt(cells).cells[1].outputs == (
        {"output_type": "display_data", "data": {"text/plain": "s"}, "metadata": {}},
    )


# --- lost metadata ---


def test_when_grade_ids_are_lost_then_cells_are_found_by_their_cell_id():
    cells = [Cell(cell.kind, cell.source, cell.cell_id) for cell in handed_in(double="def double(x): return 2 * x")]
    result = rebuilt(cells)

    assert sources(result)["double"] == "def double(x): return 2 * x"
    assert "cell double matched by its cell id (its metadata was lost)" in result.notes


def test_when_all_metadata_are_lost_then_cells_are_found_by_what_they_say():
    result = rebuilt(without_metadata(handed_in(double=RIGHT, halve=HALF)))

    assert layout(result) == ORDER
    assert (sources(result)["double"], sources(result)["halve"]) == (RIGHT, HALF)
    assert [note.split(" 0.")[0].split(" 1.")[0] for note in result.notes] == [
        "cell double matched by similarity",
        "cell halve matched by similarity",
    ]


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1, 0], [5, 0, 6, 2, 1, 3, 4]])
@pytest.mark.parametrize("keep_metadata", [True, False])
def test_when_cells_are_in_another_order_then_they_run_in_the_masters(order: list[int], keep_metadata: bool):
    cells = handed_in(double=RIGHT, halve=HALF)
    cells = cells if keep_metadata else without_metadata(cells)
    result = rebuilt([cells[position] for position in order])

    assert layout(result) == ORDER
    assert (sources(result)["double"], sources(result)["halve"]) == (RIGHT, HALF)


def test_a_written_answer_without_metadata_is_found_by_its_place():
    result = rebuilt(without_metadata(handed_in(q_why="Because of the two.")))

    assert sources(result)["q_why"] == "Because of the two."
    assert result.notes == ("cell q_why matched by its place (its metadata was lost)",)


def test_a_cell_that_defines_another_function_is_never_similar():
    cells = [cell for cell in without_metadata(handed_in()) if "def " not in cell.source]
    result = rebuilt([*cells, Cell("code", RIGHT.replace("double", "treble"))])

    assert sources(result)["double"] == DOUBLE
    assert added(result) == [RIGHT.replace("double", "treble")]


def test_a_solution_given_as_a_lambda_is_still_similar():
    source = RIGHT.replace("def double(x):", "double = lambda x: 2 * x")
    result = rebuilt([Cell("code", source) if cell.grade_id == "double" else cell for cell in handed_in()])

    assert sources(result)["double"] == source


def test_of_two_similar_cells_the_more_similar_one_is_taken_and_the_other_kept():
    short = "def double(x):\n    return x + x"
    cells = without_metadata(handed_in(double=RIGHT))
    result = rebuilt([*cells[:2], Cell("code", short), *cells[2:]])

    assert sources(result)["double"] == RIGHT
    assert added(result) == [short]


def test_a_copied_cell_that_kept_only_its_cell_id_is_an_added_cell():
    helper = "def helper(): pass"
    cells = handed_in(double=RIGHT)
    result = rebuilt([*cells[:3], Cell("code", helper, "double"), *cells[3:]])

    assert sources(result)["double"] == RIGHT
    assert layout(result)[3] == helper


def test_a_master_cell_without_a_grade_id_swallows_nothing():
    """A cell that the instructor added by hand has no nbgrader metadata yet."""
    master = (*MASTER, MasterCell("code", "print('the end')", "end", ""))
    result = rebuilt(without_metadata(handed_in(double=RIGHT)), master)

    assert sources(result)["double"] == RIGHT


@pytest.mark.parametrize(
    "source", ["def double(x):\n    return x + x", "import math\n\n\ndef double(number, /):\n    return 2 * number"]
)
def test_a_cell_that_defines_the_function_is_its_solution_however_little_else_is_left(source: str):
    """Or it would run before the released stub, which would undo it."""
    cells = [
        Cell("code", source) if cell.source == RIGHT else cell for cell in without_metadata(handed_in(double=RIGHT))
    ]

    assert sources(rebuilt(cells))["double"] == source


# --- damage ---


def test_a_solution_that_is_missing_is_the_released_one_never_the_answer():
    result = rebuilt([cell for cell in handed_in(double=RIGHT) if cell.grade_id != "double"])

    assert layout(result) == ORDER
    assert sources(result)["double"] == DOUBLE
    assert result.notes == ("cell double is missing; the released one is used",)


@pytest.mark.parametrize("blank", ["", "  \n\t"])
def test_a_solution_that_was_emptied_is_the_released_one(blank: str):
    result = rebuilt(handed_in(double=blank))

    assert sources(result)["double"] == DOUBLE
    assert result.notes == ("cell double is missing; the released one is used",)


@pytest.mark.parametrize("kept", ["title", "imports", "check_double", "check_halve"])
def test_given_cells_that_were_deleted_come_back(kept: str):
    cells = [cell for cell in handed_in(double=RIGHT) if cell.grade_id in (kept, "double")]

    assert [source for source in sources(rebuilt(cells)).values() if source != RIGHT] == [
        cell.source for cell in MASTER if cell.grade_id != "double"
    ]


@pytest.mark.parametrize("given", ["title", "imports", "check_double"])
def test_a_given_cell_that_was_edited_is_the_masters_again(given: str):
    result = rebuilt(handed_in(**{given: "math = None\nprint('mine')"}))

    assert sources(result) == {cell.grade_id: cell.source for cell in MASTER}
    assert result.notes[0] == f"cell {given} differs from the released one, which is used"
    assert [cell.kind for cell in result.cells if cell.master is None] == (["markdown"] if given == "title" else [])


@pytest.mark.parametrize(
    ("given", "before"), [("imports", ["title", "imports"]), ("check_double", ["title", "imports", "double"])]
)
def test_definitions_typed_into_a_given_cell_are_kept_each_by_itself(given: str, before: list[str]):
    released = next(cell.source for cell in MASTER if cell.grade_id == given)
    result = rebuilt(handed_in(**{given: f"{released}\nfrom cmath import (\n    sin,\n)\nWEIGHT = 2"}))

    assert layout(result) == [*before, "from cmath import sin", "WEIGHT = 2", *ORDER[len(before) :]]
    assert result.notes == (
        f"cell {given} differs from the released one, which is used",
        f"what was typed into cell {given} is kept where it defines new names",
    )


def test_an_answer_typed_above_its_self_check_is_the_answer():
    result = rebuilt(handed_in(check_double=f"{RIGHT}\n\ncheck(double)"))

    code = [cell.source for cell in result.cells]
    assert DOUBLE not in code
    assert [source.startswith("def double") for source in code].index(True) < code.index("check(double)")


@pytest.mark.parametrize("keep_metadata", [True, False])
def test_a_stub_gives_way_where_its_function_is_in_an_added_cell(keep_metadata: bool):
    cells = handed_in()
    cells.insert(2, Cell("code", RIGHT.replace("def double", "def double")))
    result = rebuilt(cells if keep_metadata else without_metadata(cells))

    assert DOUBLE not in [cell.source for cell in result.cells]
    assert RIGHT in [cell.source for cell in result.cells]


@pytest.mark.parametrize(
    "cell",
    [
        Cell("markdown", "double = 3"),
        Cell("markdown", "def double(x): return 2 * x"),
        Cell("raw", "double = lambda x: 2 * x"),
        Cell("code", "double = 3"),
        Cell("code", "double = double(3) / halve(2)"),
        Cell("code", "# double\nprint(double)"),
        Cell("code", "double", cell_id="double-1"),
        Cell("code", DOUBLE.replace("any number", "a number")),
    ],
)
@pytest.mark.parametrize("keep_metadata", [True, False])
@pytest.mark.parametrize("at", [0, 3, 7])
def test_a_variable_or_a_text_of_that_name_takes_no_stub_away(cell: Cell, keep_metadata: bool, at: int):
    cells = handed_in()
    result = rebuilt([*(cells if keep_metadata else without_metadata(cells))[:at], cell, *cells[at:]])

    assert sources(result)["double"] == DOUBLE
    assert sum(one.source == cell.source for one in result.cells) == 1


@pytest.mark.parametrize(
    "cell", ["double = 3\nhalve = 2", "double = double(3)", "double = 1 if halve(2) else 2", "double = result"]
)
def test_a_variable_of_that_name_is_not_the_answer_of_a_notebook_without_metadata(cell: str):
    cells = without_metadata(handed_in(double=RIGHT))
    result = rebuilt([Cell("code", cell), *cells])

    assert sources(result)["double"] == RIGHT
    assert added(result) == [cell]


@pytest.mark.parametrize(
    "cell",
    [
        "double = lambda x: 2 * x",
        "from mine import double",
        "def mine(x):\n    return 2 * x\ndouble = mine",
        "if True:\n    def double(x):\n        return 2 * x",
        "%time\ndef double(x):\n    return 2 * x",
        "def double(x):\n    return 2 * x\nbroken(",
    ],
)
def test_a_function_of_that_name_takes_the_stub_away(cell: str):
    assert DOUBLE not in [one.source for one in rebuilt([*handed_in()[:2], Cell("code", cell), *handed_in()[2:]]).cells]


def test_a_copy_that_does_nothing_does_not_undo_the_answer():
    cells = handed_in(double=RIGHT)
    for nothing in ("def double(x):\n    pass", DOUBLE + "  # later", DOUBLE.replace("any number", "a number")):
        result = rebuilt([*cells[:3], Cell("code", nothing, "x", "double"), *cells[3:]])

        assert sources(result)["double"] == RIGHT
        assert nothing not in added(result)


def test_an_answer_that_does_nothing_stays_as_it_was_written():
    assert (
        sources(rebuilt(handed_in(double="def double(x):\n    return 0")))["double"] == "def double(x):\n    return 0"
    )


SVG = {"output_type": "display_data", "data": {"image/svg+xml": "<svg/>", "text/plain": "<Figure>"}, "metadata": {}}


def test_a_figure_in_svg_is_drawn_again():
    cells = handed_in(double=RIGHT)
    cells[1] = Cell("code", cells[1].source, cells[1].cell_id, cells[1].grade_id, (SVG,))
    result = rebuilt(cells)

    assert [cell.redrawn for cell in result.cells] == [False, True, *[False] * 5]
    assert result.notes == (
        "figures of 1 given cell were handed in as what is not shown (SVG, or too large); the grading run draws them "
        "again",
    )
    assert "image/svg+xml" not in str(result.cells[1].outputs)


def test_a_copy_below_the_self_check_is_an_experiment():
    other = RIGHT.replace("2 * x", "3 * x")
    result = rebuilt([*handed_in(double=RIGHT), Cell("code", other, "double", "double")])

    assert sources(result)["double"] == RIGHT
    assert layout(result) == [*ORDER, other]
    assert result.notes == ("cell double is there again below its self-check, and the first counts",)


def test_a_copy_below_the_self_check_of_a_stub_is_the_answer():
    result = rebuilt([*handed_in(), Cell("code", RIGHT, "double", "double")])

    assert sources(result)["double"] == RIGHT
    assert layout(result) == ORDER


@pytest.mark.parametrize("second", [Cell("code", "double = double(3)"), Cell("code", HALF, "double", "double")])
def test_a_missing_self_check_stands_right_below_its_tasks_cell(second: Cell):
    cells = [cell for cell in handed_in(double=RIGHT) if cell.grade_id != "check_double"]
    result = rebuilt([*cells[:3], second, *cells[3:]])

    order = layout(result)
    assert order.index("double") < order.index("check_double")
    if second.grade_id == "":
        assert order.index("check_double") < order.index(second.source)


def test_where_the_self_check_is_missing_a_copy_is_an_experiment_too():
    other = RIGHT.replace("2 * x", "3 * x")
    cells = [cell for cell in handed_in(double=RIGHT) if cell.grade_id != "check_double"]
    result = rebuilt([*cells, Cell("code", other, "double", "double")])

    assert sources(result)["double"] == RIGHT
    assert layout(result)[-1] == other


def test_blanks_around_a_given_cell_are_no_edit():
    assert rebuilt(handed_in(imports="\nimport math\n\n")).notes == ()


def test_edited_checks_without_metadata_run_only_as_cells_of_the_student():
    cells = without_metadata(handed_in(double=RIGHT, check_double="check = lambda f: True"))
    result = rebuilt(cells)

    assert sources(result)["check_double"] == "check(double)"
    assert added(result) == ["check = lambda f: True"]


def test_a_copied_solution_cell_runs_in_its_order_so_that_the_last_counts():
    first = RIGHT.replace("2 * x", "3 * x")
    cells = handed_in(double=first)
    result = rebuilt([*cells[:3], Cell("code", RIGHT, "double", "double"), *cells[3:]])

    assert layout(result)[2:4] == [first, "double"]
    assert sources(result)["double"] == RIGHT
    assert result.notes == ("cell double is there 2 times; they run in their order, so the last counts",)


def test_the_last_copy_counts_also_when_it_is_the_first_one_again():
    first = RIGHT.replace("2 * x", "3 * x")
    cells = handed_in(double=RIGHT)
    again = [Cell("code", source, "double", "double") for source in (first, RIGHT)]

    assert sources(rebuilt([*cells[:3], *again, *cells[3:]]))["double"] == RIGHT


@pytest.mark.parametrize("copies", [1, 2, 5])
@pytest.mark.parametrize("keep_metadata", [True, False])
def test_identical_copies_count_once(copies: int, keep_metadata: bool):
    cells = handed_in(double=RIGHT)
    cells = [*cells[:3], *[cells[2]] * copies, *cells[3:]]
    result = rebuilt(cells if keep_metadata else without_metadata(cells))

    assert sources(result)["double"] == RIGHT
    assert set(added(result)) <= {RIGHT}


@pytest.mark.parametrize("first", [True, False])
def test_a_copy_that_is_still_as_released_does_not_undo_the_answer(first: bool):
    cells = handed_in(double=RIGHT)
    stub = Cell("code", DOUBLE, "double", "double")
    result = rebuilt([*cells[:2], stub, *cells[2:]] if first else [*cells[:3], stub, *cells[3:]])

    assert sources(result)["double"] == RIGHT
    assert added(result) == []


def test_a_solution_cell_that_was_split_runs_whole():
    helper, rest = "def twice(x):\n    return 2 * x", RIGHT.replace("2 * x", "twice(x)")
    cells = handed_in(double=helper)
    result = rebuilt([*cells[:3], Cell("code", rest), *cells[3:]])

    everything = [cell.source for cell in result.cells]
    assert everything.index(helper) < everything.index(rest)
    assert DOUBLE not in everything


def test_two_solutions_in_one_cell_are_not_undone_by_a_released_stub():
    """The second cell is gone because the first holds what it held."""
    both = RIGHT + "\n\n" + HALF
    result = rebuilt([cell for cell in handed_in(double=both) if cell.grade_id != "halve"])

    everything = [cell.source for cell in result.cells]
    assert both in everything
    assert HALVE not in everything[everything.index(both) :]


def test_a_solution_cell_made_text_is_code_again():
    cells = [
        Cell("markdown", RIGHT, cell.cell_id, "double") if cell.grade_id == "double" else cell for cell in handed_in()
    ]
    result = rebuilt(cells)

    assert [(cell.kind, cell.source) for cell in result.cells][2] == ("code", RIGHT)
    assert result.notes == ("cell double had another cell type; read as code",)


def test_an_answer_made_code_is_text_again():
    cells = [
        Cell("code", "answer = 1", cell.cell_id, "q_why") if cell.grade_id == "q_why" else cell for cell in handed_in()
    ]
    result = rebuilt(cells)

    assert [(cell.kind, cell.source) for cell in result.cells][4] == ("markdown", "answer = 1")
    assert result.notes == ("cell q_why had another cell type; read as markdown",)


def test_an_answer_in_two_cells_is_one_answer():
    cells = handed_in(q_why="One.")
    result = rebuilt([*cells[:5], Cell("markdown", "Two.", "x", "q_why"), *cells[5:]])

    assert sources(result)["q_why"] == "One.\n\nTwo."


# --- added cells ---


def test_added_code_stays_behind_the_cell_it_stood_behind():
    cells = handed_in()
    result = rebuilt(
        [Cell("code", "top"), *cells[:3], Cell("code", "a"), Cell("code", "b"), *cells[3:], Cell("code", "z")]
    )

    assert layout(result) == ["top", *ORDER[:3], "a", "b", *ORDER[3:], "z"]
    assert result.notes == ("4 added cells kept",)
    assert rebuilt([*cells, Cell("code", "z")]).notes == ("1 added cell kept",)


def test_an_added_cell_loses_its_outputs_because_it_runs():
    result = rebuilt([*handed_in(), Cell("code", "print(1)", outputs=(printed("1"),))])

    assert result.cells[-1].outputs == ()


def test_added_blank_cells_are_dropped():
    result = rebuilt([*handed_in(), Cell("code", " \n"), Cell("markdown", ""), Cell("raw", "")])

    assert (layout(result), result.notes) == (ORDER, ())


@pytest.mark.parametrize("grade_id", ["check_double", "imports", "title"])
def test_a_cell_that_claims_to_be_a_given_one_does_not_run(grade_id: str):
    result = rebuilt([*handed_in(), Cell("code", "evil()", "x", grade_id)])

    assert "evil()" not in [cell.source for cell in result.cells if cell.kind == "code"]
    assert result.notes[0] == f"cell {grade_id} differs from the released one, which is used"


def test_an_unknown_grade_id_is_an_added_cell():
    result = rebuilt([*handed_in(), Cell("code", "x = 1", "x", "check_everything")])

    assert added(result) == ["x = 1"]


# --- another notebook ---


@pytest.mark.parametrize(
    "cells",
    [
        [Cell("code", "print('hello')"), Cell("markdown", "# Hello")],
        [Cell("markdown", "# Numbers", "title", "title")],
        [Cell("code", "def other(x):\n    return x", "other", "other")],
        [Cell("raw", "import maths")],
    ],
)
def test_a_notebook_of_something_else_is_refused(cells: list[Cell]):
    with pytest.raises(BadSubmission, match=r"not a notebook of the assignment: none of its code cells is in it\."):
        rebuilt(cells)


def test_one_cell_of_the_assignment_is_enough():
    assert sources(rebuilt([Cell("code", RIGHT, grade_id="double")]))["double"] == RIGHT


# --- cost ---


def test_a_cell_of_blank_lines_costs_no_more_than_its_length():
    begin = time.process_time()
    rebuilt([*without_metadata(handed_in()[:2]), Cell("code", "\n" * 6_000 + "x")])

    assert time.process_time() - begin < 0.5


def test_long_cells_cost_no_seconds():
    words = "def double(x): pass\ndef halve(x): pass\n" + " ".join(f"w{number}" for number in range(140_000))
    begin = time.process_time()
    rebuilt([*without_metadata(handed_in()[:2]), *[Cell("code", words)] * 12])

    assert time.process_time() - begin < 0.5


def test_many_cells_that_all_define_everything_cost_no_minutes():
    functions = "\n".join(f"def {cell.grade_id}(x): pass" for cell in MASTER if cell.solution and cell.kind == "code")
    long = [Cell("code", f"{functions}\n" + " ".join(f"w{n * 2_400 + k}" for k in range(2_400))) for n in range(600)]
    begin = time.process_time()
    rebuilt([*without_metadata(handed_in()[:2]), *long])

    assert time.process_time() - begin < 5


# --- the real notebook ---


def real(path: Any) -> dict[str, Any]:
    return json.loads(path.read_text())


@functools.cache
def case(name: str, *damages: str) -> bytes:
    """The file of one case of the sample class, damaged further."""
    solution, release = real(sample_class.SOLUTION), real(sample_class.RELEASE)
    notebook = json.loads(sample_class.build_case(sample_class.SUBMISSIONS / name, solution, release))
    for damage in damages:
        sample_class.NOTEBOOK_DAMAGE[damage](notebook)
    return json.dumps(notebook).encode()


@functools.cache
def whole_sources(name: str) -> dict[str, str]:
    """What runs of a case that nothing has damaged."""
    return sources(rebuilt_case(case(name)))


def rebuilt_case(data: bytes) -> Rebuilt:
    return rebuild(parse_notebook(data, "alice"), master_cells(real(sample_class.RELEASE)))


def test_the_master_is_read_from_the_released_notebook():
    master = master_cells(real(sample_class.RELEASE))

    assert all(cell.grade_id and cell.cell_id for cell in master)
    assert len({cell.grade_id for cell in master}) == len(master)
    assert sum(cell.points for cell in master if cell.kind == "code") == 27
    assert sum(cell.points for cell in master if cell.kind == "markdown") == 10
    assert len([cell for cell in master if cell.solution and cell.kind == "code"]) == 9


def test_the_real_release_comes_back_as_it_is():
    release = real(sample_class.RELEASE)
    result = rebuilt_case(json.dumps(release).encode())

    assert [cell.source for cell in result.cells] == ["".join(cell["source"]) for cell in release["cells"]]
    assert result.notes == ()


@pytest.mark.parametrize("name", ["solution", "half_done", pytest.param("untouched_release", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "damage",
    [
        "strip_metadata",
        "duplicate_solution_cells",
        "empty_check_cells",
        "skip_check_cells",
        "lose_ids",
        "choose_foreign_kernel",
        "delete_given_cells",
        "reverse_cells",
        "retype_cells",
        "fatten_outputs",
        "pickle_everywhere",
        "write_as_format_3",
    ],
)
def test_no_damage_changes_what_the_real_notebook_runs(name: str, damage: str):
    assert sources(rebuilt_case(case(name, damage))) == whole_sources(name)


def test_when_the_real_notebook_lost_its_metadata_then_the_notes_say_how_cells_were_found():
    notes = rebuilt_case(case("solution", "strip_metadata")).notes

    assert len([note for note in notes if "matched by similarity" in note]) == 9
    assert len([note for note in notes if "matched by its question" in note]) == 4


def test_when_the_real_notebook_is_reversed_then_what_runs_stays_the_same():
    whole = case("solution")
    notebook = json.loads(whole)
    notebook["cells"].reverse()

    assert sources(rebuilt_case(json.dumps(notebook).encode())) == sources(rebuilt_case(whole))


def test_when_many_cells_define_the_same_functions_then_they_cost_no_minute():
    """Comparing texts takes milliseconds: a thousand cells that claim to be each of nine others would take a minute."""
    names = [f"task_{letter}" for letter in "abcdefghi"]
    given = MasterCell("code", "import math", "imports", "imports")
    rng = random.Random(1)
    text = " ".join(f"{rng.randrange(16**3):x}" for _ in range(440))
    master = (given, *(MasterCell("code", f"def {n}(x):\n    return {text}", n, n, solution=True) for n in names))
    defined = "\n".join(f"def {name}(x): pass" for name in names)
    cells = [
        Cell("code", f"{defined}\n{' '.join(f'{rng.randrange(16**3):x}' for _ in range(440))}") for _ in range(1000)
    ]
    begin = time.process_time()
    rebuild(Submission("x", (*cells, Cell("code", "import math", grade_id="imports"))), master)

    assert time.process_time() - begin < 5


# --- a task that was removed since ---


def test_the_self_check_of_a_task_that_is_gone_is_not_run_and_the_answer_stays():
    later = tuple(cell for cell in MASTER if cell.grade_id not in ("halve", "check_halve"))
    result = rebuilt(handed_in(double=RIGHT, halve=HALF), later)

    assert added(result) == [HALF]
    assert "check_halve is the self-check of a task that is no longer asked, and is not run" in result.notes
    assert "1 added cell kept" in result.notes


def test_what_was_written_into_the_self_check_of_a_task_that_is_gone_runs_where_it_defines_names():
    later = tuple(cell for cell in MASTER if cell.grade_id != "check_halve")
    cells = handed_in(double=RIGHT, check_halve="def helper(x):\n    return x\ncheck(halve)")

    assert added(rebuilt(cells, later)) == ["def helper(x):\n    return x\ncheck(halve)"]


def test_a_cell_of_the_students_own_is_no_self_check_whatever_it_is_called():
    for cell in (Cell("code", "show(1)"), Cell("code", "show(1)", "check_mine"), Cell("code", "show(1)", "", "my_own")):
        assert added(rebuilt([*handed_in(double=RIGHT), cell])) == ["show(1)"]
