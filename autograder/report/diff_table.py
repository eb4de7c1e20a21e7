"""Two gradings of a class in a terminal: who has another grade, and why."""

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from autograder.changes import Comparison
from autograder.errors import counted
from autograder.report.terminal import Terminal, plain
from autograder.report.text import by_hand_lines, change_text, round_text, score

FEW = 20  # changes or students named in one line


def show_changed(terminal: Terminal, comparison: Comparison) -> None:
    """Whose grade is another one than before and why, and who was judged otherwise, in an earlier round."""
    regraded = [change_text(change) for change in comparison.changes if change.before and change.after]
    if regraded:
        terminal.say(f"{len(regraded)} changed: {_few(regraded, '; ')}")
    _show_earlier(terminal, comparison)


def show_comparison(terminal: Terminal, comparison: Comparison, page: Path) -> None:
    """Two gradings: who has another grade and why, in one table, and where the page is, which tells the tasks."""
    for when, side in (("Before", comparison.before), ("After", comparison.after)):
        terminal.say(f"{when}: {side.name}{round_text(side.round)}")
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
        table.add_row(*map(plain, (change.student, *sides, ", ".join(change.why))))
    if comparison.changes:
        terminal.console.print(table)
    else:
        terminal.say("Nobody's verdict, points or checks differ.")
    for line in by_hand_lines(grade.marks for grade in comparison.after.results.grades if grade.marks):
        terminal.say(line)
    _show_earlier(terminal, comparison)
    terminal.say(f"Page:   {page}")


def _show_earlier(terminal: Terminal, comparison: Comparison) -> None:
    for otherwise, students in comparison.earlier:
        terminal.say(f"{len(students)} kept from an earlier round ({', '.join(otherwise)}): {_few(students)}")


def _few(texts: Sequence[str], between: str = ", ") -> str:
    more = len(texts) - FEW
    return between.join(texts[:FEW]) + (f" and {more} more: see autograder diff" if more > 0 else "")
