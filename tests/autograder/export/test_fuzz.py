"""Whatever file an instructor gives: grades in their cells and nothing else changed, or one sentence."""

import contextlib

import pytest
from fuzz import bounded
from hypothesis import given
from hypothesis import strategies as st
from platform_sheets import (
    BLACKBOARD_CSV,
    BLACKBOARD_XLS,
    CANVAS,
    GRADESCOPE,
    MOODLE_ENGLISH,
    MOODLE_GERMAN,
    MOODLE_SPANISH_BLIND,
    by,
    final,
)

from autograder.deadlines import Arrival
from autograder.deadlines_file import load_deadlines
from autograder.errors import UsageError
from autograder.export.blackboard import read_blackboard
from autograder.export.canvas import read_canvas
from autograder.export.filling import Choices, fill
from autograder.export.gradescope import read_gradescope
from autograder.export.matching import place
from autograder.export.moodle import read_moodle
from autograder.export.reading import load_roster, times_in
from autograder.export.sheet import Sheet, read_sheet

SHEETS = [
    (read_canvas, CANVAS, "canvas", "1234"),
    (read_moodle, MOODLE_ENGLISH, "moodle", "101"),
    (read_moodle, MOODLE_GERMAN, "moodle", "101"),
    (read_moodle, MOODLE_SPANISH_BLIND, "moodle", "101"),
    (read_blackboard, BLACKBOARD_XLS, "blackboard", "j_doe"),
    (read_blackboard, BLACKBOARD_CSV, "blackboard", "j_doe"),
    (read_gradescope, GRADESCOPE, "gradescope", "1001"),
]
DEADLINES = b"""timezone = "Europe/Berlin"
late_days = 2
[hw]
due = 2026-10-01T23:59:00
grace = "15 min"
late_mark = "1 day"
penalty = { percent = 10, per = "1 day", cap = 50, cutoff = "7 days", of = "possible" }
[hw.submitted]
bob = 2026-10-03T08:15:00
[[hw.exception]]
student = "ann"
due = 2026-10-08T23:59:00+02:00
reason = "ill"
[lab]
due = 2026-09-01T00:00:00Z
penalty = { steps = [{ after = "0 h", percent = 5 }, { after = "1 day", percent = 25 }] }
"""

BITS = st.sampled_from(
    [b'"', b",", b"\t", b"\n", b"\r", b"\0", b"9", b"ID", b"(1)", b"\xff", b";", b"=", b"[", b"}", b""]
)
EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), BITS), min_size=1, max_size=4)


def edited(data: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    """The data with some bytes replaced by others at some places."""
    for place_, length, new in edits:
        at = int(place_ * len(data))
        data = data[:at] + new + data[at + length :]
    return data


def without(sheet: Sheet, columns: set[int]) -> list[list[str]]:
    return [[cell.text for n, cell in enumerate(row) if n not in columns] for row in sheet.rows]


@bounded(150)
@given(st.sampled_from(SHEETS), EDITS)
def test_a_damaged_sheet_is_filled_or_refused(tmp_path_factory: pytest.TempPathFactory, known, edits) -> None:
    read, data, platform, who = known
    path = tmp_path_factory.mktemp("fuzz") / "sheet.csv"
    path.write_bytes(edited(data, edits))
    grades = [final("ann", handin=by(platform, who, "Jane Doe" if b"Jane" in data else "Participante"))]
    try:
        before = read_sheet(path)
        book = read(before, "early_exit", None)
        placed = place(book, grades, {}, partial=True)
        times_in(book, placed)
        filled = fill(book, placed, grades, Choices(points="keep", missing=0.0, comments=book.comment is not None))
    except UsageError as refusal:
        assert str(refusal).endswith((".", "?"))
        return
    path.write_bytes(filled.data)
    changed = {book.column, *book.questions.values(), *([book.comment] if book.comment is not None else [])}
    assert without(read_sheet(path), changed) == without(before, changed)


@bounded(60)
@given(st.binary(max_size=200))
def test_a_roster_of_any_bytes_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "roster.csv"
    path.write_bytes(b"student,id\n" + data)
    with contextlib.suppress(UsageError):
        load_roster(path)


@bounded(150)
@given(EDITS, st.text(alphabet="0123456789-T:+Z ", max_size=30))
def test_damaged_deadlines_are_applied_or_refused(tmp_path_factory: pytest.TempPathFactory, edits, time: str) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "deadlines.toml"
    path.write_bytes(edited(DEADLINES, edits))
    arrivals = {
        name: {"ann": Arrival(time), "bob": Arrival(late=True), "cem": Arrival("2026-10-02T21:00:00", id="7")}
        for name in ("hw", "lab")
    }
    try:
        rules = load_deadlines(path, ["hw", "lab"])
        assert rules
        for name in rules.rules:
            for late in rules.lateness(name, arrivals).values():
                assert 0 <= late.penalty(5.0, 10.0) <= 5.0
    except UsageError as refusal:
        assert str(refusal).endswith((".", "?"))
