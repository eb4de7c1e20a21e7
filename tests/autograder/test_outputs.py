"""Only text and PNG pictures survive, whatever a kernel or a file says its outputs are."""

import base64
import json
import struct
import time

import pytest

from autograder.outputs import MAX_OUTPUTS, MAX_TEXT, harmless_markdown, safe_outputs
from autograder.pictures import ENDS, MAX_BYTES, PNG

END = ENDS["image/png"]
HEADER = PNG + struct.pack(">I4sII", 13, b"IHDR", 640, 480)
PICTURE = base64.b64encode(HEADER + b"pixels" + END).decode()
ODD = [None, True, 7, 1.5, float("nan"), "text", [], {}, [1, None, {}], {"a": [1]}]


def stream(text: object, name: object = "stdout") -> dict:
    return {"output_type": "stream", "name": name, "text": text}


def display(**bundle: object) -> dict:
    data = {name.replace("_", "/"): value for name, value in bundle.items()}
    return {"output_type": "display_data", "data": data, "metadata": {}}


def test_printed_text_is_kept():
    assert safe_outputs([stream("a"), stream("b", "stderr")]) == [stream("a"), stream("b", "stderr")]


def test_neighbouring_pieces_of_one_stream_become_one():
    assert safe_outputs([stream("a"), stream(["b", "c"]), stream("d", "stderr"), stream("e")]) == [
        stream("abc"),
        stream("d", "stderr"),
        stream("e"),
    ]


def test_a_stream_of_an_unknown_name_is_stdout():
    assert safe_outputs([stream("a", "<script>")]) == [stream("a")]


def test_a_raised_error_is_kept_as_text():
    error = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["one", ["t", "wo"], 3]}

    assert safe_outputs([error]) == [{**error, "traceback": ["one", "two", ""]}]


def test_a_result_is_kept_as_a_display():
    result = {"output_type": "execute_result", "execution_count": 3, "data": {"text/plain": ["0.", "91"]}}

    assert safe_outputs([result]) == [display(text_plain="0.91")]


def test_a_png_picture_is_kept():
    assert safe_outputs([display(image_png=PICTURE)]) == [display(image_png=PICTURE)]


def test_line_breaks_in_a_picture_are_lost_and_the_picture_is_not():
    assert safe_outputs([display(image_png=[PICTURE[:8] + "\n", PICTURE[8:] + "\n"])]) == [display(image_png=PICTURE)]


@pytest.mark.parametrize(
    "mime",
    [
        "text/html",
        "application/javascript",
        "text/markdown",
        "text/latex",
        "application/vnd.jupyter.widget-view+json",
        "IMAGE/PNG",
        "image/png ",
    ],
)
def test_what_a_browser_could_run_or_we_do_not_know_is_dropped(mime: str):
    output = {"output_type": "display_data", "data": {mime: "<script>alert(1)</script>", "text/plain": "<Figure>"}}

    assert safe_outputs([output]) == [display(text_plain="<Figure>")]


def test_a_display_of_which_nothing_may_be_kept_is_dropped():
    assert safe_outputs([display(text_html="<b>"), display()]) == []


def test_the_plain_text_of_a_picture_becomes_its_alternative_text_and_can_end_no_attribute():
    output = display(text_plain='two "curves" <b onload=x> & more', image_png=base64.b64encode(HEADER + END).decode())

    (kept,) = safe_outputs([output])

    assert kept["metadata"] == {"image/png": {"alt": "two  curves   b onload=x    more"}}
    assert kept["data"]["text/plain"] == 'two "curves" <b onload=x> & more'


def test_metadata_of_an_output_are_dropped():
    output = display(text_plain="x") | {"metadata": {"image/png": {"width": "1 onload=alert(1)"}}, "transient": {}}

    assert safe_outputs([output]) == [display(text_plain="x")]


@pytest.mark.parametrize(
    "picture",
    [
        "<svg onload=alert(1)>",
        base64.b64encode(b"<html><script>").decode(),
        base64.b64encode(PNG[:-1]).decode(),
        '"><script>alert(1)</script>',
        "A",
        "é" * 8,
        "\ud800",
    ],
)
def test_a_picture_that_is_no_picture_leaves_a_line(picture: str):
    ((output),) = safe_outputs([display(image_png=picture)])

    assert output["data"].keys() == {"text/plain"}
    assert output["data"]["text/plain"].startswith("[a picture was left out: it is ")


def test_no_picture_at_all_leaves_nothing():
    assert safe_outputs([display(image_png="")]) == []


def test_nothing_hides_between_the_letters_of_a_picture():
    (output,) = safe_outputs([display(image_png=PICTURE[:12] + '"><?>' + PICTURE[12:])])

    assert output == display(image_png=PICTURE)


