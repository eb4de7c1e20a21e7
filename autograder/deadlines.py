"""How late work was, and what that costs; computed whenever grades leave, and never stored.

So a moved deadline needs no regrade. ``deadlines_file`` makes ``Deadlines`` from the instructor's file. Knows nothing
of notebooks, workspaces or sheets.
"""

import datetime
import itertools
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeVar

from autograder.errors import UsageError, listed
from autograder.spelling import misspelt

DAY = datetime.timedelta(days=1)
EARNED, POSSIBLE = "earned", "possible"
_Entry = TypeVar("_Entry")


@dataclass(frozen=True)
class Arrival:
    """When one student handed in, as far as anything says it.

    Attributes:
        submitted: ISO 8601; without an offset in the platform's own time; "" if nothing says it.
        late: The platform's late mark; None where it has none.
        id: What the platform knows the student by.
    """

    submitted: str = ""
    late: bool | None = None
    id: str = ""


@dataclass(frozen=True)
class Curve:
    """How much is lost by how late.

    Attributes:
        steps: Later than the first of each pair costs the second, in percent; by time. The last that holds counts.
        percent: Percent for each ``per`` that has begun; 0 if there are steps.
        cap: The most that ``percent`` adds up to.
        cutoff: Later than this costs everything; None for never.
        of: ``EARNED`` or ``POSSIBLE``: what the percent are of.
    """

    steps: tuple[tuple[datetime.timedelta, float], ...] = ()
    percent: float = 0.0
    per: datetime.timedelta = DAY
    cap: float = 100.0
    cutoff: datetime.timedelta | None = None
    of: str = EARNED

    def lost(self, late_by: datetime.timedelta) -> float:
        """Percent lost, 0 to 100."""
        if late_by <= datetime.timedelta():
            return 0.0
        if self.cutoff is not None and late_by > self.cutoff:
            return 100.0
        stepped = max((percent for after, percent in self.steps if late_by > after), default=0.0)
        return stepped if self.steps else min(self.cap, self.percent * math.ceil(late_by / self.per))


@dataclass(frozen=True)
class Exemption:
    """What was granted to one student for one assignment; one of ``due``, ``no_penalty`` and ``penalty_points``."""

    student: str
    reason: str
    due: datetime.datetime | None = None
    no_penalty: bool = False
    penalty_points: float | None = None


@dataclass(frozen=True)
class Rule:
    """The deadline of one assignment."""

    assignment: str
    due: datetime.datetime
    grace: datetime.timedelta
    curve: Curve
    late_mark: datetime.timedelta | None
    late_days: int
    submitted: Mapping[str, datetime.datetime]
    exemptions: Mapping[str, Exemption]


@dataclass(frozen=True)
class Lateness:
    """How late one student was, and what that costs.

    Attributes:
        due: When it was due for this student.
        submitted: None if nothing says when it was handed in.
        late_by: Zero if in time, or if nothing is known.
        days_used: Late days taken from the student's bank.
        percent: Percent lost.
        of: Of what: ``EARNED`` or ``POSSIBLE``.
        points: Points lost whatever the time, where that was decided; else None.
        reason: Why this student differs, or what had to be assumed; may be empty.
        known: Whether anything says if it was in time; if not, it counts as in time.
    """

    due: datetime.datetime
    submitted: datetime.datetime | None = None
    late_by: datetime.timedelta = datetime.timedelta()
    days_used: int = 0
    percent: float = 0.0
    of: str = EARNED
    points: float | None = None
    reason: str = ""
    known: bool = True

    def penalty(self, earned: float, possible: float) -> float:
        """Points lost, rounded to a hundredth; never more than were earned."""
        lost = self.points
        if lost is None:
            lost = self.percent / 100 * (earned if self.of == EARNED else possible)
        return round(max(0.0, min(earned, lost)), 2)


