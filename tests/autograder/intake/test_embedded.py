"""Pictures in the text of a cell: marked at their places, and none of them costs the words around it."""

import json
import time
import tracemalloc
from typing import Any

import pytest
from drawn import drawn, text

from autograder.intake.embedded import DATA, MARK, MAX_PICTURES, MAX_SUM, Album, marked, released_text
from autograder.intake.parse import MAX_SOURCE, Submission, parse_notebook
from autograder.pictures import MAX_BYTES, Picture

PLOT = text(drawn("png"))
URI = f"data:image/png;base64,{PLOT}"


def parse(source: str, **more: Any) -> Submission:
    cell = {"cell_type": "markdown", "source": source} | more
    return parse_notebook(json.dumps({"cells": [cell], "nbformat": 4}).encode(), "alice")


@pytest.mark.parametrize(
    "written",
    [
        f"![plot.png]({URI})",
        f"![]({URI})",
        f"![my [first] plot]( {URI} )",
        f'![plot]({URI} "a title")',
        f"![plot](<{URI}>)",
        f'<img src="{URI}" width="80">',
        f"<img alt='a' src='{URI}'/>",
        f"<img src={URI}>",
        URI,
    ],
)
def test_a_picture_in_the_text_leaves_a_mark_and_every_word(written: str) -> None:
    submission = parse(f"BEFORE {written} AFTER")

    assert submission.cells[0].source == "BEFORE [picture 1] AFTER"
    assert submission.pictures == {"[picture 1]": Picture("image/png", PLOT)}


@pytest.mark.parametrize("name", ["image.png", "my plot (1).png", "0b9c.png", "bild ü.png"])
@pytest.mark.parametrize("quoted", [True, False])
def test_an_attachment_leaves_a_mark_too(name: str, quoted: bool) -> None:
    from urllib.parse import quote

    written = quote(name) if quoted else name
    attachments = {"other.png": {"image/png": "x"}, name: {"text/plain": "t", "image/png": [PLOT[:9], PLOT[9:]]}}
    submission = parse(f"a\n\n![x](attachment:{written}) b", attachments=attachments)

    assert submission.cells[0].source == "a\n\n[picture 1] b"
    assert submission.pictures == {"[picture 1]": Picture("image/png", PLOT)}


def test_an_attachments_name_may_be_of_any_letters() -> None:
    submission = parse(
        "![x](attachment:b) c", attachments={"\ud800": {"image/png": PLOT}, "n" * 400: {"image/png": "x"}}
    )

    assert submission.cells[0].source.endswith(" c")


def test_a_long_picture_is_read_without_remembering_each_step() -> None:
    tracemalloc.start()
    marked(f"![](data:image/png;base64,{'A' * 3_000_000})", {}, Album())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 60 << 20  # and the regular expression's own memory, which is not traced, with it
    assert "]++" in DATA


def test_two_pictures_without_a_blank_between_them_are_two() -> None:
    assert parse(f"![a]({URI})![b]({URI})").cells[0].source == "[picture 1][picture 2]"


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("![a](data:image/svg+xml;base64,PHN2Zy8+)", "it is SVG"),
        ("![a](data:image/svg+xml,%3Csvg%20onload=alert(1)%3E)", "it is SVG"),
        ("![a](data:image/png;base64,AAAA)", "it is not PNG, JPEG or GIF"),
        ("![a](data:image/png,AAAA)", "it is not PNG, JPEG or GIF"),
        (f"![a](data:image/png;base64,{PLOT[:80]})", "it is damaged"),
        (f"![a](data:image/png;base64,{'A' * (2 * MAX_BYTES + 1)})", "it is larger than 4 MiB"),
        ("![a](attachment:lost.png)", "the cell has no such attachment"),
    ],
)
def test_a_picture_that_is_not_shown_leaves_its_reason(written: str, why: str) -> None:
    source = parse(f"BEFORE {written} AFTER").cells[0].source

    assert source.startswith(f"BEFORE [a picture was left out: {why}]")
    assert source.endswith(" AFTER")


@pytest.mark.parametrize("words", ["an attachment: see", "(attachment:x)", "data:text/html;base64,AA==", "![", "]("])
def test_words_that_only_look_so_stay(words: str) -> None:
    assert parse(words).cells[0].source == words


def test_code_stays_as_it_is() -> None:
    assert parse(URI, cell_type="code").cells[0].source == URI


def test_ten_thousand_pictures_cost_no_minute_and_are_counted() -> None:
    begin = time.process_time()
    submission = parse(f"![a]({URI})\n" * 10_000)

    assert time.process_time() - begin < 10
    assert len(submission.pictures) == MAX_PICTURES
    assert f"[a picture was left out: the notebook has more than {MAX_PICTURES}]" in submission.cells[0].source
    assert len(submission.cells[0].source) <= MAX_SOURCE + 20


def test_an_attachment_that_is_shown_ten_thousand_times_costs_no_minute() -> None:
    begin = time.process_time()
    parse("![](attachment:a)" * 10_000, attachments={"a": {"image/png": "A" * MAX_BYTES}})

    assert time.process_time() - begin < 10


@pytest.mark.parametrize("words", ["![", "<img ", "![](attachment:", "data:image/png;base64,", "](", "attachment: "])
def test_what_only_begins_like_pictures_costs_no_minute(words: str) -> None:
    begin = time.process_time()
    parse(words * 100_000)

    assert time.process_time() - begin < 10


def test_all_pictures_together_are_bounded() -> None:
    album = Album()
    large = text(drawn("png")[:-12] + bytes(MAX_BYTES - 100_000) + drawn("png")[-12:])
    marks = [album.mark("image/png", large) for _ in range(6)]

    assert sum(len(one.base64) for one in album.pictures.values()) <= MAX_SUM
    assert marks[-1] == "[a picture was left out: those of the notebook are larger than 16 MiB together]"


def test_every_mark_is_known_again() -> None:
    album = Album()
    for written in (URI, "data:image/svg+xml;base64,", "data:image/png;base64,AAAA", "![](attachment:a)"):
        assert MARK.fullmatch(marked(written, {}, album))


def test_a_released_picture_is_no_edit() -> None:
    released = f"See ![a]({URI}) and ![b](attachment:b.png)."

    assert released_text(released) == "See  and ."
