"""What is read back from a graded notebook: a student's answers and figures, bounded."""

import base64
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from autograder.records import work as reading
from autograder.records.work import graded_notebook_of, work_in
from autograder.work import Work


def png(width: int = 1, noise: int = 0) -> str:
    """A picture as base64, with ``noise`` bytes in it."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, 1, 8, 0, 0, 0, 0))
    raw = b"\x89PNG\r\n\x1a\n" + head + chunk(b"tEXt", b"x" * noise) + chunk(b"IEND", b"")
    return base64.b64encode(raw).decode()


def cell(kind: str, source: str, name: str = "", *, solution: bool = False, **more: Any) -> dict[str, Any]:
    metadata = {"nbgrader": {"grade_id": name, "solution": solution}} if name else {}
    return {"cell_type": kind, "source": source, "metadata": metadata, **more}


def shown(picture: str, alt: str = "", mime: str = "image/png") -> dict[str, Any]:
    metadata = {mime: {"alt": alt}} if alt else {}
    return {"outputs": [{"output_type": "display_data", "data": {mime: picture}, "metadata": metadata}]}


def load(tmp_path: Path, *cells: dict[str, Any]) -> Work:
    file = tmp_path / "autograded" / "ann" / "small" / "small.ipynb"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"cells": list(cells)}))
    return work_in(graded_notebook_of(tmp_path, "small", "ann"))


def test_answers_have_the_heading_above_them_without_its_points(tmp_path: Path) -> None:
    work = load(
        tmp_path,
        cell("markdown", "# The lesson\n\ntext\n\n### Task 1 (2 points): `the` ratio", "text-1"),
        cell("code", "def ratio(): ...", "ratio", solution=True),
        cell("code", "check", "check_ratio"),
        cell("code", "def other(): ...", "other", solution=True),
        cell("markdown", "Why?\n\nYOUR ANSWER HERE", "q_why", solution=True),
    )

    assert work.headings == {"ratio": "Task 1: the ratio", "other": "", "q_why": ""}
    assert [piece.source for piece in work.answers["ratio"]] == ["def ratio(): ..."]
    assert [(piece.code, piece.source) for piece in work.answers["q_why"]] == [(False, "Why?")]


def test_cells_right_below_an_answer_belong_to_it(tmp_path: Path) -> None:
    work = load(
        tmp_path,
        cell("code", "one", "task", solution=True),
        cell("code", "two"),
        cell("code", "check", "check_task"),
        cell("code", "experiment"),
    )

    assert [piece.source for piece in work.answers["task"]] == ["one", "two"]


def test_an_error_is_told_in_one_line(tmp_path: Path) -> None:
    error = {"output_type": "error", "ename": "NameError", "evalue": "x" * 1000, "traceback": []}
    work = load(tmp_path, cell("code", "x", "task", solution=True, outputs=[error]))

    assert work.answers["task"][0].error.startswith("NameError: xxx")
    assert len(work.answers["task"][0].error) < 400


def test_figures_are_those_after_the_first_task_with_what_they_show(tmp_path: Path) -> None:
    work = load(
        tmp_path,
        cell("code", "everybody's", "given", **shown(png())),
        cell("code", "task", "task", solution=True),
        cell("markdown", "## Loss", "loss-text"),
        cell("code", "plot", "plot", **shown(png(2), "A line\nthat falls.")),
        cell("code", "own", **shown(png(3))),
    )

    assert [(one.cell, one.alt, one.heading) for one in work.figures] == [
        ("cell plot", "A line that falls.", "Loss"),
        ("a cell that you added", "", "Loss"),
    ]


@pytest.mark.parametrize("bad", ["", "not base64!", base64.b64encode(b"<svg onload=x>").decode(), png(10**6)[:-9]])
def test_what_is_no_picture_is_no_figure(tmp_path: Path, bad: str) -> None:
    task = cell("code", "task", "task", solution=True)

    assert load(tmp_path, task, cell("code", "plot", "plot", **shown(bad))).figures == ()
    assert load(tmp_path, task, cell("code", "plot", "plot", **shown(bad, mime="image/gif"))).figures == ()
    assert load(tmp_path, task, cell("code", "plot", "plot", **shown(png(), mime="text/html"))).figures == ()


def test_pictures_of_an_answer_come_with_it(tmp_path: Path) -> None:
    attachments = {"picture-1": {"image/png": png()}, "bad": {"image/svg+xml": "<svg/>"}}
    answer = cell("markdown", "![picture](attachment:picture-1)", "q", solution=True, attachments=attachments)

    assert list(load(tmp_path, answer).answers["q"][0].pictures) == ["picture-1"]


def test_a_page_has_only_so_many_pictures_and_says_how_many_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = [cell("code", "task", "task", solution=True)]
    cells += [cell("code", "plot", "plot", **shown(png(noise=1000))) for _ in range(reading.MAX_FIGURES + 2)]
    assert load(tmp_path, *cells).left_out == 2

    monkeypatch.setattr(reading, "MAX_PICTURES", 3000)
    work = load(tmp_path, *cells)
    assert (len(work.figures), work.left_out) == (2, reading.MAX_FIGURES)


def test_a_long_cell_is_shortened_and_of_many_cells_some_are_shown(tmp_path: Path) -> None:
    work = load(tmp_path, cell("code", "x" * 10**6, "task", solution=True), *[cell("code", "more")] * 100)

    assert len(work.answers["task"]) == reading.MAX_PIECES
    assert len(work.answers["task"][0].source) < reading.MAX_SOURCE + 20
    lines = load(tmp_path, cell("code", "\n" * 10_000, "task", solution=True)).answers["task"][0].source
    assert len(lines.splitlines()) == reading.MAX_LINES + 2, "and a word that says so"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"cells": 3}', '{"cells": [{}]}', '{"cells": [{"metadata": 1}]}', "[" * 100_000, "\ud800"]
)
def test_what_is_no_graded_notebook_shows_nothing(tmp_path: Path, text: str) -> None:
    load(tmp_path)
    (tmp_path / "autograded/ann/small/small.ipynb").write_bytes(text.encode("utf-8", "surrogatepass"))

    assert work_in(graded_notebook_of(tmp_path, "small", "ann")) == Work()


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.records.work.MAX_BYTES", 10)

    assert load(tmp_path, cell("code", "x", "task", solution=True)) == Work()


def test_a_student_without_a_graded_notebook_has_nothing(tmp_path: Path) -> None:
    assert work_in(graded_notebook_of(tmp_path, "small", "bob")) == Work()
