"""Reads ``deadlines.toml``, in which an instructor says when work is due, what lateness costs, and who is excused.

timezone = "Europe/Berlin"              # of all times below, and of a platform that writes none
late_days = 4                           # free late days of a student, for all assignments together

[early_exit]
due = 2026-10-01T23:59:00
grace = "15 min"                        # so much later is still in time
penalty = { percent = 10, per = "1 day", cap = 50, cutoff = "7 days" }
late_mark = "1 day"                     # how late a hand-in is of which only a late mark is known

[early_exit.submitted]
roe_77 = 2026-10-03T08:15:00            # when a platform does not say it

[[early_exit.exception]]
student = "doejane_1234"
due = 2026-10-08T23:59:00               # or: no_penalty = true; or: penalty_points = 2
reason = "ill, certificate of October 1"
"""

import datetime
import itertools
import re
import tomllib
import zoneinfo
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from autograder.deadlines import EARNED, POSSIBLE, Curve, Deadlines, Exemption, Rule
from autograder.errors import UsageError, listed
from autograder.spelling import misspelt

UNITS = {"min": 60, "minute": 60, "h": 3600, "hour": 3600, "day": 86400, "week": 604800}
MAX_BYTES = 1 << 20
TOP = {"timezone", "late_days"}
OF_ASSIGNMENT = {"due", "grace", "penalty", "late_mark", "late_days", "submitted", "exception"}
OF_PENALTY = {"percent", "per", "cap", "cutoff", "of", "steps"}
OF_STEP = {"after", "percent"}
OF_EXCEPTION = {"student", "due", "no_penalty", "penalty_points", "reason"}


def load_deadlines(file: Path, assignments: Iterable[str]) -> Deadlines | None:
    """What the file says; None where there is no file.

    Args:
        assignments: The course's.

    Raises:
        UsageError: It cannot be read, or something in it is unknown, missing or of a wrong kind.
    """
    try:
        if not file.exists():
            return None
        if file.stat().st_size > MAX_BYTES:
            raise UsageError(f"{file} is larger than a mebibyte; expected a file of deadlines.")
        table = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{file} is not valid TOML: {str(error)[:200]}.") from None
    except ValueError:  # of int()
        raise UsageError(
            f"{file} holds a number of thousands of digits. Expected one of days, percent or points."
        ) from None
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from None
    return _Reader(file.name).deadlines(table, sorted(assignments))


def duration(text: object) -> datetime.timedelta | None:
    """ "1 day", "90 min", "1 day 12 h"; None for anything else."""
    part = rf"(\d{{1,5}}(?:\.\d{{1,4}})?) *({'|'.join(sorted(UNITS, reverse=True))})s?\b *"
    if not isinstance(text, str) or not re.fullmatch(rf"({part}){{1,4}}", text):
        return None
    return datetime.timedelta(seconds=sum(float(value) * UNITS[unit] for value, unit in re.findall(part, text)))


def _shown(value: object) -> str:
    """A value of the file for a sentence; one that somebody pasted by mistake may be long."""
    try:
        text = repr(value)
    except ValueError:  # Python writes out no number of more than 4,300 digits
        return "a number of thousands of digits"
    return text if len(text) <= 80 else f"{text[:79]}…"


