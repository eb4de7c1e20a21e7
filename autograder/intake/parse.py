"""Reads a submitted notebook as data: JSON within bounds, or one sentence why not.

Only what grading needs is taken: each cell's kind, source, ids and outputs, the pictures in its text, and whether it
still has the text that it was released with. All other metadata, tags and kernel names are left behind, so nothing
hidden in them can act. Formats 3 and 4 and files without cell ids are read. What editors change by themselves is one
thing here: lines end in LF, and letters of text are composed (NFC).
"""

import contextlib
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from autograder.errors import BadSubmission
from autograder.intake.composed import composed
from autograder.intake.embedded import Album, marked
from autograder.outputs import shortened
from autograder.pictures import Picture
from autograder.results import Verdict

MAX_CELLS = 2_000
MAX_CONTAINERS = 2_000_000  # each takes some 100 bytes once read; outputs are text and take few
MAX_SOURCE = 1 << 20  # characters of one cell, without its pictures


@dataclass(frozen=True)
class Cell:
    """One submitted cell.

    Attributes:
        kind: "code", "markdown" or "raw".
        source: Of a cell of text, with marks in place of its pictures (embedded.py).
        grade_id: nbgrader's id, "" if metadata were lost.
        outputs: What the student's own run left, as untrusted JSON values.
        as_released: Whether it is a given cell with the text that some release gave it, as nbgrader's checksum in it
            says. That is not trusted: it may decide what is said of the cell, not what a student's own code gets.
    """

    kind: str
    source: str
    cell_id: str = ""
    grade_id: str = ""
    outputs: tuple[Any, ...] = ()
    as_released: bool = False


@dataclass(frozen=True)
class Submission:
    """A submitted notebook.

    Attributes:
        python: (major, minor) of the Python that it was written with; () if it does not say.
        pictures: Those in its texts, by their marks.
    """

    student: str
    cells: tuple[Cell, ...]
    notes: tuple[str, ...] = ()
    python: tuple[int, ...] = ()
    pictures: Mapping[str, Picture] = field(default_factory=dict)


def parse_notebook(data: bytes, student: str, notes: tuple[str, ...] = ()) -> Submission:
    """The notebook in ``data``.

    Args:
        notes: What had to be assumed to find it.

    Raises:
        BadSubmission: EMPTY when there is nothing in it, BAD_FILE when it is no notebook.
    """
    if not data.strip():
        raise BadSubmission("The file handed in is empty.", Verdict.EMPTY)
    if data.count(b"{") + data.count(b"[") > MAX_CONTAINERS:
        raise BadSubmission("The file holds more lists and objects than any notebook; it was not read.")
    try:
        notebook = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise BadSubmission("The file is not UTF-8 text, so it is no notebook.") from None
    except RecursionError:
        raise BadSubmission("The file is nested too deeply to be a notebook.") from None
    except ValueError as error:
        raise BadSubmission(
            f"The file is not a complete notebook; its JSON breaks off or is damaged ({error})."
        ) from None
    if not isinstance(notebook, dict):
        raise BadSubmission("The file is JSON but no notebook: it does not hold an object.")

    raw_cells = notebook.get("cells")
    if raw_cells is None and isinstance(notebook.get("worksheets"), list):  # format 3
        raw_cells = [
            cell for sheet in notebook["worksheets"] if isinstance(sheet, dict) for cell in _list(sheet.get("cells"))
        ]
    if not isinstance(raw_cells, list):
        raise BadSubmission("The file is JSON but no notebook: it has no list of cells.")
    if len(raw_cells) > MAX_CELLS:
        raise BadSubmission(f"The notebook has {len(raw_cells)} cells; expected at most {MAX_CELLS}.")
    album = Album()
    cells = tuple(_cell(raw, album) for raw in raw_cells if isinstance(raw, dict))
    if not any(cell.source.strip() for cell in cells):
        raise BadSubmission("The notebook handed in has no cell with anything in it.", Verdict.EMPTY)
    if any(cell.kind == "code" and len(cell.source) > MAX_SOURCE for cell in cells):
        raise BadSubmission(f"A cell is longer than {MAX_SOURCE} characters.")
    return Submission(student, cells, notes, _python(notebook.get("metadata")), album.pictures)


def _python(metadata: object) -> tuple[int, ...]:
    about = metadata.get("language_info") if isinstance(metadata, dict) else None
    version = text(about.get("version")) if isinstance(about, dict) else ""
    found = re.match(r"(\d{1,3})\.(\d{1,3})", version, re.ASCII)
    return (int(found[1]), int(found[2])) if found else ()


def _cell(raw: dict[str, Any], album: Album) -> Cell:
    kind = raw.get("cell_type") if raw.get("cell_type") in ("code", "markdown", "raw") else "markdown"
    source = text(raw.get("source", raw.get("input", ""))).lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    metadata = raw.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    nbgrader = nbgrader if isinstance(nbgrader, dict) else {}
    as_released = _as_released(source, str(kind), nbgrader)
    if kind != "code":
        source = marked(source, _attachments(raw.get("attachments")), album)
        source = composed(shortened(source, MAX_SOURCE))
    return Cell(
        kind=str(kind),
        source=source,
        cell_id=text(raw.get("id", ""))[:128],
        grade_id=text(nbgrader.get("grade_id", ""))[:128],
        outputs=tuple(_list(raw.get("outputs"))),
        as_released=as_released,
    )


def _as_released(source: str, kind: str, nbgrader: dict[str, Any]) -> bool:
    """Whether a given cell's text has the checksum that a release wrote into its metadata.

    As nbgrader.utils.compute_checksum, which is not imported here, because it takes seconds.
    """
    if nbgrader.get("solution", False) is not False:
        return False
    grade = nbgrader.get("grade") is True
    parts = [source, kind, str(grade), "False", str(grade or nbgrader.get("locked") is True), nbgrader.get("grade_id")]
    if grade:
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            parts.append(str(float(nbgrader.get("points", ""))))
    whole = "".join(map(text, parts)).encode()
    return hashlib.md5(whole, usedforsecurity=False).hexdigest() == nbgrader.get("checksum")


def _attachments(value: object) -> dict[str, dict[str, str]]:
    """Name -> MIME type -> base64 of a cell's attachments."""
    named = value.items() if isinstance(value, dict) else ()
    return {
        text(name): {text(mime): text(data) for mime, data in bundle.items()}
        for name, bundle in named
        if isinstance(bundle, dict)
    }


def text(value: object) -> str:
    """A notebook's text, one string or a list of them; anything else is "". Lone surrogates are replaced."""
    if isinstance(value, list):
        value = "".join(part for part in value if isinstance(part, str))
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
