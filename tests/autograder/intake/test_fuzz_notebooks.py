"""Whatever is handed in as a notebook ends as a submission or as a typed refusal, and runs as the master's cells."""

import copy
import json
import time
from typing import Any

import nbformat
import sample_class
from fuzz import bounded, damaged, dumped, odd, places, put, texts, tiers
from hypothesis import given
from hypothesis import strategies as st

from autograder.assignments.assignment import Assignment
from autograder.config import Settings
from autograder.course import Course, Graded, Observed
from autograder.errors import BadSubmission
from autograder.intake.master import master_cells
from autograder.intake.parse import parse_notebook
from autograder.intake.rebuild import Rebuilt, rebuild
from autograder.judge.judge import Judge
from autograder.keys import Basis
from autograder.outputs import safe_outputs
from autograder.records.graded_notebook import graded_notebook
from autograder.results import Grade, Verdict

TEXT = sample_class.RELEASE.read_text()
RELEASED = json.loads(TEXT)
MASTER = master_cells(RELEASED)
PLACES = places(RELEASED)
KINDS = st.sampled_from(["drop", "copy", "move", "type", "write", "lose", "anything", "put"])
ENCODINGS = st.sampled_from(["utf-16", "utf-8-sig", "latin-1", "utf-32"])
TYPES = ["code", "markdown", "raw", "heading", "", None, 3, ["code"]]


@st.composite
def notebooks(draw: Any) -> bytes:
    """The real released notebook, with its cells and fields in disorder, and perhaps its bytes too."""
    notebook = json.loads(TEXT)
    cells = notebook["cells"]
    some = st.integers(0, len(cells) - 1)
    for _ in range(draw(st.integers(0, 6))):
        kind, at, to = (
            draw(st.sampled_from(["drop", "copy", "move", "type", "write", "lose", "anything", "put"])),
            draw(some),
            draw(some),
        )
        here = min(at, len(cells) - 1)
        if kind == "anything":
            put(notebook, draw(st.sampled_from(PLACES)), draw(odd))
        elif kind == "put":
            put(notebook, (draw(st.sampled_from(["cells", "worksheets", "nbformat", "metadata", "x"])),), draw(odd))
        elif not isinstance(notebook.get("cells"), list) or here < 0 or not isinstance(cells[here], dict):
            continue
        elif kind == "drop":
            del cells[here]
        elif kind == "copy":
            cells.insert(to, copy.deepcopy(cells[here]))
        elif kind == "move":
            cells.insert(to, cells.pop(here))
        elif kind == "type":
            cells[here]["cell_type"] = draw(st.sampled_from(TYPES))
        elif kind == "write":
            cells[here]["source"] = draw(texts | st.lists(texts, max_size=3) | odd)
        else:
            cells[here].pop(draw(st.sampled_from(["id", "metadata", "source", "outputs", "cell_type"])), None)
    data = dumped(notebook, draw(st.booleans()))
    if draw(st.integers(0, 3)) == 0:
        data = draw(damaged(data))
    if draw(st.integers(0, 30)) == 0:
        data = data.decode("utf-8", "replace").encode(
            draw(st.sampled_from(["utf-16", "utf-8-sig", "latin-1", "utf-32"])), "replace"
        )
    return data


def taken_in(data: bytes) -> Rebuilt | None:
    """The rebuilt notebook, or None if it was refused in a sentence; anything else is raised."""
    try:
        return rebuild(parse_notebook(data, "student"), MASTER)
    except BadSubmission as refusal:
        assert refusal.verdict in (Verdict.BAD_FILE, Verdict.EMPTY)
        assert 0 < len(str(refusal).encode()) < 2_000
        return None


def assert_of_the_master(rebuilt: Rebuilt) -> None:
    """Every cell of the master once, in order, and only solutions in the student's words."""
    assert [cell.master for cell in rebuilt.cells if cell.master] == list(MASTER)
    for cell in rebuilt.cells:
        cell.source.encode()
        if cell.master:
            assert cell.kind == cell.master.kind
            assert cell.master.solution or cell.source == cell.master.source
    for note in rebuilt.notes:
        assert len(note.encode()) < 2_000


@tiers(quick=40, slow=800)
def test_any_notebook_is_refused_or_rebuilt(examples: int) -> None:
    @bounded(examples)
    @given(notebooks())
    def holds(data: bytes) -> None:
        begin = time.process_time()
        rebuilt = taken_in(data)
        assert time.process_time() - begin < 3
        if rebuilt is not None:
            assert_of_the_master(rebuilt)

    holds()


@tiers(quick=15, slow=200)
def test_any_notebook_can_be_shown_with_its_outputs(examples: int, tmp_path: Any) -> None:
    """What people open is a valid notebook and can be written to a file, whatever outputs were handed in."""
    settings = Settings(tmp_path, tmp_path, Assignment("any", tmp_path))
    basis = Basis(1, False, "bubblewrap 0", "", "")
    course = Course(settings, RELEASED, MASTER, (), Judge({}, {}, {}), None, basis)  # type: ignore[arg-type]

    @bounded(examples)
    @given(notebooks(), st.lists(odd | outputs(), max_size=3), texts)
    def holds(data: bytes, left: list[Any], said: str) -> None:
        rebuilt = taken_in(data)
        if rebuilt is not None:
            cells = tuple(
                type(cell)(cell.kind, cell.source, cell.master, (*cell.outputs, *safe_outputs(left)))
                for cell in rebuilt.cells
            )
            rebuilt = Rebuilt("student", cells, rebuilt.notes)
        grade = Grade("student", Verdict.OK, (), said.encode("utf-8", "replace").decode())
        seen = Observed("student", Verdict.OK, original=data, rebuilt=rebuilt)
        notebook = nbformat.from_dict(graded_notebook(Graded(grade, seen), course))
        nbformat.validate(notebook)
        nbformat.writes(notebook).encode()

    holds()


def outputs() -> st.SearchStrategy[dict[str, Any]]:
    """Outputs of the kinds that notebooks hold, with odd values in them."""
    kinds = st.sampled_from(["stream", "error", "display_data", "execute_result", "pyout", "pyerr", "x"])
    mimes = st.sampled_from(["text/plain", "image/png", "text/html", "application/json"])
    fields = dict.fromkeys(("name", "text", "metadata", "traceback", "ename", "evalue"), odd)
    fields["data"] = odd | st.dictionaries(mimes, odd, max_size=3)
    return st.fixed_dictionaries({"output_type": kinds}, optional=fields)
