"""Explains lateness: to an instructor as a table for the terminal, to a student in sentences."""

import datetime
from collections.abc import Sequence

from rich import box
from rich.table import Table

from autograder.deadlines import Arrival, Deadlines
from autograder.errors import counted, listed
from autograder.export.grades import FinalGrade
from autograder.report.terminal import plain
from autograder.report.text import points


def lateness_table(grades: Sequence[FinalGrade]) -> Table:
    """Everyone who handed in: when, when it was due, how late, late days used, points lost, why. The latest last."""
    known = [(grade, grade.lateness) for grade in grades if grade.lateness]
    zone = f" ({known[0][1].due.tzname()})" if known else ""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("student", overflow="fold")
    for column in ("submitted", f"due{zone}"):
        table.add_column(column, no_wrap=True)
    for column in ("late by", "late days", "penalty"):
        table.add_column(column, justify="right")
    table.add_column("reason", overflow="fold")
    for grade, late in sorted(known, key=lambda one: (one[1].late_by, one[0].student)):
        lost = f"−{points(grade.penalty)}" if grade.penalty else ""
        percent = f" ({points(late.percent)} %)" if late.percent and late.points is None else ""
        shown = [grade.student, _moment(late.submitted, late.due), _moment(late.due, late.due), _span(late.late_by)]
        shown += [str(late.days_used or ""), lost + percent, late.reason]
        table.add_row(*map(plain, shown))
    return table


def told_to_the_student(grade: FinalGrade) -> str:
    """What lateness cost and why, without the reason that somebody noted; "" if it cost nothing."""
    late = grade.lateness
    if late is None or not (grade.penalty or late.days_used):
        return ""
    by = f", handed in {_span(late.late_by)} late" if late.late_by else ""
    when = f"Due {late.due:%Y-%m-%d %H:%M %Z}{by}."
    days = f" {counted(late.days_used, 'late day')} used." if late.days_used else ""
    cost = f" That costs {points(grade.penalty)} points, so {points(grade.total)} count." if grade.penalty else ""
    return f"{when}{days}{cost}"


def who_is_absent(deadlines: Deadlines, assignment: str, grades: Sequence[FinalGrade]) -> list[str]:
    """A remark on students whom the file names and who handed in nothing."""
    arrivals = {one.student: Arrival(id=one.handin.id if one.handin else "") for one in grades}
    absent = deadlines.absent(assignment, arrivals)
    return (
        [f"Named in {deadlines.file}, handed in nothing ({len(absent)}): {listed(absent)}. Are the names right?"]
        if absent
        else []
    )


def _moment(moment: datetime.datetime | None, like: datetime.datetime) -> str:
    """A time in the zone of the deadline."""
    return moment.astimezone(like.tzinfo).strftime("%Y-%m-%d %H:%M") if moment else "unknown"


def _span(span: datetime.timedelta) -> str:
    """ "2 d 3 h", "15 min"; "" for nothing."""
    minutes = -(-int(span.total_seconds()) // 60)
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [(days, "d"), (hours, "h"), (rest if not days else 0, "min")]
    return " ".join(f"{value} {unit}" for value, unit in parts if value)
