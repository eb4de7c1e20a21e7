"""Reads a student's answers and figures from the graded notebook in the workspace's autograded folder.

graded_notebook.py wrote that notebook, so its outputs are text and pictures. Every picture is looked at again, because
the file lies where people and nbgrader work. What is read is bounded, and so is the page that shows it.
"""

import contextlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autograder.intake.written import PLACEHOLDER
from autograder.outputs import SHOWN, shortened
from autograder.pictures import MIB, Picture
from autograder.pictures import picture as checked
from autograder.work import Figure, Piece, Work

MAX_BYTES = 64 << 20  # of a graded notebook; the graders' are a few MB, because texts and outputs in them are bounded
MAX_FIGURES = 24
MAX_PICTURES = 6 * MIB  # characters of base64 on one page
MAX_SOURCE = 20_000  # characters of one cell
MAX_LINES = 500  # of one cell: each becomes an element of the page
MAX_PIECES = 6  # cells of one answer
MAX_LINE = 300  # characters of a heading, an error or a description
HEADING = re.compile(r"^#{1,6}[ \t]+(.+)$", re.MULTILINE)
WORTH = re.compile(r"\s*\(\d[\d.,]* points?\)")  # the page says what the student got of them


def graded_notebook_of(workspace: Path, assignment: str, student: str) -> bytes:
    """The graded notebook of a student as a file; empty where there is none, it cannot be read or is too large."""
    file = workspace / "autograded" / student / assignment / f"{assignment}.ipynb"
    with contextlib.suppress(OSError):
        if file.stat().st_size <= MAX_BYTES:
            return file.read_bytes()
    return b""


def work_in(notebook: bytes) -> Work:
    """The answers and figures in a graded notebook; none where it cannot be read."""
    try:
        return _work(json.loads(notebook)["cells"])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return Work()


def _work(cells: list[dict[str, Any]]) -> Work:
    answers: dict[str, list[Piece]] = defaultdict(list)
    headings: dict[str, str] = {}
    figures: list[Figure] = []
    left_out = 0
    room = _Room()
    section = heading = ""  # the heading above; the same where no answer stands between
    answer = ""  # the one that ends right above
    for cell in cells:
        nbgrader = cell["metadata"].get("nbgrader", {})
        name, source, code = nbgrader.get("grade_id", ""), "".join(cell["source"]), cell["cell_type"] == "code"
        if nbgrader.get("solution"):
            headings[name], heading, answer = heading, "", name
        elif name:
            answer = ""
            if not code and (found := HEADING.findall(source)):
                section = heading = _plain(found[-1])
        if answer and len(answers[answer]) < MAX_PIECES:
            attached = {called: _picture(bundle) for called, bundle in cell.get("attachments", {}).items()}
            pictures = {called: one for called, one in attached.items() if one and room.has(one)}
            source = source if code else source.replace(PLACEHOLDER, "").strip()
            answers[answer].append(Piece(code, _bounded(source), _error(cell), pictures))
        for picture, alt in _figures(cell) if answers else ():
            if len(figures) < MAX_FIGURES and room.has(picture):
                figures.append(Figure(picture, alt, f"cell {name}" if name else "a cell that you added", section))
            else:
                left_out += 1
    return Work({name: tuple(pieces) for name, pieces in answers.items()}, headings, tuple(figures), left_out)


def _bounded(source: str) -> str:
    lines = source.splitlines(keepends=True)
    return shortened(source, min(MAX_SOURCE, sum(map(len, lines[:MAX_LINES]))))


class _Room:
    """What is left for pictures on a page."""

    def __init__(self) -> None:
        self._left = MAX_PICTURES

    def has(self, picture: Picture) -> bool:
        """Whether the picture still fits; if so, it is counted."""
        fits = len(picture.base64) <= self._left
        self._left -= len(picture.base64) if fits else 0
        return fits


def _figures(cell: dict[str, Any]) -> Iterator[tuple[Picture, str]]:
    """The pictures among a cell's outputs, and what each shows, in words."""
    for output in cell.get("outputs", ()):
        bundle, said = output.get("data", {}), output.get("metadata", {})
        if found := _picture(bundle):
            alt = next((said[mime].get("alt", "") for mime in SHOWN if mime in bundle and mime in said), "")
            yield found, " ".join(str(alt).split())[: 2 * MAX_LINE]


def _picture(bundle: dict[str, Any]) -> Picture | None:
    """The first picture that may be shown among what an output or an attachment holds."""
    for mime in bundle:
        found = checked(mime, "".join(bundle[mime])) if mime.startswith("image/") else ""
        if isinstance(found, Picture):
            return found
    return None


def _error(cell: dict[str, Any]) -> str:
    for output in cell.get("outputs", ()):
        if output.get("output_type") == "error":
            return shortened(f"{output.get('ename', '')}: {output.get('evalue', '')}", MAX_LINE)
    return ""


def _plain(heading: str) -> str:
    """A heading without Markdown's marks and without the points that its task is worth."""
    return WORTH.sub("", re.sub(r"[`*]|\$", "", heading)).strip(" :#")[:MAX_LINE]
