"""The grader's end of a cluster: an order -> the run that a worker of the cluster made of it.

``autograder grade`` makes a :class:`Cluster` of a Dask client (connect.py) and hands it to the runner in place of the
boxes of its own machine. Here is decided which worker is trusted, which gets the next notebook, and what is made of a
worker that ends. Dask does the rest: it knows the workers, carries calls to them and says when one is gone.

Each call is a Dask task that is bound to one worker, and the grader gives a worker no more than it can run at a time.
So it knows which notebook is where, and a worker that comes late takes its share at once.

What goes wrong, and whose fault it is:

=============================================  =======================================================================
a worker ends while a notebook runs            the notebook runs elsewhere; after two such ends, GRADER_ERROR. If
                                               workers ended under others too, it gets another try when these are done
a worker says that it leaves (time is over)    the notebook runs elsewhere, and that counts against nobody
a worker cannot run it (disk full, no memory)  the notebook runs elsewhere; three in a row, and the worker is looked at
                                               again before it gets another
a notebook takes too long                      it runs again on another machine, if there is one; the better run counts
nobody answers at the scheduler any more       grading stops; what is graded stays graded
=============================================  =======================================================================

A worker runs as the user who grades, and is trusted as the grader's own process is. What a box said is not trusted: it
comes as bytes of a stored run, and is read as evidence of this machine is.
"""

import contextlib
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from autograder.boxes import Order
from autograder.cluster.worker import FAULT, Report, Site, admit, execute
from autograder.errors import BackendGone, GraderError
from autograder.results import Verdict
from autograder.runs import unpacked
from autograder.session import Run

POLL_S = 0.5  # between two looks at which workers there are
DEATHS = 2  # workers that may end under one notebook
DEATHS_OF_OURS = 20  # under the solutions, which are not to blame for them
FAULTS = 2  # workers that may fail to run one notebook
FAULTS_IN_A_ROW = 3  # of one worker, before it is looked at again
AGAIN_S = 30.0  # until then
PATIENCE_S = 60.0  # while every worker that there is has been refused
SHOWN = 6  # machines in a line of the terminal
MOST = 1024  # notebooks at a time: each is a thread of the grader's that waits


class _Ended(Exception):
    """The worker is gone.

    Attributes:
        announced: Whether it said so before.
    """

    def __init__(self, announced: bool) -> None:
        super().__init__("The worker ended.")
        self.announced = announced


class _Disconnected(Exception):
    """The scheduler cannot be reached, so what its workers do is not known."""


@dataclass
class _Worker:
    """One worker as the grader sees it.

    Attributes:
        node: The machine that it runs on, as its address says.
        state: "new", "asked", "trusted" or "refused".
        again: When one that is refused may be looked at again; None for never.
        faults: Notebooks in a row that it could not run.
    """

    address: str
    node: str
    threads: int
    state: str = "new"
    host: str = ""
    slots: int = 0
    busy: int = 0
    done: int = 0
    faults: int = 0
    again: float | None = None
    why: str = ""
    calls: dict["Future[Any]", Any] = field(default_factory=dict)


