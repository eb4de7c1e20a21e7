"""A workspace in a terminal: its rounds, and what its parts take on disk."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import JustifyMethod
from rich.table import Table

from autograder.report.terminal import Terminal, plain
from autograder.results import Round


def show_rounds(terminal: Terminal, rounds: Sequence[tuple[str, Round, int]]) -> None:
    """The rounds of a workspace: (assignment, round, how many it graded)."""
    table = Table(title="Rounds")
    for column in ("assignment", "round", "when (UTC)", "seed", "graded", "on", "reason"):
        justify: JustifyMethod = "right" if column in ("round", "seed", "graded") else "left"
        table.add_column(column, overflow="fold", justify=justify)
    for assignment, one, count in rounds:
        when = one.when.replace("T", " ").removesuffix("Z")
        row = (assignment, str(one.number), when, str(one.seed), str(count), one.machine, one.reason)
        table.add_row(*map(plain, row))
    terminal.console.print(table)


def show_room(terminal: Terminal, workspace: Path, before: Mapping[str, int], after: Mapping[str, int]) -> None:
    """What the parts of a workspace take and took before, in bytes."""
    table = Table(title=f"{workspace}: {_size(sum(after.values()))}", show_footer=True)
    table.add_column("part", "together", overflow="fold")
    table.add_column("room", _size(sum(after.values())), justify="right")
    if before != after:
        table.add_column("before", _size(sum(before.values())), justify="right")
    for part, was in sorted(before.items(), key=lambda one: -one[1]):
        table.add_row(plain(part), *map(_size, (after.get(part, 0), was)[: len(table.columns) - 1]))
    terminal.console.print(table)


def _size(count: int) -> str:
    """1234567 -> "1.2 MB"."""
    for unit, bytes_ in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= bytes_:
            return f"{count / bytes_:.1f} {unit}"
    return f"{count} B"
