"""Reading a notebook as data: what is taken, what is refused and in which words."""

import json
from typing import Any

import pytest
from sample_class import ROOT

from autograder.errors import BadSubmission
from autograder.intake.parse import MAX_CELLS, MAX_SOURCE, Cell, Submission, parse_notebook
from autograder.results import Verdict

ODD = [None, True, 7, 1.5, "text", [], {}, [1, None, {}], {"a": [1]}]


def parse(cells: object, **more: object) -> Submission:
    return parse_notebook(json.dumps({"cells": cells, "nbformat": 4} | more).encode(), "alice")


def code(source: object = "x = 1", **more: object) -> dict[str, Any]:
    return {"cell_type": "code", "source": source} | more


def refusal(data: bytes) -> BadSubmission:
    with pytest.raises(BadSubmission) as caught:
        parse_notebook(data, "alice")
    return caught.value


def test_a_cell_is_its_kind_its_text_its_ids_and_its_outputs():
    output = {"output_type": "stream", "text": "1"}
    metadata = {"nbgrader": {"grade_id": "mac_ratio", "solution": True}, "tags": ["skip-execution"]}

    assert parse([code(["a\n", "b"], id="mac-ratio", metadata=metadata, outputs=[output])]) == Submission(
        "alice", (Cell("code", "a\nb", "mac-ratio", "mac_ratio", (output,)),)
    )


def test_when_ids_and_metadata_are_lost_then_they_are_empty():
    assert parse([code()]).cells == (Cell("code", "x = 1"),)


def test_cells_of_a_kind_we_do_not_know_are_text():
    cells = [code(cell_type=kind) for kind in ("code", "markdown", "raw", "heading", "sql", None, ["code"], {})]

    assert [cell.kind for cell in parse(cells).cells] == ["code", "markdown", "raw"] + ["markdown"] * 5


def test_format_3_is_read():
    sheets = [
        {"cells": [{"cell_type": "code", "input": ["x = 1\n", "y = 2"], "outputs": [{"output_type": "pyout"}]}]},
        "no sheet",
        {"cells": [{"cell_type": "markdown", "source": "text"}]},
        {"cells": None},
    ]

    submission = parse_notebook(json.dumps({"nbformat": 3, "worksheets": sheets}).encode(), "alice")
    assert submission.cells == (
        Cell("code", "x = 1\ny = 2", outputs=({"output_type": "pyout"},)),
        Cell("markdown", "text"),
    )


def test_a_byte_order_mark_does_no_harm():
    data = b"\xef\xbb\xbf" + json.dumps({"cells": [code()]}).encode()

    assert parse_notebook(data, "alice").cells == (Cell("code", "x = 1"),)


def test_a_lone_surrogate_is_replaced_so_that_the_text_can_be_written():
    (cell,) = parse_notebook(rb'{"cells": [{"source": "a\ud800b", "id": "\udc00"}]}', "alice").cells

    assert (cell.source, cell.cell_id) == ("a?b", "?")


def test_a_surrogate_pair_is_a_letter():
    (cell,) = parse_notebook(rb'{"cells": [{"source": "\ud83d\ude00"}]}', "alice").cells

    assert cell.source == "😀"


def test_numbers_that_are_none_do_no_harm():
    (cell,) = parse_notebook(b'{"cells": [{"source": "x", "outputs": [NaN, Infinity, 1e999]}], "y": NaN}', "a").cells

    assert len(cell.outputs) == 3


@pytest.mark.parametrize("data", [b"", b"  \n\t "])
def test_when_the_file_has_nothing_in_it_then_it_is_empty(data: bytes):
    error = refusal(data)

    assert (error.verdict, str(error)) == (Verdict.EMPTY, "The file handed in is empty.")


@pytest.mark.parametrize("cells", [[], [code("")], [code(" \n"), code([])], [code(None)], [{}, 3, None]])
def test_when_no_cell_has_anything_in_it_then_it_is_empty(cells: list[Any]):
    error = refusal(json.dumps({"cells": cells}).encode())

    assert (error.verdict, str(error)) == (Verdict.EMPTY, "The notebook handed in has no cell with anything in it.")


@pytest.mark.parametrize("data", [b"\xff\xfe{\0}\0", b"\x89PNG\r\n\x1a\n\xff", '{"ä": 1}'.encode("latin-1")])
def test_when_the_file_is_not_utf8_then_the_refusal_says_so(data: bytes):
    error = refusal(data)

    assert (error.verdict, str(error)) == (Verdict.BAD_FILE, "The file is not UTF-8 text, so it is no notebook.")


@pytest.mark.parametrize("data", [b"[" * 200_000, b'{"a":' * 200_000, b'{"cells": [' + b"[" * 200_000, b"[" * 9**6])
def test_when_the_file_is_nested_too_deeply_then_the_refusal_says_so(data: bytes):
    error = refusal(data)

    assert (error.verdict, str(error)) == (Verdict.BAD_FILE, "The file is nested too deeply to be a notebook.")


@pytest.mark.parametrize(
    "data", [b'{"cells": [{"sour', b"print(1)", b"PK\3\4", b"{'cells': []}", b'{"cells": []}}', b"\0"]
)
def test_when_the_json_is_damaged_then_the_refusal_says_where(data: bytes):
    error = refusal(data)

    assert error.verdict is Verdict.BAD_FILE
    assert str(error).startswith("The file is not a complete notebook; its JSON breaks off or is damaged (")
    assert "char" in str(error)


