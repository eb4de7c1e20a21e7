"""What people are told of cells that raised errors: the first with its error, and not all that follow from it."""

import pytest

from autograder.intake.master import MasterCell
from autograder.intake.rebuild import RebuiltCell
from autograder.raised import Raised, as_syntax_error, error_text, errors_of_tasks, name_of_cell, what_raised

BROKEN = "def mac_ratio(a, b)\n    return a / b"
SYNTAX = "SyntaxError: expected ':' (<ipython-input-1>, line 1)"


def added(source: str) -> RebuiltCell:
    return RebuiltCell("code", source, None)


def of_master(source: str, grade_id: str, *, solution: bool = False, kind: str = "code") -> RebuiltCell:
    return RebuiltCell(kind, source, MasterCell(kind, source, "", grade_id, solution))


CELLS = (
    of_master("# Early exit\nText\n## 7. How much?\nMore", "text", kind="markdown"),
    of_master(BROKEN, "mac_ratio", solution=True),
    of_master("own = mac_ratio(1, 2)", "own-ratio"),
    of_master("print(own)", "show"),
    added("1 / 0"),
    of_master("plots.draw(own)", "plot-ratio"),
)


def test_the_first_is_told_with_its_line_and_those_that_need_what_it_defines_are_counted() -> None:
    raised = [
        Raised(1, SYNTAX),
        Raised(2, "NameError: name 'mac_ratio' is not defined"),
        Raised(3, "NameError: name 'own' is not defined"),
    ]

    assert what_raised(raised, CELLS) == (
        "Cell mac_ratio raised SyntaxError in line 1, \"def mac_ratio(a, b)\": expected ':'. "
        "2 cells that need what it defines raised one too."
    )
    assert what_raised(raised[:1], CELLS).endswith("expected ':'.")
    assert what_raised(raised[:2], CELLS).endswith("1 cell that needs what it defines raised one too.")


def test_of_the_others_those_that_the_student_wrote_are_told_and_the_rest_is_counted() -> None:
    raised = [
        Raised(2, "TypeError: bad operand"),
        Raised(4, "ZeroDivisionError: division by zero"),
        Raised(5, "NameError: name 'plots' is not defined"),
    ]

    assert what_raised(raised, CELLS) == (
        'Cell own-ratio below "7. How much?" raised TypeError: bad operand. '
        'Cell "1 / 0" raised ZeroDivisionError: division by zero. 1 cell more raised an error.'
    )


def test_a_notebook_of_a_thousand_errors_makes_a_short_message() -> None:
    cells = [added(f"cell_{number}()") for number in range(1000)]
    raised = [Raised(number, f"ValueError: {'x' * 5000}") for number in range(1000)]
    told = what_raised(raised, cells)

    assert told.count("ValueError") == 4 and told.endswith("996 cells more raised an error.")
    assert len(told) < 1200


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("KeyError: 'a'", "KeyError: 'a'"),
        ("E: one\ntwo\x1b[31m\u202ethree", "E: onetwo[31mthree"),
        (
            "ModuleNotFoundError: No module named 'scipy'",
            "ModuleNotFoundError (scipy is not installed where grading runs)",
        ),
        (
            "IndentationError: unexpected indent (a, line 2)",
            'IndentationError in line 2, "return a / b": unexpected indent',
        ),
        ("SyntaxError: invalid (a, line 9)", "SyntaxError in line 9: invalid"),
    ],
)
def test_an_error_is_told_in_one_line(error: str, told: str) -> None:
    assert error_text(error, BROKEN) == told


def test_a_given_cell_is_told_by_the_heading_above_it_and_others_by_what_they_are() -> None:
    names = [name_of_cell(CELLS, place) for place in range(1, 5)]

    assert names == ["mac_ratio", 'own-ratio below "7. How much?"', 'show below "7. How much?"', '"1 / 0"']
    assert name_of_cell(CELLS[1:], 1) == "own-ratio"


def test_the_error_of_a_task_is_that_of_the_cell_that_was_to_define_it() -> None:
    moved = (*CELLS, added("def other(x)\n    pass"))
    raised = [Raised(1, SYNTAX), Raised(2, "TypeError: no"), Raised(6, SYNTAX), Raised(6, "later")]

    assert errors_of_tasks(raised, moved, {"mac_ratio", "other", "third"}) == {
        "mac_ratio": "SyntaxError in line 1, \"def mac_ratio(a, b)\": expected ':'",
        "other": "SyntaxError in line 1, \"def other(x)\": expected ':'",
    }


def test_code_that_ends_too_early_is_a_syntax_error_whatever_python_calls_it() -> None:
    raised = as_syntax_error("_IncompleteInputError: incomplete input (123.py, line 2)")

    assert error_text(raised, "x = 1\nprint('a'") == "SyntaxError in line 2, \"print('a'\": incomplete input"
    assert as_syntax_error("Mine_IncompleteInputError: x") == "Mine_IncompleteInputError: x"