class Cluster:
    """The trusted workers of a Dask cluster, as what runs notebooks.

    Args:
        client: A ``distributed.Client`` that is connected.
        thorough: Whether each machine is examined by the doctor first; not for workers of this machine.
        say: Called with a line for the instructor, from any thread.
        show: Called with what runs where, in a line that takes the place of the one before.

    Attributes:
        why_cold: Why every box is a new one with nothing loaded; "" while boxes are warm.
        unsteady: Whether workers ended or failed under notebooks that then ran elsewhere.
    """

    def __init__(
        self,
        client: Any,
        site: Site,
        *,
        thorough: bool,
        say: Callable[[str], None] = lambda line: None,
        show: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.why_cold = "as asked" if site.settings.cold else ""
        self.most = MOST
        self.unsteady = False
        self._client, self._site, self._thorough = client, site, thorough
        self._say, self._show = say, show
        self._workers: dict[str, _Worker] = {}
        self._nodes: dict[str, str] = {}  # that the doctor examines or has examined -> "asked", "good", or why not
        self._leaving: set[str] = set()  # workers that said that they end
        self._changed = threading.Condition()
        self._gone = ""  # why no notebook will be run any more
        self._hopeless_since: float | None = None
        self._connected = False
        self._done = Counter[str]()  # notebooks by host
        self._watch = threading.Thread(target=self._watching, name="cluster", daemon=True)
        self._watch.start()

    @property
    def slots(self) -> int:
        """Notebooks that can run at a time now; 1 while no worker is trusted yet."""
        with self._changed:
            return max(1, sum(one.slots for one in self._trusted()))

    def prestart(self, notebooks: int) -> None:
        """Workers start their templates when they are looked at."""

    def run(self, order: Order) -> Run:
        """Run one notebook on a worker, and on another one where the first is at fault.

        Raises:
            GraderError: Two workers ended while it ran, or two could not run it.
            BackendGone: There is no cluster any more.
        """
        order = replace(order, rebuilt=_without_what_people_see(order.rebuilt))
        ended: list[str] = []
        faults: list[str] = []
        elsewhere: set[str] = set()  # nodes that it should not run on again
        late: tuple[Run, _Worker] | None = None
        while True:
            with self._borrowed(elsewhere) as worker:
                try:
                    answer = self._call(worker, execute, self._site, order).result()
                except _Disconnected:
                    continue
                except _Ended as end:
                    elsewhere.add(worker.node)
                    ended += [] if end.announced else [worker.host]
                    if len(ended) < (DEATHS_OF_OURS if order.explain else DEATHS):
                        continue
                    raise GraderError(
                        f"{len(ended)} workers ended while this notebook ran, on {' and '.join(ended)}. Grade it alone "
                        "with the same command: if that ends a worker too, give workers more memory than a box may use."
                    ) from None
                except Exception as error:  # Dask's own: it could not carry the call there or the answer back
                    answer = FAULT + f"{type(error).__name__}: {error}".encode("utf-8", "replace")
                run, fault = _read(answer)
                if run is None:
                    faults.append(f"{worker.host}: {fault}")
                    elsewhere.add(worker.node)
                    self._failed(worker, fault)
                    if len(faults) < FAULTS:
                        continue
                    raise GraderError(f"Two workers could not run it. {' '.join(faults)}")
                worker.faults, worker.done = 0, worker.done + 1
                self.unsteady = self.unsteady or bool(ended or faults)
                self._done[worker.host] += 1
            if late and not _too_late(run):
                self._failed(late[1], "a notebook took too long that was in time elsewhere")
            elif _too_late(run) and not late and self._others(worker.node):
                late = run, worker
                elsewhere.add(worker.node)
                continue
            return run if late is None or not _too_late(run) else late[0]

    def stop(self) -> None:
        """Give up all calls; what runs on a worker ends there by its own limits."""
        self._give_up("It was stopped.")

    def close(self) -> None:
        """Leave the cluster, which goes on without this grader."""
        self._give_up("It was left.")
        self._watch.join()
        with contextlib.suppress(Exception):
            self._client.unsubscribe_topic("all")

    def standing(self) -> str:
        """What runs where now, in a line."""
        with self._changed:
            busy = Counter({one.host: 0 for one in self._trusted()})
            for one in self._trusted():
                busy[one.host] += one.busy
        if not busy:
            return "no worker is ready"
        each = ", ".join(f"{host} {n}" for host, n in busy.most_common(SHOWN))
        return f"{busy.total()} running: {each}" + (f" and on {len(busy) - SHOWN} more" if len(busy) > SHOWN else "")

    def summary(self) -> str:
        """How many notebooks ran where, in a line; "" if none ran."""
        each = ", ".join(f"{host} {n}" for host, n in sorted(self._done.items()))
        return f"Notebooks run: {each}" if each else ""

    def _trusted(self) -> list[_Worker]:
        return [one for one in self._workers.values() if one.state == "trusted"]

    def _others(self, node: str) -> bool:
        with self._changed:
            return any(one.node != node for one in self._trusted())

    @contextlib.contextmanager
    def _borrowed(self, elsewhere: Collection[str]) -> Iterator[_Worker]:
        """The trusted worker that did not fail lately and has most room, not on these nodes where there are others."""
        with self._changed:
            while True:
                if self._gone:
                    raise BackendGone(self._gone)
                trusted = self._trusted()
                meant = [one for one in trusted if one.node not in elsewhere] or trusted
                free = [one for one in meant if one.busy < one.slots]
                if free:
                    break
                self._changed.wait(POLL_S)
            worker = min(free, key=lambda one: (one.faults, one.busy / one.slots, one.done))
            worker.busy += 1
        try:
            yield worker
        finally:
            with self._changed:
                worker.busy -= 1
                self._changed.notify_all()

    def _call(self, worker: _Worker, function: Callable[..., Any], *words: Any) -> "Future[Any]":
        """Begin a call on one worker."""
        outcome: Future[Any] = Future()
        with self._changed:
            if worker.address not in self._workers:
                outcome.set_exception(_Ended(worker.address in self._leaving))
                return outcome
            # A key of its own for each call: Dask would take two calls with the same words for one.
            task = self._client.submit(
                function,
                *words,
                key=f"{function.__name__}-{uuid.uuid4().hex}",
                workers=[worker.address],
                allow_other_workers=False,
                pure=False,
            )
            worker.calls[outcome] = task
        task.add_done_callback(lambda task: _settle(outcome, task))
        outcome.add_done_callback(lambda outcome: worker.calls.pop(outcome, None))
        return outcome

    def _failed(self, worker: _Worker, why: str) -> None:
        """The worker could not run a notebook."""
        with self._changed:
            worker.faults += 1
            if worker.faults >= FAULTS_IN_A_ROW and worker.state == "trusted":
                self._refuse(worker, f"{FAULTS_IN_A_ROW} notebooks in a row could not be run: {why}", AGAIN_S)

    def _refuse(self, worker: _Worker, why: str, again: float | None = None) -> None:
        worker.state, worker.why = "refused", why
        worker.again = None if again is None else time.monotonic() + again
        self._say(f"Worker {_called(worker)} gets no notebook: {why}")

    def _heard(self, event: tuple[float, Any]) -> None:
        """What the scheduler tells everybody; of interest is which workers it expects to end."""
        what = event[1]
        if isinstance(what, dict) and what.get("action") == "remove-worker" and what.get("expected"):
            self._leaving.add(str(what.get("worker")))

    def _watching(self) -> None:
        """Look at the workers, again and again."""
        while not self._gone:
            try:
                self._look()
                self._show(self.standing())
            except Exception as error:
                if self._client.status == "running":
                    self._give_up(f"The cluster cannot be used any more ({type(error).__name__}: {error}).")
            time.sleep(POLL_S)

    def _look(self) -> None:
        status = self._client.status
        if status == "closed":
            self._give_up(
                "The scheduler of the cluster does not answer any more. What was graded so far is recorded. Start "
                "scheduler and workers again, then run the same command: only the rest will be run."
            )
            return
        connected = status == "running"
        if connected and not self._connected:
            self._client.subscribe_topic("all", self._heard)
        self._connected = connected
        there = self._client.nthreads() if connected else {}
        with self._changed:
            for address in self._workers.keys() - there.keys():
                self._lose(self._workers.pop(address), connected)
            for address in there.keys() - self._workers.keys():
                self._workers[address] = _Worker(address, urlsplit(address).hostname or address, there[address])
            for worker in self._workers.values():
                if worker.state == "refused" and worker.again and time.monotonic() > worker.again:
                    worker.state, worker.faults = "new", 0
                    self._nodes.pop(worker.node, None)
                if worker.state == "new":
                    self._ask(worker)
            self._despair()
            self._changed.notify_all()

    def _lose(self, worker: _Worker, connected: bool) -> None:
        announced = worker.address in self._leaving
        if self._nodes.get(worker.node) == "asked":
            del self._nodes[worker.node]
        if connected and worker.state == "trusted":
            self._say(f"Worker {_called(worker)} {'has left' if announced else 'is gone'}")
        for outcome, task in list(worker.calls.items()):
            _fail(outcome, _Ended(announced) if connected else _Disconnected())
            with contextlib.suppress(Exception):
                task.cancel()

    def _ask(self, worker: _Worker) -> None:
        """Look whether a worker can be trusted. The first of each machine calls the doctor, and the others wait."""
        node = self._nodes.get(worker.node, "" if self._thorough else "good")
        if node == "asked":
            return
        if node not in ("", "good"):
            self._refuse(worker, node)
            return
        worker.state = "asked"
        if node == "":
            self._nodes[worker.node] = "asked"
        asked = self._call(worker, admit, self._site, worker.threads, node == "")
        asked.add_done_callback(lambda asked: self._answered(worker, asked, node == ""))

    def _answered(self, worker: _Worker, asked: "Future[Report]", thorough: bool) -> None:
        with self._changed:
            error = asked.exception()
            if isinstance(error, _Ended | _Disconnected):
                return
            if error is not None:
                report = Report(worker.node, refused=f"It cannot run the grader ({type(error).__name__}: {error}).")
            else:
                report = asked.result()
            worker.host, worker.slots = report.host, report.slots
            if thorough:
                self._nodes[worker.node] = report.refused or "good"
            if report.refused:
                self._refuse(worker, report.refused)
            else:
                worker.state = "trusted"
                warned = f" The doctor warns: {'; '.join(report.warnings)}." if report.warnings else ""
                self._say(f"Worker {_called(worker)} is ready, {report.slots} at a time.{warned}")
            self._changed.notify_all()

    def _despair(self) -> None:
        """Give up if nobody can be trusted, and that for some time: others may come."""
        refused = [one for one in self._workers.values() if one.state == "refused" and one.again is None]
        if not refused or len(refused) < len(self._workers):
            self._hopeless_since = None
            return
        self._hopeless_since = self._hopeless_since or time.monotonic()
        if time.monotonic() - self._hopeless_since > (PATIENCE_S if self._thorough else 0):
            self._give_up(f"No worker of the cluster can be used. {_called(refused[0])}: {refused[0].why}")

    def _give_up(self, why: str) -> None:
        with self._changed:
            self._gone = self._gone or why
            for worker in self._workers.values():
                for outcome, task in list(worker.calls.items()):
                    _fail(outcome, BackendGone(self._gone))
                    with contextlib.suppress(Exception):
                        task.cancel()
            self._changed.notify_all()


def _called(worker: _Worker) -> str:
    return f"{worker.host or worker.node} ({worker.address.rpartition(':')[2]})"


def _fail(outcome: "Future[Any]", error: Exception) -> None:
    with contextlib.suppress(InvalidStateError):
        outcome.set_exception(error)


def _settle(outcome: "Future[Any]", task: Any) -> None:
    """Pass on how a Dask task ended; called by Dask in a thread of its own."""
    if outcome.done() or task.status in ("cancelled", "lost"):
        return  # whoever waits is told by the one who lost the worker
    try:
        answer = task.result()
    except Exception as error:
        _fail(outcome, error)
        return
    with contextlib.suppress(InvalidStateError):
        outcome.set_result(answer)


def _read(answer: bytes) -> tuple[Run | None, str]:
    """The run, or why there is none."""
    if answer.startswith(FAULT):
        return None, answer.removeprefix(FAULT).decode("utf-8", "replace")
    try:
        return unpacked(answer), ""
    except ValueError as error:
        return None, str(error)


def _too_late(run: Run) -> bool:
    return run.verdict is Verdict.TIMEOUT or bool(run.too_slow)


def _without_what_people_see(rebuilt: Any) -> Any:
    """The notebook without outputs and pictures, which no box reads: what is left of an output is that it was there."""
    cells = tuple(
        replace(cell, outputs=tuple({"metadata": one.get("metadata", {})} for one in cell.outputs))
        for cell in rebuilt.cells
    )
    return replace(rebuilt, cells=cells, pictures={}, notes=())
