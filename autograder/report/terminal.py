"""The class in a terminal: progress while it is graded, a table at the end; plain lines where there is no terminal."""

import contextlib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from autograder.report.text import points, score
from autograder.results import ClassResults, Grade, Verdict

OF_THE_MOMENT = (Verdict.TIMEOUT, Verdict.OUT_OF_MEMORY, Verdict.KERNEL_DIED)
COLOURS = {Verdict.OK: "green", Verdict.GRADER_ERROR: "bold red"}

# Names and messages can hold what moves the cursor, ends a line, turns the direction of writing, or is no text.
UNSHOWN = "[\ud800-\udfff\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]"


class ClassDisplay:
    """Shows a class being graded.

    Attributes:
        grades: The grades of this run, in the order they came.
    """

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=True)
        self.grades: list[Grade] = []
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
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

    def found(self, count: int) -> None:
        """The submissions are counted."""
        self.say(f"{_submissions(count)} found; the solutions notebook comes first")
        self._bar.update(self._row, total=count)

    def kept(self, count: int) -> None:
        """So many are unchanged."""
        if count:
            self.say(f"{count} unchanged since graded, kept as they are (--fresh runs everything again)")
            self._bar.advance(self._row, count)

    def prepared(self, box: str, seed: int, why_cold: str, jobs: int) -> None:
        """The solutions have run."""
        self.say(f"Box: {box}, {f'cold: {why_cold}' if why_cold else 'warm'}; seed {seed}; {jobs} at a time")
        self._bar.update(self._row, description="grading")

    def graded(self, grade: Grade) -> None:
        """One more submission is done."""
        self.grades.append(grade)
        counts = Counter(one.verdict.value for one in self.grades)
        self._bar.update(
            self._row, advance=1, description=" ".join(f"{name} {n}" for name, n in sorted(counts.items()))
        )
        done = f"[{len(self.grades)}/{int(self._bar.tasks[0].total or 0)}]"
        message = f"  {grade.message}" if grade.message else ""
        self.say(f"{done:>9} {grade.student:<30} {grade.verdict:<13} {score(grade):>10}{message}")

    def summary(self, results: ClassResults, index: Path) -> None:
        """The class in one table, and where to look."""
        table = Table(title=f"{results.assignment}: {_submissions(len(results.grades))}")
        for column in ("student", "verdict"):
            table.add_column(column, overflow="fold")
        for column in ("automatic", "total", "to mark", "seconds", "notes"):
            table.add_column(column, justify="right", no_wrap=True)
        for grade in results.grades:
            colour = COLOURS.get(grade.verdict, "yellow")
            table.add_row(
                escape(grade.student),
                f"[{colour}]{grade.verdict}[/]",
                score(grade),
                f"{points(grade.total)} / {points(grade.total_max)}" if grade.marks else "",
                str(len(grade.waiting) or ""),
                f"{grade.wall_s:.1f}",
                str(len(grade.notes) or ""),
            )
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
