"""Threads that each wait for a box. Boxes run side by side; all else is done by the one who asks for them."""

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Any, Self, TypeVar

Result = TypeVar("Result")
LOOK_S = 0.5  # between two looks at whether there are more slots


class Pool:
    """A bounded number of threads, which do what is begun in about the order in which it was begun.

    Args:
        most: How many threads there may ever be.
        stop: Ends what they wait for. Called when an error leaves the ``with``, the instructor's Ctrl-C before all:
            nobody waits for a box that nobody looks at.
        slots: Says how many threads may do something now, for a cluster grows and shrinks; None for all of them.
    """

    def __init__(self, most: int, stop: Callable[[], None], slots: Callable[[], int] | None = None) -> None:
        self._threads = ThreadPoolExecutor(most, thread_name_prefix="box")
        self._slots, self._stop = slots or (lambda: most), stop
        self._turns, self._busy, self._closing = threading.Condition(), 0, False
        self._begun: list[Future[Any]] = []

    def begin(self, call: Callable[..., Result], *words: Any) -> Future[Result]:
        """Do it as soon as a thread is free."""
        future = self._threads.submit(self._in_turn, call, *words)
        self._begun = [one for one in self._begun if not one.done()] + [future]
        return future

    def _in_turn(self, call: Callable[..., Result], *words: Any) -> Result:
        with self._turns:
            while self._busy >= self._slots() and not self._closing:
                self._turns.wait(LOOK_S)
            if self._closing:
                raise CancelledError
            self._busy += 1
        try:
            return call(*words)
        finally:
            with self._turns:
                self._busy -= 1
                self._turns.notify()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, where: TracebackType | None) -> None:
        self._closing = bool(kind)
        while kind and wait(self._begun, timeout=0).not_done:
            for future in self._begun:
                future.cancel()
            self._stop()  # again and again: one may be about to start
            wait(self._begun, timeout=0.2)
        self._threads.shutdown(wait=True, cancel_futures=bool(kind))
