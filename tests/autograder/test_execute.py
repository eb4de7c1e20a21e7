"""What one box is asked to do: cells, shown or silent, and hidden calls, explained or not."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from autograder import execute
from autograder.box.stream import Stream
from autograder.config import Limits
from autograder.course import Course
from autograder.execute import Run, run_notebook
from autograder.inside import wire
from autograder.inside.preload import PRELOADED
from autograder.intake.rebuild import MasterCell, Rebuilt, RebuiltCell
from autograder.judge.evidence import read_observation
from autograder.results import Verdict

OWN = ({"output_type": "stream", "name": "stdout", "text": "the student's"},)


def given(source: str, outputs: tuple[object, ...] = ()) -> RebuiltCell:
    return RebuiltCell("code", source, MasterCell("code", source, "given", "given"), outputs)


def added(source: str) -> RebuiltCell:
    return RebuiltCell("code", source, None)


def run(course: Course, *cells: RebuiltCell, cases: tuple[tuple[str, str], ...] = (), explain: bool = False) -> Run:
    with course.runner.templates.borrow() as template:
        return run_notebook(Rebuilt("ann", cells, ()), cases, 1, course.settings, template, explain=explain)


@pytest.mark.parametrize(
    ("cell", "shows"),
    [
        (given("print('p'); drawn('r')"), ["p\n", "r"]),
        (given("print('p'); drawn('r')", OWN), ["p\n"]),
        (added("print('p'); drawn('r')"), ["p\n", "r"]),
    ],
    ids=["given", "given, with outputs of the student's own", "the student's"],
)
def test_a_result_is_drawn_where_it_will_be_shown(prepared: Course, cell: RebuiltCell, shows: list[str]) -> None:
    make = "drawings = []\nclass drawn(str):\n  def __repr__(self):\n    drawings.append(1)\n    return str(self)"
    ran = run(prepared, added(make), cell, added("print(len(drawings))"))

    texts = [output.get("text") or output["data"]["text/plain"] for output in ran.outputs[1]]
    assert texts == shows
    assert ran.outputs[2][0]["text"] == f"{shows.count('r')}\n"


def test_a_silent_cell_that_raises_is_told_and_the_rest_runs(prepared: Course) -> None:
    ran = run(prepared, given("1 / 0", OWN), added("print('on')"))

    assert ran.message == "These cells raised an error: given."
    assert ran.outputs[1][0]["text"] == "on\n"


def test_what_explains_is_in_the_keys_evidence_and_in_no_other(prepared: Course) -> None:
    pair = ("mac_ratio", "two_totals")
    cell = added("def mac_ratio(total, other):\n    return 0.5")
    plain, explained = (
        read_observation(run(prepared, cell, cases=(pair,), explain=explain).evidence[pair], *pair).values
        for explain in (False, True)
    )

    assert set(plain) == {"returned"}
    assert set(explained) == {"returned", "totals"}
    assert plain["returned"] == explained["returned"]


def test_a_cold_box_has_loaded_what_a_warm_one_has_before_any_cell_runs(prepared: Course) -> None:
    cells = (added(f"import sys\nprint(set({PRELOADED}) - set(sys.modules))"),)
    cold = run_notebook(Rebuilt("ann", cells, ()), (), 1, prepared.settings)

    assert cold.outputs[0][0]["text"] == run(prepared, *cells).outputs[0][0]["text"] == "set()\n"


class BoxOf:
    """Stands in for a box whose driver student code has taken over: it says what ``says`` yields after each order."""

    def __init__(self, limits: Limits, says: Callable[[dict[str, Any]], Iterator[Any]]) -> None:
        ours, self._theirs = socket.socketpair()
        self._stream = Stream(ours, limits)
        self.send, self.receive, self.interrupts = self._stream.send, self._stream.receive, 0
        threading.Thread(target=self._drive, args=(says,), daemon=True).start()

    def _drive(self, says: Callable[[dict[str, Any]], Iterator[Any]]) -> None:
        with contextlib.suppress(OSError):
            while order := wire.receive(self._theirs):
                for message in says(order):
                    self._theirs.sendall(wire.packed(message))

    def interrupt(self) -> None:
        self.interrupts += 1

    def ended_for(self) -> None:
        return None


DONE: dict[str, Any] = {"outputs": {}, "error": "", "evidence": None}


def driven_by(prepared: Course, limits: Limits, says: Callable[[dict[str, Any]], Iterator[Any]], cells: int) -> Run:
    settings = replace(prepared.settings, limits=limits)
    rebuilt = Rebuilt("ann", tuple(added("pass") for _ in range(cells)), ())
    box = BoxOf(limits, says)
    with box._theirs:
        return execute._Session(rebuilt, settings, box).run([], 1, False)  # type: ignore[arg-type]


def test_a_driver_that_lies_gets_no_more_time_than_the_notebook_has(prepared: Course) -> None:
    def says(order: dict[str, Any]) -> Iterator[Any]:
        time.sleep(0.3)
        yield DONE

    begin = time.monotonic()
    run = driven_by(prepared, replace(prepared.settings.limits, wall_s=1), says, cells=20)

    assert run.verdict is Verdict.TIMEOUT
    assert time.monotonic() - begin < 4


def test_a_driver_that_floods_again_and_again_ends_its_box(prepared: Course) -> None:
    def says(order: dict[str, Any]) -> Iterator[Any]:
        yield {"flooded": True}
        yield DONE

    run = driven_by(prepared, prepared.settings.limits, says, cells=20)

    assert (run.verdict, run.message) == (
        Verdict.OUTPUT_LIMIT,
        "Cell (added by the student) was stopped: the notebook printed more than 1 MiB.",
    ) or run.verdict is Verdict.KERNEL_DIED


@pytest.mark.parametrize("character", ["x", "\U0001f600"])
def test_what_a_driver_says_that_cells_show_is_bounded_in_sum(prepared: Course, character: str) -> None:
    text = {"output_type": "stream", "name": "stdout", "text": character * 150_000}
    shown = [text, {"output_type": "display_data", "data": {"text/plain": text["text"]}}] * 3

    def says(order: dict[str, Any]) -> Iterator[Any]:
        yield DONE | {"outputs": {str(order["at"]): shown}}

    run = driven_by(prepared, replace(prepared.settings.limits, output_bytes=1 << 20), says, cells=20)

    assert run.verdict is Verdict.OUTPUT_LIMIT
    assert "sent more" in run.message
    assert sum(map(len, map(str, run.outputs))) < 5 << 20
