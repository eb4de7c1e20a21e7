"""Reads a student's answers and figures from the graded notebook in the workspace's autograded folder.

graded_notebook.py wrote that notebook, so its outputs are text and pictures. Every picture is looked at again, because
the file lies where people and nbgrader work. What is read is bounded, and so is the page that shows it.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autograder.outputs import SHOWN, shortened
from autograder.pictures import MIB, Picture, picture
from autograder.work import Figure, Piece, Work

MAX_FILE = 64 * MIB  # bytes of a graded notebook
MAX_FIGURES = 24
MAX_PICTURES = 6 * MIB  # characters of base64 on one page
MAX_SOURCE = 20_000  # characters of one cell
MAX_PIECES = 6  # cells of one answer
MAX_LINE = 300  # characters of a heading, an error or a description
HEADING = re.compile(r"^#{1,6}[ \t]+(.+)$", re.MULTILINE)
WORTH = re.compile(r"\s*\(\d[\d.,]* points?\)")  # the page says what the student got of them


def load_work(workspace: Path, assignment: str, student: str) -> Work:
    """The answers and figures of a student; none where there is no graded notebook, or it cannot be read."""
    file = workspace / "autograded" / student / assignment / f"{assignment}.ipynb"
    try:
        if file.stat().st_size > MAX_FILE:
            return Work()
        return _work(json.loads(file.read_bytes())["cells"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Work()


def _work(cells: list[dict[str, Any]]) -> Work:
    answers: dict[str, list[Piece]] = defaultdict(list)
    headings: dict[str, str] = {}
    figures: list[Figure] = []
    room, left_out = MAX_PICTURES, 0
    heading, answer = "", ""  # the heading above; the answer that ends right above
    for cell in cells:
        nbgrader = cell["metadata"].get("nbgrader", {})
        name, source, is_code = nbgrader.get("grade_id", ""), "".join(cell["source"]), cell["cell_type"] == "code"
        if nbgrader.get("solution"):
            headings[name], heading, answer = heading, "", name
        elif name:
            answer = ""
            if not is_code and (found := HEADING.findall(source)):
                heading = _plain(found[-1])
        if answer and len(answers[answer]) < MAX_PIECES:
            pictures = {}
            for called, bundle in cell.get("attachments", {}).items():
                if (found_one := _picture(bundle)) and len(found_one.base64) <= room:
                    pictures[called], room = found_one, room - len(found_one.base64)
            answers[answer].append(Piece(is_code, shortened(source, MAX_SOURCE), _error(cell), pictures))
        if not answers:
            continue
        for found_one, alt in _figures(cell):
            if len(figures) == MAX_FIGURES or len(found_one.base64) > room:
                left_out += 1
                continue
            room -= len(found_one.base64)
            figures.append(Figure(found_one, alt, name or "that you added", heading))
    return Work({name: tuple(pieces) for name, pieces in answers.items()}, headings, tuple(figures), left_out)


def _figures(cell: dict[str, Any]) -> Iterator[tuple[Picture, str]]:
    for output in cell.get("outputs", ()):
        bundle = output.get("data", {})
        if found := _picture(bundle):
            alts = [output.get("metadata", {}).get(mime, {}).get("alt", "") for mime in SHOWN if mime in bundle]
            yield found, " ".join(str(alts[0]).split())[: 2 * MAX_LINE]


def _picture(bundle: dict[str, Any]) -> Picture | None:
    """The first picture that may be shown among what an output or an attachment holds."""
    for mime in bundle:
        found = picture(mime, "".join(bundle[mime])) if mime.startswith("image/") else ""
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
