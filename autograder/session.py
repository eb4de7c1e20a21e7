"""Runs one rebuilt notebook in one box: the cells, then the hidden calls; or says how the box ended.

The self-check cells are not run. They are the student's feedback, and what they would say is judged outside. In their
place the box keeps the notebook's names, with which the hidden calls are made later (inside/kept.py). In the graded
notebook, their outputs are the results of the checks. So a wrong answer does not make a run partial:
PARTIAL_RUN means that a solution cell, a given cell or an added cell raised, or ended its kernel.

A result that nobody will see is not rendered. For a given cell, people see the outputs saved in the student's file.
If there are any that can be shown, the cell runs with ``silent=True``: code, prints and errors as usual, but IPython
does not render the last expression. For the figures of ``early_exit`` that saves a third of the notebook's time. Three
limits: an added cell cannot read such a value as ``_`` or ``Out[7]``. An error while rendering (a broken ``__repr__``)
makes a run partial only if the cell was handed in without outputs. And a file without outputs costs more time, because
ours are shown.

Hidden calls are bounded one by one and together (``call_s``, ``calls_s``). When the second is used up, the tasks that
were not called to the end count as too slow. The solutions run under the same limits, so a machine that is too slow
for them refuses to grade.

After a stop, the rest is judged. If cells exceed the time of the notebook or flood their output, the kernel is
interrupted. From then on only solution cells run, and cells that do nothing but define. So an endless loop costs what
depends on it.

The notebook's own outputs are collected in the box (inside/driver.py) and come out after each cell. A box that sends
too much, or what is no message, ends; so does one that ends its kernel.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from autograder.box.box import Box
from autograder.box.maxima import (
    MAX_DESCRIPTORS,
    MAX_IN_FLIGHT,
    MAX_KERNEL_FILES,
    MAX_SOCKETS,
    MAX_TERMINALS,
    max_files,
    max_mappings,
    max_watches,
)
from autograder.box.stream import Done, Flooded, HungUp, NotAMessage, TooMuch
from autograder.config import MIB, Settings
from autograder.errors import GraderError
from autograder.inside.wire import weight
from autograder.intake.needed import Plan
from autograder.intake.rebuild import Rebuilt, RebuiltCell
from autograder.intake.statements import DEF, functions_in, is_stub, only_defines
from autograder.outputs import safe_outputs
from autograder.raised import Raised, as_syntax_error, bare_name, errors_of_tasks, name_of_cell, what_raised
from autograder.results import Verdict

GRACE_S = 5.0  # from an interrupt to the end of a cell; a kernel that ignores it is killed
LAST_WORDS_S = 0.2  # from a flood to the interrupt
SLACK = 3  # times what a notebook may show: the words around a short output weigh more than the output
SHORTEST_S = 0.1  # for a hidden call; an interrupt sooner would meet a kernel that has not begun it
_REASONS = {
    "late": (Verdict.TIMEOUT, "took too long"),
    "flooded": (Verdict.OUTPUT_LIMIT, "printed too much"),
}


@dataclass(frozen=True)
class Run:
    """Everything that came out of one box.

    Attributes:
        outputs: Per cell of the rebuilt notebook, what the run left there, made safe.
        evidence: (task, case) -> one JSON text as emitted, not yet read; missing if nothing was emitted.
        too_slow: Tasks of which a hidden call took longer than allowed, or was not made because all took too long.
        not_run: Given cells that were left out, because nothing that runs uses what they define.
        whole: Why none was left out; "" if some were.
        raised: Task -> the error of a cell that was to define its function, in words.
        ended: The cell, or the task whose hidden call, that ended a first box and was left out; "" if none did.
    """

    verdict: Verdict
    message: str = ""
    outputs: tuple[list[dict[str, Any]], ...] = ()
    evidence: Mapping[tuple[str, str], str] = field(default_factory=dict)
    too_slow: frozenset[str] = frozenset()
    raised: Mapping[str, str] = field(default_factory=dict)
    ended: str = ""
    not_run: tuple[str, ...] = ()
    whole: str = ""

    @property
    def of_the_moment(self) -> bool:
        """Whether it might have ended differently on a less busy machine. Then a later grading may not reuse it."""
        return self.verdict not in (Verdict.OK, Verdict.PARTIAL_RUN) or bool(self.too_slow or self.ended)


class BoxEnded(Exception):
    """The kernel is gone or had to be killed.

    Attributes:
        at: The place of the cell that ran; of a hidden call the task.
        name: What people call it.
        by_itself: Whether the kernel ended itself, and not the grader the box for breaking a limit.
    """

    def __init__(self, verdict: Verdict, message: str, at: int | str, name: str, by_itself: bool) -> None:
        super().__init__(message)
        self.name = name
        self.verdict = verdict
        self.at = at
        self.by_itself = by_itself


@dataclass(frozen=True)
class Ended:
    """How one box ended.

    Attributes:
        errors: What its cells raised.
        fault: What ended it, if it did not come to its end.
    """

    run: Run
    errors: tuple[str, ...]
    fault: BoxEnded | None


def is_run(cell: RebuiltCell) -> bool:
    """Whether the cell is executed: the self-checks are not."""
    return cell.kind == "code" and not (cell.master and cell.master.task)


def is_silent(cell: RebuiltCell) -> bool:
    """Whether nobody will see what our run shows at the cell."""
    return is_run(cell) and bool(cell.outputs) and not cell.redrawn


class Session:
    """One notebook in one box.

    Args:
        faults: How earlier boxes ended; what they were at is left out.
    """

    def __init__(
        self, rebuilt: Rebuilt, settings: Settings, box: Box, plan: Plan, faults: Iterable[BoxEnded] = ()
    ) -> None:
        self.plan = plan
        self.at_fault = {one.at for one in faults}
        self.cells = rebuilt.cells
        self.functions = {name for cell in self.cells if cell.kind == "code" for name in DEF.findall(cell.source)}
        self.limits = settings.limits
        self.box = box
        self.outputs: dict[int, list[dict[str, Any]]] = {}  # of the cells that ran
        self.weights: dict[int, int] = {}  # characters of these
        self.evidence: dict[tuple[str, str], str] = {}
        self.too_slow: set[str] = set()
        self.raised: list[Raised] = []
        self.task = ""  # whose hidden call runs
        self.verdict = Verdict.OK
        self.message = ""

    def run(self, cases: list[tuple[str, str]], seed: int, explain: bool) -> Ended:
        """Run the cells, then make the hidden calls, as :func:`autograder.execute.run_notebook` is asked to.

        Raises:
            GraderError: The machine ran low on something, which says nothing of the submission.
        """
        ended = None
        try:
            self._run_cells(time.monotonic() + self.limits.wall_s)
            self._observe(cases, seed, explain)
        except BoxEnded as end:
            self.verdict, self.message, ended = end.verdict, str(end), end
        if self.raised and self.verdict == Verdict.OK:
            self._set(Verdict.PARTIAL_RUN, what_raised(self.raised, self.cells))
        run = Run(
            verdict=self.verdict,
            message=self.message,
            outputs=tuple(self.outputs.get(index, []) for index in range(len(self.cells))),
            evidence=self.evidence,
            too_slow=frozenset(self.too_slow),
            raised=errors_of_tasks(self.raised, self.cells, {task for task, _ in cases}),
            not_run=tuple(bare_name(self.cells[index]) for index in sorted(self.plan.left_out)),
            whole=self.plan.whole,
        )
        return Ended(run, tuple(one.error for one in self.raised), ended)

    def _run_cells(self, deadline: float) -> None:
        stopped = False
        for index, cell in enumerate(self.cells):
            name = name_of_cell(self.cells, index)
            if index in self.at_fault:
                stopped = stopped or cell.master is not None
                continue
            if cell.master and cell.master.task and self._answered(index, cell.master.task):
                keep = f"__import__('inside.kept', fromlist=['keep']).keep({cell.master.task!r})"
                self._execute(index, keep, self.limits.call_s, silent=True, hidden=True)
            if not is_run(cell) or index in self.plan.left_out:
                continue
            time_left = deadline - time.monotonic()
            if time_left <= 0 and not stopped:
                stopped = True
                self._set(Verdict.TIMEOUT, f"The notebook was stopped before cell {name}: {self._took_too_long()}")
            if stopped and not (cell.by_student and cell.master) and not only_defines(cell.source):
                continue
            if stopped:  # a definition takes milliseconds; the time of the notebook is over
                time_left = min(GRACE_S, self.limits.call_s)
            self.outputs[index] = []
            # Drawing a figure takes longer than computing what is in it, so it is not drawn where nobody will see it.
            ended, done = self._execute(index, cell.source, time_left, silent=is_silent(cell))
            if ended == "late":
                stopped = True
                self._set(Verdict.TIMEOUT, f"The notebook was stopped in cell {name}: {self._took_too_long()}")
            elif ended == "flooded":
                self._set(
                    Verdict.OUTPUT_LIMIT,
                    f"Cell {name} was stopped: the notebook printed more than {self.limits.output_bytes // MIB} MiB.",
                )
            elif done.error:
                self.raised.append(Raised(index, as_syntax_error(done.error)))

    def _answered(self, index: int, task: str) -> bool:
        """Whether the function is the student's where cell ``index`` stands, and not still a stub."""
        before = (cell for cell in reversed(self.cells[:index]) if cell.kind == "code")
        definition = next(
            (cell for cell in before if task in cell.source and task in functions_in(cell.source, self.functions)), None
        )
        return definition is None or not is_stub(
            definition.source, definition.master.source if definition.master else ""
        )

    def _took_too_long(self) -> str:
        return f"its cells took more than {self.limits.wall_s:g} s."

    def _keep(self, index: int, done: Done) -> None:
        """Keep what cells show, made safe and bounded in sum, whatever the driver in the box has counted."""
        for place in self.outputs.keys() & done.outputs.keys():
            self.outputs[place] = safe_outputs(done.outputs[place])
            self.weights[place] = weight(self.outputs[place])
        if sum(self.weights.values()) > SLACK * self.limits.output_bytes:
            self.outputs = {}
            raise self._end(index, Verdict.OUTPUT_LIMIT, "sent more outputs than it may show")

    def _observe(self, cases: list[tuple[str, str]], seed: int, explain: bool) -> None:
        allowance = self.limits.evidence_bytes
        deadline = time.monotonic() + self.limits.calls_s
        for number, (task, case) in enumerate(cases):
            if task in self.too_slow or task in self.at_fault:
                continue
            self.task = task
            time_left = deadline - time.monotonic()
            words = f"{task!r}, {case!r}, {seed}{', explain=True' if explain else ''}"
            call = f"__import__('inside.observe', fromlist=['observe']).observe({words})"
            ended, evidence = "late", None
            if time_left > SHORTEST_S:
                # The call comes after the last cell, and is not given out.
                ended, done = self._execute(
                    len(self.cells), call, min(self.limits.call_s, time_left), silent=True, hidden=True
                )
                evidence = done.evidence
            if ended == "late" and time_left < self.limits.call_s:
                late = [late for late, _ in cases[number:] if late not in self.too_slow]
                self.too_slow.update(late)
                self._set(
                    Verdict.TIMEOUT,
                    f"The hidden calls took more than {self.limits.calls_s:g} s together. These tasks were not called "
                    f"to the end: {', '.join(dict.fromkeys(late))}.",
                )
                return
            if ended == "late":
                self.too_slow.add(task)
                self._set(
                    Verdict.TIMEOUT,
                    f"A hidden call of {task} took more than {self.limits.call_s:g} s and was stopped.",
                )
                continue
            if ended == "flooded":
                self._set(
                    Verdict.OUTPUT_LIMIT,
                    f"A hidden call of {task} was stopped: it showed more than {self.limits.output_bytes // MIB} MiB.",
                )
            if evidence is not None and len(evidence) <= allowance:
                allowance -= len(evidence)
                self.evidence[task, case] = evidence

    def _execute(
        self, index: int, source: str, seconds: float, *, silent: bool, hidden: bool = False
    ) -> tuple[str, Done]:
        """Run one cell for at most ``seconds``: "done", "late" or "flooded", and what it left."""
        ended = "done"
        try:
            try:
                self.box.send({"at": index, "source": source, "silent": silent, "hidden": hidden}, GRACE_S)
                said = self.box.receive(seconds)
                if isinstance(said, Flooded):
                    ended = "flooded"
                    # Where that was its last word, an interrupt would meet a kernel between two cells. Some do not
                    # survive that: their loop ends, and they answer nothing any more.
                    said = self.box.receive(LAST_WORDS_S)
            except TimeoutError:
                ended = "late" if ended == "done" else ended
                self.box.interrupt()
                end = time.monotonic() + GRACE_S
                said = self.box.receive(GRACE_S)
                if isinstance(said, Flooded):
                    said = self.box.receive(max(end - time.monotonic(), 0))
        except TimeoutError:
            verdict, what = _REASONS[ended]
            raise self._end(index, verdict, f"{what} and ignored being interrupted") from None
        except HungUp:
            raise self._death(index) from None
        except TooMuch as what:
            raise self._end(index, Verdict.OUTPUT_LIMIT, f"sent {what} and was cut off") from None
        except NotAMessage:
            said = None
        if not isinstance(said, Done):
            raise self._end(index, Verdict.KERNEL_DIED, "sent what is no message")
        self._keep(index, said)
        return ended, said

    def _death(self, index: int) -> BoxEnded:
        reason = self.box.ended_for()
        if reason == "memory":
            allowed = self.limits.memory_bytes // MIB
            return self._end(index, Verdict.OUT_OF_MEMORY, f"used more than {allowed} MiB of memory")
        if reason and reason.startswith("machine "):
            lacking = {"memory": "memory", "files": "files that may be open"}[reason.removeprefix("machine ")]
            name = name_of_cell(self.cells, index) if index < len(self.cells) else f"of {self.task}"
            raise GraderError(
                f"This machine ran low on {lacking} while cell {name} ran, and this was the youngest box. Close other "
                "programs or give fewer --jobs, then run the same command again."
            )
        did = {
            "tasks": f"started more than {self.limits.tasks} processes",
            "descriptors": f"opened more than {MAX_DESCRIPTORS} files",
            "sockets": f"opened more than {MAX_SOCKETS} sockets and pipes",
            "in flight": f"sent more than {MAX_IN_FLIGHT} open files to sockets that nobody reads",
            "kernel files": f"opened more than {MAX_KERNEL_FILES} files of /proc",
            "terminals": f"opened more than {MAX_TERMINALS} terminals",
            "watches": f"watched more than {max_watches()} events",
            "files": f"made more than {max_files(self.limits)} files",
            "mappings": f"mapped memory more than {max_mappings()} times",
            "unwatched": "started processes that cannot be watched",
        }
        if reason in did:
            return self._end(index, Verdict.KERNEL_DIED, did[reason])
        return self._end(index, Verdict.KERNEL_DIED, "ended the kernel", by_itself=True)

    def _end(self, index: int, verdict: Verdict, what: str, by_itself: bool = False) -> BoxEnded:
        """The end of the box in a cell or a hidden call; ``what`` is what that did."""
        if index == len(self.cells):
            return BoxEnded(verdict, f"A hidden call of {self.task} {what}.", self.task, self.task, by_itself)
        name = name_of_cell(self.cells, index)
        return BoxEnded(verdict, f"Cell {name} {what}.", index, name, by_itself)

    def _set(self, verdict: Verdict, message: str) -> None:
        """The first thing that went wrong names the verdict."""
        if self.verdict == Verdict.OK:
            self.verdict, self.message = verdict, message