class _Reader:
    """Reads the tables of the file; every refusal names the place in it."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.zone: datetime.tzinfo | None = None

    def deadlines(self, table: dict[str, Any], assignments: list[str]) -> Deadlines:
        if "timezone" in table:
            self.zone = self._zone(table["timezone"])
        bank = self._count(table.get("late_days", 0), "late_days")
        rules = {}
        for name, value in table.items():
            if name in TOP:
                continue
            if name not in assignments:
                close = misspelt(name, [*TOP, *assignments])
                guess = f" Did you mean {close[0]!r}?" if close else ""
                raise UsageError(
                    f"{self.file} has {_shown(name)}, which is no assignment of this course "
                    f"({', '.join(assignments)}) and no setting ({', '.join(sorted(TOP))}).{guess}"
                )
            rules[name] = self._rule(name, self._table(value, f"[{name}]"), bank)
        return Deadlines(self.file, self.zone, bank, rules)

    def _rule(self, name: str, table: dict[str, Any], bank: int) -> Rule:
        where = f"[{name}]"
        self._check_keys(table, OF_ASSIGNMENT, where)
        if "due" not in table:
            raise UsageError(f"{self.file} has no due under {where}. Give one: due = 2026-10-01T23:59:00.")
        submitted = self._table(table.get("submitted", {}), f"[{name}.submitted]")
        entries = table.get("exception", [])
        if not isinstance(entries, list):
            raise UsageError(f"{self.file}: expected [[{name}.exception]] with two brackets, for each student.")
        exemptions: dict[str, Exemption] = {}
        for entry in entries:
            one = self._exemption(entry, f"[[{name}.exception]]")
            if one.student in exemptions:
                raise UsageError(f"{self.file} has two exceptions for {_shown(one.student)} under {where}. Keep one.")
            exemptions[one.student] = one
        late_mark = self._duration(table["late_mark"], f"late_mark under {where}") if "late_mark" in table else None
        return Rule(
            name,
            self._time(table["due"], f"due under {where}"),
            self._duration(table.get("grace", "0 min"), f"grace under {where}"),
            self._curve(table.get("penalty", {}), f"penalty under {where}"),
            late_mark,
            self._count(table.get("late_days", bank), f"late_days under {where}"),
            {who: self._time(time, f"{who[:80]} under [{name}.submitted]") for who, time in submitted.items()},
            exemptions,
        )

    def _exemption(self, entry: Any, where: str) -> Exemption:
        table = self._table(entry, where)
        self._check_keys(table, OF_EXCEPTION, where)
        for key in ("student", "reason"):
            if not isinstance(table.get(key), str) or not table[key].strip():
                raise UsageError(f"{self.file} has no {key} in an entry of {where}. Give each a student and a reason.")
        student = table["student"]
        kinds = [key for key in ("due", "no_penalty", "penalty_points") if key in table]
        if len(kinds) != 1:
            raise UsageError(
                f"{self.file}: the exception for {_shown(student)} in {where} has "
                f"{' and '.join(kinds) or 'no ruling'}; expected one of due, no_penalty = true and penalty_points."
            )
        if "no_penalty" in table and table["no_penalty"] is not True:
            raise UsageError(
                f"{self.file}: no_penalty for {_shown(student)} in {where} can only be true. Else leave it out."
            )
        due = self._time(table["due"], f"due of {_shown(student)} in {where}") if "due" in table else None
        points = table.get("penalty_points")
        points = None if points is None else self._number(points, f"penalty_points of {_shown(student)} in {where}")
        return Exemption(student, table["reason"].strip(), due, "no_penalty" in table, points)

    def _curve(self, value: Any, where: str) -> Curve:
        table = self._table(value, where)
        self._check_keys(table, OF_PENALTY, where)
        of = table.get("of", EARNED)
        if of not in (EARNED, POSSIBLE):
            raise UsageError(f'{self.file}: {where} has of = {_shown(of)}; expected "earned" or "possible".')
        if "steps" in table:
            if more := {*table} - {"steps", "of"}:
                raise UsageError(
                    f"{self.file}: {where} has steps and {listed(sorted(more))}; expected one or the other."
                )
            return Curve(self._steps(table["steps"], where), of=of)
        per = self._duration(table.get("per", "1 day"), where)
        if not per:
            raise UsageError(
                f'{self.file}: {where} has per = {_shown(table["per"])}; expected more than nothing: "1 day".'
            )
        cutoff = self._duration(table["cutoff"], where) if "cutoff" in table else None
        percent, cap = self._percent(table.get("percent", 0), where), self._percent(table.get("cap", 100), where)
        return Curve((), percent, per, cap, cutoff, of)

    def _steps(self, value: Any, where: str) -> tuple[tuple[datetime.timedelta, float], ...]:
        steps = []
        if value == []:
            raise UsageError(f"{self.file}: {where} has no steps in its list. Give one, or leave steps out.")
        for entry in value if isinstance(value, list) else [value]:
            step = self._table(entry, where)
            self._check_keys(step, OF_STEP, where)
            if {*step} != OF_STEP:
                raise UsageError(f'{self.file}: each step of {where} needs after = "1 day" and percent = 20.')
            steps.append((self._duration(step["after"], where), self._percent(step["percent"], where)))
        if any(one[0] >= next[0] or one[1] > next[1] for one, next in itertools.pairwise(steps)):
            raise UsageError(f"{self.file}: the steps of {where} do not rise. Order them by time and by percent.")
        return tuple(steps)

    def _check_keys(self, table: dict[str, Any], known: set[str], where: str) -> None:
        for key in table:
            if key not in known:
                close = misspelt(key, known)
                guess = f" Did you mean {close[0]!r}?" if close else f" Known are {', '.join(sorted(known))}."
                raise UsageError(f"{self.file} has an unknown key {_shown(key)} in {where}.{guess}")

    def _table(self, value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise UsageError(f"{self.file} has {_shown(value)} for {where}; expected a table.")
        return value

    def _zone(self, value: Any) -> datetime.tzinfo:
        try:
            return zoneinfo.ZoneInfo(value)
        except (KeyError, ValueError, TypeError, OSError):
            raise UsageError(
                f'{self.file} has timezone = {_shown(value)}; expected a name such as "Europe/Berlin" or "UTC".'
            ) from None

    def _time(self, value: Any, where: str) -> datetime.datetime:
        if not isinstance(value, datetime.datetime):
            raise UsageError(
                f"{self.file}: {where} is {_shown(value)}; expected a time without quotes: 2026-10-01T23:59:00."
            )
        if not 1970 <= value.year <= 2999:
            raise UsageError(f"{self.file}: {where} is {value}; expected a year from 1970 to 2999.")
        if value.tzinfo is None and self.zone is None:
            raise UsageError(
                f"{self.file}: {where} is {value}, which is in no time zone. Begin the file with "
                'timezone = "Europe/Berlin", for example.'
            )
        return value if value.tzinfo else value.replace(tzinfo=self.zone)

    def _duration(self, value: Any, where: str) -> datetime.timedelta:
        found = duration(value)
        if found is None:
            raise UsageError(
                f'{self.file}: {where} is {_shown(value)}; expected a duration such as "15 min", "2 h", "1 day".'
            )
        return found

    def _number(self, value: Any, where: str, most: float = 1e6) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
            raise UsageError(f"{self.file}: {where} is {_shown(value)}; expected a number from 0 to {most:g}.")
        return float(value)

    def _percent(self, value: Any, where: str) -> float:
        return self._number(value, where, 100)

    def _count(self, value: Any, where: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 1000:
            raise UsageError(f"{self.file}: {where} is {_shown(value)}; expected a whole number of days.")
        return value