def test_a_picture_that_is_too_large_is_dropped():
    just_right = base64.b64encode(HEADER + bytes(MAX_BYTES - len(HEADER + END)) + END).decode()
    too_large = base64.b64encode(HEADER + bytes(MAX_BYTES) + END).decode()
    line = "[a picture was left out: it is larger than 4 MiB]"

    assert "image/png" in safe_outputs([display(image_png=just_right)])[0]["data"]
    for picture in (too_large, too_large * 3):
        assert safe_outputs([display(image_png=picture)])[0]["data"] == {"text/plain": line}


def test_long_text_is_shortened_and_says_so():
    (output,) = safe_outputs([stream("x" * (MAX_TEXT + 1))])

    assert output["text"] == "x" * MAX_TEXT + "\n[shortened]"


def test_pieces_of_one_stream_are_bounded_together():
    (output,) = safe_outputs([stream("x" * MAX_TEXT)] * 5)

    assert output["text"] == "x" * MAX_TEXT + "\n[shortened]"


def test_many_outputs_are_cut_off():
    assert len(safe_outputs([display(text_plain="x")] * (MAX_OUTPUTS + 50))) == MAX_OUTPUTS


def test_a_flood_of_small_pieces_costs_no_more_than_its_length():
    begin = time.process_time()
    safe_outputs([stream("x" * 40)] * 60_000)  # 5 MB of a submitted file

    assert time.process_time() - begin < 1.0


def test_an_error_is_bounded():
    error = {"output_type": "error", "ename": "E" * 10_000, "evalue": "v" * 10_000, "traceback": ["line"] * 10_000}
    (output,) = safe_outputs([error])

    assert [len(output[part]) for part in ("ename", "evalue", "traceback")] == [200, 2000, 100]


def test_lone_surrogates_are_replaced_so_that_the_text_can_be_written():
    outputs = safe_outputs(
        [stream("a\ud800b"), display(text_plain="\udfff"), {"output_type": "error", "evalue": "\ud800"}]
    )

    assert [outputs[0]["text"], outputs[1]["data"]["text/plain"], outputs[2]["evalue"]] == ["a?b", "?", "?"]


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_a_value_of_any_type_in_any_place_does_no_harm(odd: object):
    outputs = [odd]
    for kind in ("stream", "error", "pyerr", "display_data", "execute_result", "pyout", "update_display_data", odd):
        outputs.append({"output_type": kind})
        for key in ("name", "text", "data", "metadata", "ename", "evalue", "traceback", "execution_count"):
            outputs.append({"output_type": kind, key: odd})
        outputs.append({"output_type": kind, "data": {"text/plain": odd, "image/png": odd}})
        outputs.append({"output_type": kind, "traceback": [odd, [odd]]})

    for output in safe_outputs(outputs):
        json.dumps(output, allow_nan=False).encode()
        assert output["output_type"] in ("stream", "error", "display_data")
        assert set(output.get("data", {})) <= {"text/plain", "image/png"}
        assert all(isinstance(text, str) for text in output.get("data", {}).values())
        assert isinstance(output.get("text", ""), str)


def test_the_given_outputs_stay_as_they_are():
    given = [stream("a"), stream("b")]
    safe_outputs(given)

    assert given == [stream("a"), stream("b")]


def test_results_of_the_old_format_are_read():
    """Format 3 keeps the data in the output itself, under names of its own."""
    outputs = [
        {"output_type": "stream", "stream": "stderr", "text": ["a"]},
        {"output_type": "pyout", "prompt_number": 3, "text": ["0.91"], "html": ["<script>"]},
        {"output_type": "display_data", "png": PICTURE, "svg": "<svg>"},
        {"output_type": "pyerr", "ename": "ValueError", "evalue": "no", "traceback": []},
    ]

    assert safe_outputs(outputs) == [
        stream("a", "stderr"),
        display(text_plain="0.91"),
        display(image_png=PICTURE),
        {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": []},
    ]


@pytest.mark.parametrize(("width", "height"), [(30_000, 30_000), (2**31 - 1, 1), (1, 2**31 - 1), (0, 0)])
def test_a_picture_of_more_pixels_than_a_browser_can_show_is_dropped(width: int, height: int):
    header = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height)
    picture = base64.b64encode(header + b"\x08\x02\0\0\0" + bytes(40)).decode()

    (output,) = safe_outputs([{"output_type": "display_data", "data": {"image/png": picture}}])

    why = "it has more than 25 million pixels" if width else "it is damaged"
    assert output["data"] == {"text/plain": f"[a picture was left out: {why}]"}


@pytest.mark.parametrize("piece", [r"\begin{a}", r"\\(", "[x](", "**a", "`a", "> "])
def test_what_takes_a_page_long_to_read_is_cut_off(piece: str):
    text = harmless_markdown(piece * 100_000)

    assert len(text) < 30_000
    assert "shortened" in text


def test_no_link_comes_from_a_token_of_a_formula():
    assert r"\mmlToken" not in harmless_markdown(r"$\mmlToken{mi}[href='javascript:x']{a}$")
