"""A notebook made from another release: what that release changed is nobody's edit."""

import json
import time
from typing import Any

import nbformat
import pytest
from nbgrader.utils import compute_checksum
from small_course import cell, notebook

from autograder.intake.given import ORIGIN, READ
from autograder.intake.master import master_cells
from autograder.intake.parse import parse_notebook
from autograder.intake.rebuild import Rebuilt, rebuild

STUB = "def double(x):\n    y = ...\n    return y"
RIGHT = "def double(x):\n    return 2 * x"
QUESTION = "Why does it double a number, and never a word?\n\nYOUR ANSWER HERE"
TODAY = {
    "title": "# Numbers\n\nToday's text says what doubling is, and why one wants it.",
    "setup": "import math\nLIMIT = 3",
    "double": STUB,
    "check_double": "check(double)",
    "figure": "shown = draw(double)",
    "q_why": QUESTION,
}
LAST_YEAR = TODAY | {
    "title": "# Numbers and words\n\nWhat doubling is was told at length in those days, to everyone.",
    "setup": "import math\nfrom old import draw\nLIMIT = 2\nSCALE = 5\n\ndef scaled(x):\n    return SCALE * x",
    "figure": "points = draw(double)\nprint(points)",
}
SOLUTIONS = ("double", "q_why")


def released(texts: dict[str, str]) -> dict[str, Any]:
    """A notebook as nbgrader releases it, with its checksums."""
    cells = []
    for grade_id, text in texts.items():
        kind = "markdown" if grade_id == "title" or grade_id.startswith(("q_", "text")) else "code"
        points = 1 if grade_id.startswith(("q_", "check_")) else None
        cells.append(cell(kind, grade_id, text, points=points, solution=grade_id in SOLUTIONS))
    made = nbformat.from_dict(notebook(cells))
    for one in made.cells:
        one.metadata.nbgrader["checksum"] = compute_checksum(one)
    return json.loads(nbformat.writes(made))


def handed_in(of: dict[str, str] = LAST_YEAR, **written: str) -> Rebuilt:
    """A notebook of a release with what a student wrote, put into today's."""
    document = released(of)
    for one in document["cells"]:
        grade_id = one["metadata"]["nbgrader"]["grade_id"]
        one["source"] = written.get(grade_id, one["source"])
    return rebuild(parse_notebook(json.dumps(document).encode(), "alice"), master_cells(released(TODAY)))


def layout(result: Rebuilt) -> list[str]:
    """The cells in their order: a grade_id, or the text of one that today's release lacks, without its origin."""
    return [cell.master.grade_id if cell.master else cell.source.removeprefix(f"{ORIGIN}\n") for cell in result.cells]


def test_what_a_release_changed_is_no_edit_and_nothing_of_it_is_run():
    result = handed_in(double=RIGHT, q_why=f"{QUESTION}\n\nBecause of the two.")

    given = ("title", "setup", "figure")
    assert (result.notes, result.other_release) == ((), given)
    assert layout(result) == list(TODAY)
    assert [cell.source for cell in result.cells if cell.is_given] == [TODAY[name] for name in given]


def test_the_text_of_another_release_is_nobodys_answer():
    assert handed_in(double=RIGHT).unanswered == {"q_why"}


def test_what_an_answer_needs_of_the_other_release_is_kept_with_what_that_needs():
    result = handed_in(double="def double(x):\n    return 2 * scaled(x) // 5")

    assert result.notes == ()
    scale, scaled = "SCALE = 5", "def scaled(x):\n    return SCALE * x"
    assert layout(result) == ["title", "setup", scale, scaled, "double", "check_double", "figure", "q_why"]
    assert [cell.source for cell in result.cells if not cell.master] == [f"{ORIGIN}\n{scale}", f"{ORIGIN}\n{scaled}"]


def test_what_a_student_edited_is_told_as_ever():
    result = handed_in(double=RIGHT, setup=LAST_YEAR["setup"] + "\nMINE = 4")

    assert result.notes[0] == "cell setup differs from the released one, which is used"
    assert "MINE = 4" in layout(result)
    assert result.other_release == ("title", "figure")


def test_given_cells_that_are_gone_today_are_not_added_ones():
    gone = {"text-old": "A paragraph that nobody needs any more.", "old": "plot(double)", "check_old": "check(old)"}
    result = handed_in({**LAST_YEAR, **gone}, double=RIGHT)

    assert (result.notes, result.other_release[-3:]) == ((), tuple(gone))
    assert layout(result) == list(TODAY)


def test_a_given_cell_that_is_gone_today_is_kept_where_an_answer_needs_it():
    old = "def plus(a, b):\n    return a + b"
    result = handed_in({"old": old, **LAST_YEAR}, double="def double(x):\n    return plus(x, x)")

    assert result.notes == ()
    assert layout(result) == [old, *TODAY]


def test_a_magic_of_a_cell_that_is_kept_stays_in_its_first_line():
    result = handed_in({"old": "%%capture\nword = 1", **LAST_YEAR}, double="def double(x):\n    return word")

    assert next(cell.source for cell in result.cells if not cell.master) == "%%capture\nword = 1"


@pytest.mark.parametrize("answer", ["def double(x):\n    return eval('scaled(x)')", "%%time\nscaled(2)", "scaled(2"])
def test_where_code_cannot_be_followed_its_words_are_what_it_uses(answer: str):
    result = handed_in(double=answer)

    kept = [text for text in layout(result) if text not in TODAY]
    assert kept == ["SCALE = 5", "def scaled(x):\n    return SCALE * x"]


def test_what_a_self_check_of_the_other_release_defined_stands_before_todays():
    older = {**TODAY, "check_double": "def twice(x):\n    return x + x\n\ncheck(double, twice)"}
    result = handed_in(older, double="def double(x):\n    return twice(x)")

    assert layout(result)[2:5] == ["double", "def twice(x):\n    return x + x", "check_double"]
    assert (result.notes, result.other_release) == ((), ("check_double",))


def test_the_release_itself_is_no_other_one_whatever_editors_do_to_its_blanks():
    result = handed_in({name: text + "\t\n" for name, text in TODAY.items()}, double=RIGHT)

    assert (result.notes, result.other_release) == ((), ())


def test_a_task_that_was_given_away_by_the_other_release_is_answered_by_it():
    older = {name: text for name, text in LAST_YEAR.items() if name != "double"}
    result = handed_in({"given": RIGHT, **older})

    assert [cell.source for cell in result.cells if "def double" in cell.source] == [f"{ORIGIN}\n{RIGHT}"]


def test_more_code_than_a_release_holds_costs_no_seconds_and_counts_as_edited():
    begin = time.process_time()
    chained = "\n".join(f"a{number} = a{number - 1}" for number in range(1400, 0, -1))
    result = handed_in({**TODAY, **{f"more{number}": f"{chained}\n# {number}" for number in range(8)}}, double=RIGHT)

    assert len(result.other_release) == READ // len(f"{chained}\n# 1")
    assert result.notes[-1] == f"{8 - len(result.other_release)} added cells kept"
    assert time.process_time() - begin < 5
