"""A graded class in a terminal: one table, what a person has to do now, and where to look."""

import shlex
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

from rich.table import Table

from autograder.errors import counted
from autograder.report.concerns import other_release
from autograder.report.terminal import NARROW, Terminal, plain
from autograder.report.text import by_hand_lines, points, score
from autograder.results import ClassResults, Grade, Verdict

OF_THE_MOMENT = (Verdict.TIMEOUT, Verdict.OUT_OF_MEMORY, Verdict.KERNEL_DIED)
COLOURS = {Verdict.OK: "green", Verdict.GRADER_ERROR: "bold red"}


def show_class(terminal: Terminal, results: ClassResults, index: Path, only: Collection[str] | None = None) -> None:
    """The class in one table, and where to look.

    Args:
        only: Students to show; None for all.
    """
    if only is not None:
        results = replace(results.of(only), not_recognised=())
    table = Table(title=f"{results.assignment}: {counted(len(results.grades), 'submission')}")
    table.add_column("student", overflow="fold", min_width=8)
    table.add_column("verdict", no_wrap=True)
    columns = ("automatic", "total", "to mark", "notes")
    shown = columns if terminal.console.width >= NARROW else columns[:1]
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
        table.add_row(plain(grade.student), f"[{colour}]{grade.verdict}[/]", *numbers[: len(shown)])
    terminal.console.print(table)
    counts = Counter(grade.verdict.value for grade in results.grades)
    terminal.say(", ".join(f"{n} {name}" for name, n in sorted(counts.items())))
    moment = [grade.student for grade in results.grades if grade.verdict in OF_THE_MOMENT]
    if moment:
        again = " ".join(f"--student {shlex.quote(student)}" for student in moment)
        terminal.say(f"If the machine was busy, grade these alone: give --fresh {again}")
    if results.not_recognised:
        terminal.say(f"Not graded, because it cannot be told whose it is ({len(results.not_recognised)}):")
    for unknown in results.not_recognised:
        terminal.say(f"  {unknown.name}: {unknown.what}")
    for grade in results.grades:
        for text in grade.broken:
            terminal.say(f"A check broke on {grade.student}'s answer. {text}.")
    for group in results.identical:
        terminal.say(f"The same cells, run once: {', '.join(group)}")
    if (other := other_release(results)).students:
        terminal.say(f"{other.what}: {len(other.students)} of {counted(len(results.grades), 'submission')}. {other.do}")
    for line in _marks_lines(results, index.parents[2]):
        terminal.say(line)
    terminal.say(f"Report:    {index}")
    terminal.say(f"Results:   {index.parent.parent / 'results.json'}")
    terminal.say(f"Gradebook: {index.parents[2] / 'gradebook.db'}")


def _marks_lines(results: ClassResults, workspace: Path) -> Iterator[str]:
    """What a person has marked, and what waits."""
    marks = [grade.marks for grade in results.grades if grade.marks]
    yield from by_hand_lines(marks)
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
