"""Submissions -> what was observed of each, as they are done, while the next ones run.

The pipeline judges and records what comes. No more are begun than can be judged soon, or the outputs of a whole class
would lie in memory. Failures of the grader come last: if the backend failed others that were not to blame either, they
are tried once more when these are done, because the fault may be over by then.
"""

import collections
import queue
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future

from autograder.course import Course, Observed
from autograder.grading import observe_one
from autograder.intake.find import Found
from autograder.pool import Pool
from autograder.results import Verdict

AHEAD = 2  # submissions begun, for each that can run


class Observing:
    """The submissions of a class, in the order in which they are done.

    Args:
        begun: Called with a student whose submission now runs, from threads.
    """

    def __init__(
        self, found: Iterable[Found], course: Course, pool: Pool, begun: Callable[[str], None] = lambda student: None
    ) -> None:
        self._waiting = collections.deque(found)
        self._course, self._pool, self._backend = course, pool, course.runner.backend
        self._tell = begun
        self._begun: dict[Future[Observed], Found] = {}
        self._done: queue.SimpleQueue[Future[Observed]] = queue.SimpleQueue()
        self._last_try = False

    def begin_more(self) -> None:
        """Begin as many as may be begun."""
        while self._waiting and len(self._begun) < AHEAD * self._backend.slots:
            found = self._waiting.popleft()
            future = self._pool.begin(self._observe, found)
            self._begun[future] = found
            future.add_done_callback(self._done.put)

    def _observe(self, found: Found) -> Observed:
        self._tell(found.student)
        return observe_one(found, self._course)

    def __iter__(self) -> Iterator[Observed]:
        failures: list[tuple[Found, Observed]] = []
        while self._begun:
            future = self._done.get()
            found, observed = self._begun.pop(future), future.result()
            ready = []
            if observed.verdict is Verdict.GRADER_ERROR and not self._last_try:
                failures.append((found, observed))
            else:
                ready.append(observed)
            if failures and not (self._begun or self._waiting):
                self._last_try = True
                if self._backend.unsteady:
                    self._waiting.extend(found for found, _ in failures)
                else:
                    ready += [observed for _, observed in failures]
                failures = []
            self.begin_more()  # first, so that boxes run while these are judged
            yield from ready
