"""One box whose driver student code has taken over: what is made of what it says."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from autograder.box.stream import Stream
from autograder.config import Limits
from autograder.course import Course
from autograder.execute import WHOLE
from autograder.inside import wire
from autograder.intake.rebuild import Rebuilt, RebuiltCell
from autograder.results import Verdict
from autograder.session import Run, Session


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
    rebuilt = Rebuilt("ann", tuple(RebuiltCell("code", "pass", None) for _ in range(cells)), ())
    box = BoxOf(limits, says)
    with box._theirs:
        return Session(rebuilt, settings, box, WHOLE).run([], 1, False).run  # type: ignore[arg-type]


def test_a_driver_that_lies_gets_no_more_time_than_the_notebook_has(prepared: Course) -> None:
    def says(order: dict[str, Any]) -> Iterator[Any]:
        time.sleep(0.2)
        yield DONE

    begin = time.monotonic()
    run = driven_by(prepared, replace(prepared.settings.limits, wall_s=0.5), says, cells=20)

    assert run.verdict is Verdict.TIMEOUT
    assert time.monotonic() - begin < 3


def test_a_driver_that_floods_again_and_again_ends_its_box(prepared: Course) -> None:
    def says(order: dict[str, Any]) -> Iterator[Any]:
        yield {"flooded": True}
        yield DONE

    run = driven_by(prepared, prepared.settings.limits, says, cells=20)

    assert run.verdict is Verdict.KERNEL_DIED
    assert run.message == 'Cell "pass" sent what is no message.'


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
