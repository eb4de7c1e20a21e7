"""deadlines.toml: what it may say, and the sentence for what it may not."""

import datetime
from pathlib import Path

import pytest
from fuzz import bounded
from hypothesis import given
from hypothesis import strategies as st

from autograder import deadlines_file
from autograder.deadlines import Deadlines
from autograder.deadlines_file import duration, load_deadlines
from autograder.errors import UsageError

ZONE = 'timezone = "Europe/Berlin"\n'
DUE = "[hw]\ndue = 2026-10-01T23:59:00\n"


@pytest.fixture(name="read")
def _read(tmp_path: Path):
    def read(text: str | bytes) -> Deadlines | None:
        (tmp_path / "deadlines.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_deadlines(tmp_path / "deadlines.toml", ["hw", "lab"])

    return read


def test_without_a_file_there_are_no_deadlines(tmp_path: Path) -> None:
    assert load_deadlines(tmp_path / "deadlines.toml", []) is None


def test_the_example_is_read(read) -> None:
    doc = deadlines_file.__doc__ or ""
    rules = read(doc[doc.index("timezone") :].replace("early_exit", "hw"))

    rule = rules.rules["hw"]
    assert (rules.late_days, rule.late_days) == (4, 4)
    assert rule.due.isoformat() == "2026-10-01T23:59:00+02:00"
    assert (rule.grace, rule.late_mark) == (datetime.timedelta(minutes=15), datetime.timedelta(days=1))
    assert (rule.curve.percent, rule.curve.cap, rule.curve.cutoff) == (10, 50, datetime.timedelta(days=7))
    assert rule.submitted["roe_77"].isoformat() == "2026-10-03T08:15:00+02:00"
    assert rule.exemptions["doejane_1234"].reason == "ill, certificate of October 1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("due = ", "is not valid TOML"),
        (b"\xff\xfe\0", "is not valid TOML"),
        ("a = " + "[" * 5000, "is not valid TOML"),
        ('timezone = "Berlin"', "timezone = 'Berlin'; expected a name"),
        ("timezone = 1", "timezone = 1; expected a name"),
        ('timezone = "../../etc/passwd"', "expected a name"),
        (DUE, "due under .hw. is 2026-10-01 23:59:00, which is in no time zone"),
        (ZONE + "[hw2]\n", "'hw2', which is no assignment of this course .hw, lab.*Did you mean 'hw'"),
        (ZONE + "zzz = 1", "'zzz', which is no assignment .* no setting .late_days, timezone.\\.$"),
        (ZONE + "hw = 1", "has 1 for .hw.; expected a table"),
        (ZONE + "[hw]", "has no due under .hw."),
        (ZONE + '[hw]\ndue = "tomorrow"', "is 'tomorrow'; expected a time without quotes"),
        (ZONE + "[hw]\ndue = 2026-10-01", "expected a time without quotes"),
        (ZONE + DUE + "gracee = 1", "unknown key 'gracee' in .hw.. Did you mean 'grace'"),
        (ZONE + DUE + "x = 1", "unknown key 'x' in .hw.. Known are due, exception, grace"),
        (ZONE + DUE + "grace = 15", "grace under .hw. is 15; expected a duration"),
        (ZONE + DUE + 'grace = "15 parsecs"', "expected a duration"),
        (ZONE + DUE + "late_days = -1", "late_days under .hw. is -1; expected a whole number"),
        (ZONE + "late_days = true", "late_days is True; expected a whole number"),
        (ZONE + DUE + "penalty = 10", "has 10 for penalty under .hw.; expected a table"),
        (
            ZONE + DUE + "penalty = { percnt = 10 }",
            "unknown key 'percnt' in penalty under .hw.. Did you mean 'percent'",
        ),
        (ZONE + DUE + "penalty = { percent = 110 }", "is 110; expected a number from 0 to 100"),
        (ZONE + DUE + "penalty = { percent = nan }", "expected a number from 0 to 100"),
        (ZONE + DUE + 'penalty = { percent = 1, per = "0 h" }', "per = '0 h'; expected more than nothing"),
        (ZONE + DUE + 'penalty = { of = "max" }', "of = 'max'; expected .earned. or .possible."),
        (ZONE + DUE + "penalty = { steps = [], cap = 1 }", "has steps and cap; expected one or the other"),
        (ZONE + DUE + 'penalty = { steps = [{ after = "1 h" }] }', "each step of .* needs after"),
        (ZONE + DUE + "penalty = { steps = [] }", "penalty under .hw. has no steps in its list"),
        (ZONE + "late_days = " + "9" * 5000, "deadlines.toml holds a number of thousands of digits"),
        (ZONE + "late_days = 0x" + "f" * 5000, "late_days is a number of thousands of digits; expected a whole"),
        (ZONE + DUE + "grace = '" + "x" * 5000 + "'", "grace under .hw. is 'x{78}…; expected a duration"),
        (ZONE + "z" * 5000 + " = 1", "has 'z{78}…, which is no assignment"),
        (ZONE + DUE + "penalty = { steps = [1] }", "has 1 for penalty"),
        (
            ZONE + DUE + 'penalty = { steps = [{ after = "1 h", percent = 9 }, { after = "2 h", percent = 8 }] }',
            "do not rise",
        ),
        (ZONE + DUE + "[hw.exception]\n", "expected ..hw.exception.. with two brackets"),
        (ZONE + DUE + '[[hw.exception]]\nstudent = "a"\nno_penalty = true', "has no reason in an entry"),
        (ZONE + DUE + '[[hw.exception]]\nreason = "a"\nno_penalty = true', "has no student in an entry"),
        (ZONE + DUE + '[[hw.exception]]\nstudent = "a"\nreason = "b"', "for 'a' in .* has no ruling"),
        (
            ZONE + DUE + '[[hw.exception]]\nstudent = "a"\nreason = "b"\nno_penalty = true\npenalty_points = 1',
            "has no_penalty and penalty_points",
        ),
        (ZONE + DUE + '[[hw.exception]]\nstudent = "a"\nreason = "b"\nno_penalty = false', "can only be true"),
        (ZONE + DUE + '[[hw.exception]]\nstudent = "a"\nreason = "b"\npenalty_points = -1', "is -1; expected a number"),
        (ZONE + "[hw]\ndue = 0001-01-01T00:00:00Z", "expected a year from 1970"),
        ("#" * (deadlines_file.MAX_BYTES + 1), "larger than a mebibyte"),
    ],
)
def test_what_it_may_not_say_is_told_in_a_sentence(read, text: str | bytes, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read(text)


def test_two_exceptions_for_one_student_are_refused(read) -> None:
    one = '[[hw.exception]]\nstudent = "a"\nreason = "b"\nno_penalty = true\n'
    with pytest.raises(UsageError, match=r"two exceptions for 'a' under .hw."):
        read(ZONE + DUE + one + one)


def test_a_file_that_cannot_be_read_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "deadlines.toml").mkdir()
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        load_deadlines(tmp_path / "deadlines.toml", [])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("15 min", 900),
        ("15min", 900),
        ("90 minutes", 5400),
        ("1 day", 86400),
        ("2 days 12 h", 216000),
        ("1.5 hours", 5400),
        ("1 week", 604800),
        ("0 h", 0),
        ("", None),
        ("day", None),
        ("-1 day", None),
        ("1 day ago", None),
        ("1 m", None),
        (15, None),
        ("9" * 50 + " days", None),
        ("99999 weeks " * 2000, None),
    ],
)
def test_durations_are_written_as_people_do(text: object, seconds: float | None) -> None:
    found = duration(text)
    assert (found.total_seconds() if found is not None else None) == seconds


@bounded(100)
@given(st.text(alphabet="0123456789. minhdayswekour", max_size=60))
def test_a_duration_is_one_or_none(text: str) -> None:
    found = duration(text)
    assert found is None or found >= datetime.timedelta()