def test_when_a_number_is_absurdly_long_then_the_file_is_refused():
    assert refusal(b'{"cells": [], "nbformat": ' + b"9" * 100_000 + b"}").verdict is Verdict.BAD_FILE


@pytest.mark.parametrize("data", [b"[]", b'"cells"', b"3", b"null", b"NaN", b'[{"cells": []}]'])
def test_when_the_json_is_no_object_then_the_refusal_says_so(data: bytes):
    error = refusal(data)

    assert error.verdict is Verdict.BAD_FILE
    assert str(error) == "The file is JSON but no notebook: it does not hold an object."


@pytest.mark.parametrize("data", [b"{}", b'{"cells": {}}', b'{"cells": "x"}', b'{"cells": null}', b'{"worksheets": 3}'])
def test_when_there_is_no_list_of_cells_then_the_refusal_says_so(data: bytes):
    error = refusal(data)

    assert error.verdict is Verdict.BAD_FILE
    assert str(error) == "The file is JSON but no notebook: it has no list of cells."


def test_when_there_are_too_many_cells_then_the_refusal_says_how_many():
    assert len(parse([code()] * MAX_CELLS).cells) == MAX_CELLS
    error = refusal(json.dumps({"cells": [code()] * (MAX_CELLS + 1)}).encode())

    assert (error.verdict, str(error)) == (Verdict.BAD_FILE, "The notebook has 2001 cells; expected at most 2000.")


def test_when_a_cell_is_too_long_then_the_refusal_says_how_long_it_may_be():
    assert parse([code("x" * MAX_SOURCE)]).cells
    error = refusal(json.dumps({"cells": [code(), code("x" * (MAX_SOURCE + 1))]}).encode())

    assert (error.verdict, str(error)) == (Verdict.BAD_FILE, "A cell is longer than 1048576 characters.")


def test_when_a_text_is_too_long_then_it_is_shortened_and_says_so():
    (cell,) = parse([code("x" * (MAX_SOURCE + 1), cell_type="markdown")]).cells

    assert cell.source == "x" * MAX_SOURCE + "\n[shortened]"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_in_one_way_and_a_byte_order_mark_is_gone(end: str):
    assert parse([code(f"\ufeffa = 1{end}b = 2")]).cells[0].source == "a = 1\nb = 2"


def test_letters_of_texts_are_composed_and_code_is_left_alone():
    source = "e\u0301"

    assert [cell.source for cell in parse([code(source, cell_type="markdown"), code(source)]).cells] == ["\xe9", source]


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_a_value_of_any_type_in_any_place_does_no_harm(odd: object):
    cells: list[object] = [odd, code()]
    for key in ("cell_type", "source", "input", "id", "metadata", "outputs", "attachments", "execution_count"):
        cells.append(code() | {key: odd})
    cells += [code(metadata={"nbgrader": odd}), code(metadata={"nbgrader": {"grade_id": odd}}), code([odd, [odd]])]

    for cell in parse(cells, metadata=odd, nbformat=odd, worksheets=odd).cells:
        assert cell.kind in ("code", "markdown", "raw")
        assert all(isinstance(text, str) for text in (cell.source, cell.cell_id, cell.grade_id))
        assert isinstance(cell.outputs, tuple)


def test_ids_are_bounded():
    (cell,) = parse([code(id="i" * 9999, metadata={"nbgrader": {"grade_id": "g" * 9999}})]).cells

    assert (len(cell.cell_id), len(cell.grade_id)) == (128, 128)


# --- what a release wrote ---


def test_every_given_cell_is_as_nbgrader_released_it_until_it_is_edited():
    released = json.loads((ROOT / "assignment" / "early_exit" / "early_exit.ipynb").read_text())
    given = [not cell["metadata"]["nbgrader"]["solution"] for cell in released["cells"]]
    edited = [cell | {"source": [*cell["source"], "#"]} for cell in released["cells"]]

    assert [cell.as_released for cell in parse(released["cells"]).cells] == given
    assert not any(cell.as_released for cell in parse(edited).cells)


def test_lines_that_end_in_cr_lf_are_no_edit():
    released = json.loads((ROOT / "assignment" / "early_exit" / "early_exit.ipynb").read_text())
    cells = [cell | {"source": "".join(cell["source"]).replace("\n", "\r\n")} for cell in released["cells"]]

    assert [cell.as_released for cell in parse(cells).cells] == [
        cell.as_released for cell in parse(released["cells"]).cells
    ]


@pytest.mark.parametrize("field", ["checksum", "grade_id", "grade", "locked", "solution", "points"])
@pytest.mark.parametrize("odd", [*ODD, 10**400, "nan", float("inf")], ids=lambda odd: repr(odd)[:20])
def test_odd_values_in_its_metadata_make_a_cell_no_released_one(field: str, odd: object):
    nbgrader = {"grade_id": "check", "grade": True, "points": 1, "locked": True, "solution": False, "checksum": "a"}

    assert not parse([code(metadata={"nbgrader": nbgrader | {field: odd}})]).cells[0].as_released
