"""A class while it is graded: a line for each submission and, in a terminal, a bar below them with the time left."""

import contextlib
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from types import TracebackType

from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

from autograder.errors import counted
from autograder.report.remaining import USUAL_S, in_words, seconds_left
from autograder.report.terminal import NARROW, Terminal, plain
from autograder.report.text import score
from autograder.results import Grade

EVERY_S = 30.0  # seconds between two words on the time left where there is no terminal


class _Left(ProgressColumn):
    """The time left, as the progress says it."""

    max_refresh = 1.0

    def __init__(self, progress: "ClassProgress") -> None:
        super().__init__(Column(no_wrap=True, min_width=len("about 1 h 30 min left")))
        self._progress = progress

    def render(self, task: Task) -> Text:
        return Text(self._progress.left(), no_wrap=True)


class ClassProgress(Terminal):
    """Shows a class being graded.

    Attributes:
        grades: The grades of this run, in the order they came.
    """

    def __init__(self) -> None:
        super().__init__()
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
        self._where = ""  # what runs on which machine of a cluster
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "ClassProgress":
        self._stack.enter_context(self._bar)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

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
        self.say(f"{counted(count, 'submission')} found; the solutions notebook comes first; {self.left()}")

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
        self._describe()

    def running(self, line: str) -> None:
        """What runs where now. Called from any thread."""
        self._where = line
        self._describe()

    def _describe(self) -> None:
        counts = Counter(one.verdict.value for one in self.grades)
        verdicts = " ".join(f"{name} {n}" for name, n in sorted(counts.items()))
        waiting = "grading" if self._ready else "getting ready"
        parts = [part for part in (verdicts or waiting, self._where) if part]
        self._bar.update(self._row, description=plain(" | ".join(parts)))

    def graded(self, grade: Grade) -> None:
        """One more submission is done."""
        self._running.pop(grade.student, None)
        self.grades.append(grade)
        self._bar.advance(self._row)
        self._describe()
        done = f"[{len(self.grades)}/{int(self._bar.tasks[0].total or 0)}]"
        message = f"  {grade.message}" if grade.message else ""
        self.say(f"{done:>9} {grade.student:<30} {grade.verdict:<13} {score(grade):>10}{message}")
        if not self.console.is_terminal and time.monotonic() - self._said_left > EVERY_S:
            self._said_left = time.monotonic()
            self.say(self.left())
