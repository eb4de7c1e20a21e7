"""The class in a terminal: progress while it is graded, a table at the end; plain lines where there is no terminal."""

import contextlib
import re
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

from autograder.report.remaining import USUAL_S, in_words, seconds_left
from autograder.report.text import points, score
from autograder.results import ClassResults, Grade, Verdict

OF_THE_MOMENT = (Verdict.TIMEOUT, Verdict.OUT_OF_MEMORY, Verdict.KERNEL_DIED)
EVERY_S = 30.0  # seconds between two words on the time left where there is no terminal
NARROW = 60  # columns of a terminal that has no room for the whole table
COLOURS = {Verdict.OK: "green", Verdict.GRADER_ERROR: "bold red"}

# Names and messages can hold what moves the cursor, ends a line, turns the direction of writing, or is no text.
UNSHOWN = "[\ud800-\udfff\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]"


class _Left(ProgressColumn):
    """The time left, as the display says it."""

    max_refresh = 1.0

    def __init__(self, display: "ClassDisplay") -> None:
        super().__init__(Column(no_wrap=True, min_width=len("about 1 h 30 min left")))
        self._display = display

    def render(self, task: Task) -> Text:
        return Text(self._display.left(), no_wrap=True)


class ClassDisplay:
    """Shows a class being graded.

    Attributes:
        grades: The grades of this run, in the order they came.
    """

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=True)
        self.grades: list[Grade] = []
        self._usual, self._jobs, self._longest, self._to_run = USUAL_S, 1, float("inf"), 0
        self._running: dict[str, float] = {}  # student -> when it began, by the monotonic clock
        self._ready = False
        self._said_left = time.monotonic()
        wide = self.console.width >= NARROW
        self._bar = Progress(
            MofNCompleteColumn(),
            *([BarColumn(bar_width=20)] if wide else []),
            TimeElapsedColumn(),
            _Left(self),
            *([TextColumn("{task.description}")] if wide else []),
            console=self.console,
            disable=not self.console.is_terminal,
            transient=True,
        )
        self._row = self._bar.add_task("getting ready", total=None)
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "ClassDisplay":
        self._stack.enter_context(self._bar)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def say(self, text: str) -> None:
        """One line."""
        self.console.print(escape(re.sub(UNSHOWN, "?", text)))

    def found(self, count: int, kept: int, jobs: int, longest: float, earlier: Sequence[Grade]) -> None:
        """The submissions are counted.

        Args:
            kept: How many of them are unchanged.
            jobs: Boxes at a time.
            longest: Seconds after which a submission is ended.
            earlier: Grades of an earlier run; what these took, others may take.
        """
        self._jobs, self._longest, self._to_run = jobs, longest, count - kept
        measured = [grade.wall_s for grade in earlier if grade.run and grade.wall_s >= 1]
        self._usual = statistics.mean(measured) if measured else USUAL_S
        self._bar.update(self._row, total=count)
        if kept:
            self.say(f"{kept} unchanged since graded, kept as they are (--fresh runs everything again)")
            self._bar.advance(self._row, kept)
        self.say(f"{_submissions(count)} found; the solutions notebook comes first; {self.left()}")

    def begun(self, student: str) -> None:
        """A submission runs now. Called from threads."""
        self._running[student] = time.monotonic()

    def left(self) -> str:
        """The time left, in words; "" where nothing is left, or nothing counted yet."""
        if len(self.grades) >= self._to_run:
            return ""
        now = time.monotonic()
        running = [now - began for began in list(self._running.values())][: self._jobs]
        waiting = max(0, self._to_run - len(self.grades) - len(running)) + (not self._ready)  # the solutions
        finished = [grade.wall_s for grade in self.grades]
        return f"{in_words(seconds_left(self._usual, finished, running, waiting, self._jobs, self._longest))} left"

    def prepared(self, box: str, seed: int, why_cold: str, jobs: int) -> None:
        """The solutions have run."""
        self.say(f"Box: {box}, {f'cold: {why_cold}' if why_cold else 'warm'}; seed {seed}; {jobs} at a time")
        self._ready = True
        self._bar.update(self._row, description="grading")

    def graded(self, grade: Grade) -> None:
        """One more submission is done."""
        self._running.pop(grade.student, None)
        self.grades.append(grade)
        counts = Counter(one.verdict.value for one in self.grades)
        self._bar.update(
            self._row, advance=1, description=" ".join(f"{name} {n}" for name, n in sorted(counts.items()))
        )
        done = f"[{len(self.grades)}/{int(self._bar.tasks[0].total or 0)}]"
        message = f"  {grade.message}" if grade.message else ""
        self.say(f"{done:>9} {grade.student:<30} {grade.verdict:<13} {score(grade):>10}{message}")
        if not self.console.is_terminal and time.monotonic() - self._said_left > EVERY_S:
            self._said_left = time.monotonic()
            self.say(self.left())

    def summary(self, results: ClassResults, index: Path) -> None:
        """The class in one table, and where to look."""
        table = Table(title=f"{results.assignment}: {_submissions(len(results.grades))}")
        for column in ("student", "verdict"):
            table.add_column(column, overflow="fold")
        columns = ("automatic", "total", "to mark", "seconds", "notes")
        shown = columns if self.console.width >= NARROW else columns[:2]
        for column in shown:
            table.add_column(column, justify="right", no_wrap=True)
        for grade in results.grades:
            colour = COLOURS.get(grade.verdict, "yellow")
            numbers = (
                score(grade),
                f"{points(grade.total)} / {points(grade.total_max)}" if grade.marks else "",
                str(len(grade.waiting) or ""),
                f"{grade.wall_s:.1f}",
                str(len(grade.notes) or ""),
            )
            table.add_row(escape(grade.student), f"[{colour}]{grade.verdict}[/]", *numbers[: len(shown)])
        self.console.print(table)
        counts = Counter(grade.verdict.value for grade in results.grades)
        self.say(", ".join(f"{n} {name}" for name, n in sorted(counts.items())))
        moment = [grade.student for grade in results.grades if grade.verdict in OF_THE_MOMENT]
        if moment:
            self.say(f"If the machine was busy, grade a folder of these alone with --fresh: {', '.join(moment)}")
        if results.not_recognised:
            self.say(f"Not graded, because it cannot be told whose it is ({len(results.not_recognised)}):")
        for unknown in results.not_recognised:
            self.say(f"  {unknown.name}: {unknown.what}")
        for grade in results.grades:
            for text in grade.broken:
                self.say(f"A check broke on {grade.student}'s answer. {text}.")
        for group in results.identical:
            self.say(f"The same cells, run once: {', '.join(group)}")
        for line in _marks_said(results):
            self.say(line)
        self.say(f"Report:    {index}")
        self.say(f"Results:   {index.parent.parent / 'results.json'}")
        self.say(f"Gradebook: {index.parents[2] / 'gradebook.db'}")


def _marks_said(results: ClassResults) -> Iterator[str]:
    """What a person has marked, and what waits."""
    marks = [grade.marks for grade in results.grades if grade.marks]
    for one in marks:
        if one.by_hand:
            given = ", ".join(f"{mark.question} {points(mark.score or 0)}" for mark in one.by_hand)
            self_checks = ", ".join(f"{mark.question} {points(mark.automatic or 0)}" for mark in one.by_hand)
            yield f"By hand: {one.student}: {given} (the checks gave {self_checks})"
    if stale := [f"{one.student} ({', '.join(one.stale)})" for one in marks if one.stale]:
        yield f"Marked by hand, and changed since: {', '.join(stale)}"
    waiting = [len(one.waiting) for one in marks if one.waiting]
    if waiting:
        answers, students = _count(sum(waiting), "answer"), _count(len(waiting), "student")
        yield f"{answers} of {students} {'wait' if sum(waiting) > 1 else 'waits'} for you: Formgrader in JupyterLab"
    elif any(one.written for one in marks):
        yield "No written answer waits for you."


def _submissions(count: int) -> str:
    return _count(count, "submission")


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count != 1 else ''}"
