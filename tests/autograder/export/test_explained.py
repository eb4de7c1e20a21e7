"""Lateness in words: for an instructor, and for a student."""

import datetime

from platform_sheets import final
from rich.console import Console

from autograder.deadlines import Lateness
from autograder.export.explained import lateness_table, told_to_the_student

DUE = datetime.datetime(2026, 10, 1, 23, 59, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)


def test_a_student_is_told_what_it_cost_and_not_what_somebody_noted() -> None:
    late = Lateness(DUE, DUE + 50 * HOUR, 50 * HOUR, 1, 20.0, reason="told me he overslept")
    told = told_to_the_student(final("ann", lateness=late))

    assert told == (
        "Due 2026-10-01 23:59 UTC, handed in 2 d 2 h late. 1 late day used. That costs 1.1 points, so 4.4 count."
    )
    assert told_to_the_student(final("ann", lateness=Lateness(DUE, points=2.0))) == (
        "Due 2026-10-01 23:59 UTC. That costs 2 points, so 3.5 count."
    )
    assert told_to_the_student(final("ann", lateness=Lateness(DUE))) == told_to_the_student(final("ann")) == ""


def test_the_table_shows_no_markup_and_no_control_characters() -> None:
    late = Lateness(DUE, None, 90 * HOUR / 60, reason="[red]ill[/red]\x1b[2J")
    console = Console(width=200)
    with console.capture() as shown:
        console.print(lateness_table([final("a[b]\x07", lateness=late), final("bob")]))

    (line,) = (line for line in shown.get().splitlines() if "unknown" in line)
    assert line.split() == ["a[b]?", "unknown", "2026-10-01", "23:59", "1", "h", "30", "min", "[red]ill[/red]?[2J"]
    assert "bob" not in shown.get()
