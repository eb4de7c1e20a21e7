"""The class in a terminal: progress while it is graded, a table at the end; plain lines where there is no terminal."""

import contextlib
import re
import shlex
import statistics
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

from autograder.changes import Comparison
from autograder.errors import counted
from autograder.marks import Marks
from autograder.report.concerns import other_release
from autograder.report.remaining import USUAL_S, in_words, seconds_left
from autograder.report.text import change_text, points, round_text, score
from autograder.results import ClassResults, Grade, Round, Verdict

OF_THE_MOMENT = (Verdict.TIMEOUT, Verdict.OUT_OF_MEMORY, Verdict.KERNEL_DIED)
EVERY_S = 30.0  # seconds between two words on the time left where there is no terminal
NARROW = 72  # columns of a terminal that has no room for the whole table
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
        self._where = ""  # what runs on which machine of a cluster
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
        self.console.print(self._plain(text))

    @staticmethod
    def _plain(text: str) -> str:
        return escape(re.sub(UNSHOWN, "?", text))

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
        self._bar.update(self._row, description=escape(re.sub(UNSHOWN, "?", " | ".join(parts))))

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

    def summary(self, results: ClassResults, index: Path, only: Collection[str] | None = None) -> None:
        """The class in one table, and where to look.

        Args:
            only: Students to show; None for all.
        """
        if only is not None:
            results = replace(results.of(only), not_recognised=())
        table = Table(title=f"{results.assignment}: {_submissions(len(results.grades))}")
        table.add_column("student", overflow="fold", min_width=8)
        table.add_column("verdict", no_wrap=True)
        columns = ("automatic", "total", "to mark", "notes")
        shown = columns if self.console.width >= NARROW else columns[:1]
        for column in shown:
            table.add_column(column, justify="right", no_wrap=True)
        for grade in results.grades:
            colour = COLOURS.get(grade.verdict, "yellow")
            numbers = (
                score(grade),
                f"{points(grade.total)} / {points(grade.total_max)}" if grade.marks else "",
                str(_to_mark(grade) or ""),
                str(len(grade.notes) or ""),
            )
            table.add_row(escape(grade.student), f"[{colour}]{grade.verdict}[/]", *numbers[: len(shown)])
        self.console.print(table)
        counts = Counter(grade.verdict.value for grade in results.grades)
        self.say(", ".join(f"{n} {name}" for name, n in sorted(counts.items())))
        moment = [grade.student for grade in results.grades if grade.verdict in OF_THE_MOMENT]
        if moment:
            again = " ".join(f"--student {shlex.quote(student)}" for student in moment)
            self.say(f"If the machine was busy, grade these alone: give --fresh {again}")
        if results.not_recognised:
            self.say(f"Not graded, because it cannot be told whose it is ({len(results.not_recognised)}):")
        for unknown in results.not_recognised:
            self.say(f"  {unknown.name}: {unknown.what}")
        for grade in results.grades:
            for text in grade.broken:
                self.say(f"A check broke on {grade.student}'s answer. {text}.")
        for group in results.identical:
            self.say(f"The same cells, run once: {', '.join(group)}")
        if (other := other_release(results)).students:
            self.say(f"{other.what}: {len(other.students)} of {_submissions(len(results.grades))}. {other.do}")
        for line in _marks_said(results, index.parents[2]):
            self.say(line)
        self.say(f"Report:    {index}")
        self.say(f"Results:   {index.parent.parent / 'results.json'}")
        self.say(f"Gradebook: {index.parents[2] / 'gradebook.db'}")

    def changed(self, comparison: Comparison) -> None:
        """Whose grade is another one than before and why, and who was judged otherwise, in an earlier round."""
        regraded = [change_text(change) for change in comparison.changes if change.before and change.after]
        if regraded:
            self.say(f"{len(regraded)} changed: {_few(regraded, '; ')}")
        self._earlier(comparison)

    def compared(self, comparison: Comparison, page: Path) -> None:
        """Two gradings: who has another grade and why, in one table, and where the page is, which tells the tasks."""
        for when, side in (("Before", comparison.before), ("After", comparison.after)):
            self.say(f"{when}: {side.name}{round_text(side.round)}")
        table = Table(title=f"{len(comparison.changes)} of {counted(comparison.students, 'student')} changed")
        table.add_column("student", overflow="fold")
        for column in ("before", "after"):
            table.add_column(column, justify="right", no_wrap=True)
        table.add_column("why", overflow="fold")
        for change in comparison.changes:
            same = change.before and change.after and change.before.verdict == change.after.verdict
            sides = (
                "not there" if one is None else score(one) + ("" if same else f" {one.verdict}")
                for one in (change.before, change.after)
            )
            table.add_row(*map(self._plain, (change.student, *sides, ", ".join(change.why))))
        if comparison.changes:
            self.console.print(table)
        else:
            self.say("Nobody's verdict, points or checks differ.")
        for line in _by_hand_said(grade.marks for grade in comparison.after.results.grades if grade.marks):
            self.say(line)
        self._earlier(comparison)
        self.say(f"Page:   {page}")

    def _earlier(self, comparison: Comparison) -> None:
        for otherwise, students in comparison.earlier:
            self.say(f"{len(students)} kept from an earlier round ({', '.join(otherwise)}): {_few(students)}")

    def rounds(self, rounds: Sequence[tuple[str, Round, int]]) -> None:
        """The rounds of a workspace: (assignment, round, how many it graded)."""
        table = Table(title="Rounds")
        for column in ("assignment", "round", "when (UTC)", "seed", "graded", "on", "reason"):
            table.add_column(
                column, overflow="fold", justify="right" if column in ("round", "seed", "graded") else "left"
            )
        for assignment, one, count in rounds:
            when = one.when.replace("T", " ").removesuffix("Z")
            row = (assignment, str(one.number), when, str(one.seed), str(count), one.machine, one.reason)
            table.add_row(*map(self._plain, row))
        self.console.print(table)

    def room(self, workspace: Path, before: Mapping[str, int], after: Mapping[str, int]) -> None:
        """What the parts of a workspace take and took before, in bytes."""
        table = Table(title=f"{workspace}: {_size(sum(after.values()))}", show_footer=True)
        table.add_column("part", "together", overflow="fold")
        table.add_column("room", _size(sum(after.values())), justify="right")
        if before != after:
            table.add_column("before", _size(sum(before.values())), justify="right")
        for part, was in sorted(before.items(), key=lambda one: -one[1]):
            table.add_row(self._plain(part), *map(_size, (after.get(part, 0), was)[: len(table.columns) - 1]))
        self.console.print(table)


