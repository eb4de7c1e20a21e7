"""Who gets a notebook, who is to blame when it cannot be run, and when grading stops: with workers that do as told."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest

from autograder.boxes import Order
from autograder.cluster import home
from autograder.cluster.home import Cluster
from autograder.cluster.worker import FAULT, Report, Site, admit, execute
from autograder.course import Course
from autograder.errors import BackendGone, GraderError
from autograder.intake.needed import Plan
from autograder.intake.rebuild import Rebuilt, RebuiltCell
from autograder.results import Verdict
from autograder.runs import packed
from autograder.session import Run

ONE, TWO = "tls://10.0.0.1:1", "tls://10.0.0.2:1"
OK, LATE = packed(Run(Verdict.OK)), packed(Run(Verdict.TIMEOUT, "It took too long."))
ENDS, LEAVES = object(), object()


class Task(Future):
    """What a client gives for a call."""

    status = "finished"


class Client:
    """Workers by their address, each with the answers that it will give; ENDS and LEAVES end it."""

    def __init__(self, **answers: Any) -> None:
        self.status = "running"
        self.answers = {ONE: [], TWO: [], **{{"one": ONE, "two": TWO}[name]: given for name, given in answers.items()}}
        self.there = {address: 1 for address, given in self.answers.items() if given is not None}
        self.reports: dict[str, Report] = {}
        self.ran: list[str] = []
        self.sent: list[Order] = []
        self.heard: Callable[[Any], None] = lambda event: None

    def nthreads(self) -> dict[str, int]:
        return dict(self.there)

    def subscribe_topic(self, topic: str, handler: Callable[[Any], None]) -> None:
        self.heard = handler

    def unsubscribe_topic(self, topic: str) -> None:
        """Nobody listens any more."""

    def submit(self, function: Any, *words: Any, workers: list[str], **how: Any) -> Task:
        (address,) = workers
        task = Task()
        if function is admit:
            task.set_result(self.reports.get(address, Report(f"host{address[13]}", slots=1)))
            return task
        assert function is execute
        self.ran.append(address)
        self.sent.append(words[1])
        given = self.answers[address].pop(0) if self.answers[address] else OK
        if given is ENDS or given is LEAVES:
            self.heard((0.0, {"action": "remove-worker", "worker": address, "expected": given is LEAVES}))
            threading.Timer(0.02, self.there.pop, [address, None]).start()
        elif isinstance(given, Exception):
            task.set_exception(given)
        else:
            task.set_result(given)
        return task


@pytest.fixture(name="cluster")
def _cluster(prepared: Course, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Client], Cluster]]:
    monkeypatch.setattr(home, "POLL_S", 0.01)
    made: list[Cluster] = []

    def make(client: Client, **options: Any) -> Cluster:
        site = Site(prepared.settings, "surroundings", "bubblewrap")
        made.append(Cluster(client, site, thorough=False, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def order(explain: bool = False) -> Order:
    output = {"output_type": "display_data", "data": {"image/png": "x" * 1000}, "metadata": {}}
    cells = (RebuiltCell("code", "1", None, (output,)),)
    return Order(Rebuilt("ann", cells, ("a note",)), (), 1, explain, Plan())


def until_both_are_trusted(made: Cluster) -> None:
    while made.slots < 2:
        time.sleep(0.01)


def test_a_notebook_is_sent_without_what_no_box_reads(cluster: Callable[..., Cluster]) -> None:
    client = Client()
    run = cluster(client).run(order())

    assert run.verdict is Verdict.OK
    assert client.sent[0].rebuilt.cells[0].outputs == ({"metadata": {}},)
    assert client.sent[0].rebuilt.notes == ()


def test_when_two_workers_end_under_a_notebook_then_it_is_told_so(cluster: Callable[..., Cluster]) -> None:
    client = Client(one=[ENDS], two=[ENDS])

    with pytest.raises(GraderError, match=r"2 workers ended while this notebook ran, on host\d and host\d"):
        cluster(client).run(order())
    assert sorted(client.ran) == [ONE, TWO]


def test_when_a_worker_leaves_then_that_counts_against_nobody(cluster: Callable[..., Cluster]) -> None:
    client = Client(one=[LEAVES], two=[OK])
    made = cluster(client)

    assert {made.run(order()).verdict for _ in range(2)} == {Verdict.OK}
    assert not made.unsteady


@pytest.mark.parametrize("fault", [FAULT + b"No space left on device", b"no run", OSError("carried nowhere")])
def test_when_a_worker_cannot_run_a_notebook_then_another_machine_does(
    cluster: Callable[..., Cluster], fault: Any
) -> None:
    client = Client(one=[fault], two=[OK, OK])
    made = cluster(client)
    until_both_are_trusted(made)

    assert {made.run(order()).verdict for _ in range(3)} == {Verdict.OK}
    assert client.ran.count(ONE) == 1


def test_when_two_cannot_run_a_notebook_then_that_is_told(cluster: Callable[..., Cluster]) -> None:
    faults = [FAULT + b"No space left on device"]

    with pytest.raises(GraderError, match=r"Two workers could not run it.*No space left"):
        cluster(Client(one=[*faults], two=[*faults])).run(order())


def test_when_a_worker_fails_again_and_again_then_it_is_looked_at_before_it_gets_more(
    cluster: Callable[..., Cluster],
) -> None:
    said: list[str] = []
    client = Client(one=[FAULT + b"No memory"] * 3)
    made = cluster(client, say=said.append)

    until_both_are_trusted(made)
    for _ in range(3):
        made._workers[TWO].faults = 4  # so that the one that fails is taken first
        assert made.run(order()).verdict is Verdict.OK
    assert made.run(order()).verdict is Verdict.OK
    assert client.ran.count(ONE) == 3
    assert made.unsteady
    assert any("3 notebooks in a row could not be run: No memory" in line for line in said)


@pytest.mark.parametrize(("elsewhere", "verdict"), [(OK, Verdict.OK), (LATE, Verdict.TIMEOUT)])
def test_when_a_notebook_takes_too_long_then_another_machine_decides(
    cluster: Callable[..., Cluster], elsewhere: bytes, verdict: Verdict
) -> None:
    client = Client(one=[LATE], two=[LATE])
    made = cluster(client)
    until_both_are_trusted(made)
    client.answers = {ONE: [LATE, OK], TWO: [LATE, OK]} if elsewhere == LATE else {ONE: [LATE], TWO: [OK]}
    if elsewhere == OK:
        made._workers[TWO].done = 1  # so that the first comes first
    run = made.run(order())

    assert run.verdict is verdict
    assert len(client.ran) == 2


def test_when_there_is_one_machine_only_then_a_notebook_that_takes_too_long_is_not_run_again(
    cluster: Callable[..., Cluster],
) -> None:
    client = Client(one=[LATE, OK], two=None)

    assert cluster(client).run(order()).verdict is Verdict.TIMEOUT
    assert client.ran == [ONE]


def test_when_the_scheduler_is_gone_then_whoever_waits_is_told(cluster: Callable[..., Cluster]) -> None:
    client = Client(one=None, two=None)
    made = cluster(client)
    threading.Timer(0.1, setattr, [client, "status", "closed"]).start()

    with pytest.raises(BackendGone, match=r"does not answer any more.*only the rest will be run"):
        made.run(order())


def test_when_nobody_can_be_trusted_then_the_reason_is_told(cluster: Callable[..., Cluster]) -> None:
    client = Client(two=None)
    client.reports = {ONE: Report("host1", refused="Its box is another.")}

    with pytest.raises(BackendGone, match=r"No worker of the cluster can be used. host1 \(1\): Its box is another"):
        cluster(client).run(order())


def test_the_solutions_survive_more_workers_than_a_notebook(cluster: Callable[..., Cluster]) -> None:
    client = Client(one=[ENDS], two=[ENDS])
    made = cluster(client)
    threading.Timer(0.3, client.there.update, [{"tls://10.0.0.3:1": 1}]).start()
    client.answers["tls://10.0.0.3:1"] = [OK]

    assert made.run(order(explain=True)).verdict is Verdict.OK


def test_what_runs_where_is_told_in_a_line(cluster: Callable[..., Cluster]) -> None:
    client = Client(two=None)
    made = cluster(client)
    made.run(order())

    assert made.standing() == "0 running: host1 0"
    assert made.summary() == "Notebooks run: host1 1"


def test_a_worker_says_how_it_differs(prepared: Course) -> None:
    site = Site(prepared.settings, prepared.basis.surroundings, prepared.basis.box)
    elsewhere = replace(prepared.settings, course=prepared.settings.course / "nowhere")

    assert admit(site, 1, False).refused == ""
    assert "are not those of the machine that grades" in admit(replace(site, surroundings="other"), 1, False).refused
    assert "Its box is bubblewrap" in admit(replace(site, box="none"), 1, False).refused
    assert "There is no" in admit(replace(site, settings=elsewhere), 1, False).refused


def test_when_the_code_has_changed_since_a_worker_started_then_it_says_so(
    prepared: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autograder.cluster.worker.LOADED", "older")
    site = Site(prepared.settings, prepared.basis.surroundings, prepared.basis.box)

    assert "has changed since this worker started" in admit(site, 1, False).refused


def test_a_worker_that_was_not_looked_at_runs_nothing(prepared: Course) -> None:
    answer = execute(Site(prepared.settings, "never seen", ""), order())

    assert answer.startswith(FAULT)
    assert b"has not been looked at yet" in answer