@dataclass(frozen=True)
class Deadlines:
    """What the file says."""

    file: str
    zone: datetime.tzinfo | None
    late_days: int
    rules: Mapping[str, Rule]

    def lateness(
        self, assignment: str, arrivals: Mapping[str, Mapping[str, Arrival]], others: Collection[str] = ()
    ) -> dict[str, Lateness]:
        """How late everyone was who handed in this assignment; nobody where the file has no deadline for it.

        Late days are used up in the order in which the assignments were due.

        Args:
            arrivals: Assignment -> student -> when it came, for all assignments whose late days count.
            others: Students who are known to exist and need not have handed in.

        Raises:
            UsageError: The file names a student who is close to one of those who handed in, and is none; a time has
                no zone; or a late mark is all that is known and the file does not say what it is worth.
        """
        left: dict[str, int] = {}
        found: dict[str, Lateness] = {}
        for rule in sorted(self.rules.values(), key=lambda one: (one.due.astimezone(datetime.UTC), one.assignment)):
            found = {}
            names = _names(arrivals.get(rule.assignment, {}))
            self._check_names(rule, names, {*others, *itertools.chain(*arrivals.values())})
            times = self._by_student(rule.submitted, names, "times", f"[{rule.assignment}.submitted]")
            granted = self._by_student(rule.exemptions, names, "exceptions", f"[[{rule.assignment}.exception]]")
            unknown = []
            for student, arrival in sorted(arrivals.get(rule.assignment, {}).items()):
                one = self._of_one(
                    rule, arrival, times.get(student), granted.get(student), left.get(student, self.late_days)
                )
                if one is None:
                    unknown.append(student)
                    continue
                found[student] = one
                left[student] = left.get(student, self.late_days) - one.days_used
            if unknown and rule.assignment == assignment:
                raise UsageError(self._late_by_unknown(rule, unknown, granted))
            if rule.assignment == assignment:
                return found
        return {}

    def _late_by_unknown(self, rule: Rule, students: list[str], granted: Mapping[str, Exemption]) -> str:
        """The sentence on students who are marked as late, where nothing says by how much."""
        own = [one for one in students if one in granted and granted[one].due]
        if rule.late_mark is not None and own:  # the others have what it is worth
            return (
                f"The platform marks as late against the deadline of all, and these have their own: {listed(own)}. In "
                f"{self.file}, say when they handed in under [{rule.assignment}.submitted], or give them "
                "no_penalty = true in place of due."
            )
        return (
            f"The platform marks as late, and does not say by how much: {listed(students)}. In {self.file}, "
            f'give late_mark = "1 day" under [{rule.assignment}] to count each as a day late, or give their times '
            f"under [{rule.assignment}.submitted]."
        )

    def _of_one(
        self,
        rule: Rule,
        arrival: Arrival,
        given: datetime.datetime | None,
        exemption: Exemption | None,
        days_left: int,
    ) -> Lateness | None:
        """None where only a late mark is known, and nothing says what it is worth."""
        due = exemption.due if exemption and exemption.due else rule.due
        submitted = given or self._moment(arrival.submitted)
        reason = exemption.reason if exemption else ""
        if exemption and (exemption.no_penalty or exemption.penalty_points is not None):
            late_by = _later(submitted, due, rule.grace)
            return Lateness(due, submitted, late_by, points=exemption.penalty_points or 0.0, reason=reason)
        if submitted is not None:
            late_by = _later(submitted, due, rule.grace)
        elif not arrival.late:
            known = arrival.late is False
            why = [reason] if known else [reason, "no time is known; counted as in time"]
            return Lateness(due, reason="; ".join(filter(None, why)), known=known)
        elif rule.late_mark is None or due != rule.due:  # the mark does not know of the other date
            return None
        else:
            late_by = rule.late_mark
            reason = "; ".join(filter(None, (reason, "only a late mark is known")))
        needed = math.ceil(late_by / DAY)
        most = max(0, min(needed, days_left, rule.late_days))
        used = min(range(most + 1), key=lambda days: rule.curve.lost(late_by - days * DAY))  # the fewest that do it
        percent = rule.curve.lost(late_by - used * DAY)
        return Lateness(due, submitted, late_by, used, percent, rule.curve.of, None, reason)

    def _moment(self, text: str) -> datetime.datetime | None:
        if not text:
            return None
        try:
            moment = datetime.datetime.fromisoformat(text)
            moment.astimezone(datetime.UTC)
        except (ValueError, OverflowError):  # no time, or one at the end of all times
            return None
        if moment.tzinfo is None and self.zone is None:
            raise UsageError(
                f"The platform's times have no zone ({text}). Name theirs in {self.file}: "
                'timezone = "Europe/Berlin", for example.'
            )
        return moment if moment.tzinfo else moment.replace(tzinfo=self.zone)

    def _check_names(self, rule: Rule, names: Mapping[str, str], known: Collection[str]) -> None:
        """Refuse a misspelt student. Somebody who is unlike all others may simply not have handed in yet."""
        for name in {*rule.submitted, *rule.exemptions} - {*names} - {*known}:
            if close := [] if name.isdigit() else misspelt(name, names, most=3, least=80):
                raise UsageError(
                    f"{self.file} names the student {name!r} under [{rule.assignment}], and nobody of that name handed "
                    f"in. Close to it: {listed(close)}. Write the name as the report has it. If it is somebody who "
                    "handed in nothing, give a list with that name in it with --roster."
                )

    def _by_student(
        self, entries: Mapping[str, _Entry], names: Mapping[str, str], what: str, where: str
    ) -> dict[str, _Entry]:
        """The entries by student; two for one student would leave to chance which of them holds."""
        found: dict[str, str] = {}
        for name in entries:
            first = found.setdefault(names.get(name, name), name)
            if first != name:
                raise UsageError(
                    f"{self.file} has two {what} for one student under {where}: {first!r} and {name!r} are both "
                    f"{names.get(name, name)}. Keep one."
                )
        return {student: entries[name] for student, name in found.items()}

    def absent(self, assignment: str, arrivals: Mapping[str, Arrival]) -> list[str]:
        """Students for whom the file says something and who handed in nothing."""
        rule = self.rules.get(assignment)
        return sorted({*rule.submitted, *rule.exemptions} - {*_names(arrivals)}) if rule else []


def _later(
    submitted: datetime.datetime | None, due: datetime.datetime, grace: datetime.timedelta
) -> datetime.timedelta:
    if submitted is None:
        return datetime.timedelta()
    # In UTC, because the difference of two times of one zone leaves out that its clock was put back between them.
    late_by = submitted.astimezone(datetime.UTC) - due.astimezone(datetime.UTC)
    return late_by if late_by > grace else datetime.timedelta()


def _names(arrivals: Mapping[str, Arrival]) -> dict[str, str]:
    """What the file may call each student -> the student: the name in the report, or the platform's number."""
    ids = [one.id for one in arrivals.values()]
    by_id = {one.id: student for student, one in arrivals.items() if one.id and ids.count(one.id) == 1}
    return by_id | {student: student for student in arrivals}