def _size(count: int) -> str:
    """1234567 -> "1.2 MB"."""
    for unit, bytes_ in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= bytes_:
            return f"{count / bytes_:.1f} {unit}"
    return f"{count} B"


def _marks_said(results: ClassResults, workspace: Path) -> Iterator[str]:
    """What a person has marked, and what waits."""
    marks = [grade.marks for grade in results.grades if grade.marks]
    yield from _by_hand_said(marks)
    if stale := [f"{one.student} ({', '.join(one.stale)})" for one in marks if one.stale]:
        yield f"Marked by hand, and changed since: {', '.join(stale)}"
    waiting = [count for grade in results.grades if (count := _to_mark(grade))]
    if waiting:
        answers, students = counted(sum(waiting), "answer"), counted(len(waiting), "student")
        yield f"{answers} of {students} {'wait' if sum(waiting) > 1 else 'waits'} for you. To mark them:"
        yield f"  cd {shlex.quote(str(workspace))} && jupyter lab    (menu Nbgrader > Formgrader)"
    elif any(one.written for one in marks):
        yield "No written answer waits for you."


def _to_mark(grade: Grade) -> int:
    """How many questions wait for a person. After a fault of ours it is the grader's turn, not a person's."""
    return 0 if grade.verdict is Verdict.GRADER_ERROR else len(grade.waiting)


def _by_hand_said(marks: Iterable[Marks]) -> Iterator[str]:
    """Points that a person gave in place of the automatic ones."""
    for one in marks:
        if one.by_hand:
            given = ", ".join(f"{mark.question} {points(mark.score or 0)}" for mark in one.by_hand)
            self_checks = ", ".join(f"{mark.question} {points(mark.automatic or 0)}" for mark in one.by_hand)
            yield f"By hand: {one.student}: {given} (the checks gave {self_checks})"


def _few(texts: Sequence[str], between: str = ", ", most: int = 20) -> str:
    more = len(texts) - most
    return between.join(texts[:most]) + (f" and {more} more: see autograder diff" if more > 0 else "")


def _submissions(count: int) -> str:
    return counted(count, "submission")
