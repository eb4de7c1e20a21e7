"""Threads that each wait for a box. Boxes run side by side; all else is done by the one who asks for them."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Any, Self, TypeVar

Result = TypeVar("Result")


class Pool:
    """A bounded number of threads, which do what is begun in the order in which it was begun.

    Args:
        jobs: How many.
        stop: Ends what they wait for. Called when an error leaves the ``with``, the instructor's Ctrl-C before all:
            nobody waits for a box that nobody looks at.
    """

    def __init__(self, jobs: int, stop: Callable[[], None]) -> None:
        self._threads = ThreadPoolExecutor(jobs, thread_name_prefix="box")
        self._stop = stop
        self._begun: list[Future[Any]] = []

    def begin(self, call: Callable[..., Result], *words: Any) -> Future[Result]:
        """Do it as soon as a thread is free."""
        future = self._threads.submit(call, *words)
        self._begun = [one for one in self._begun if not one.done()] + [future]
        return future

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, where: TracebackType | None) -> None:
        while kind and wait(self._begun, timeout=0).not_done:
            for future in self._begun:
                future.cancel()
            self._stop()  # again and again: one may be about to start
            wait(self._begun, timeout=0.2)
        self._threads.shutdown(wait=True, cancel_futures=bool(kind))
