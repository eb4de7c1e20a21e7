"""How late work was, and what it costs: curves, grace, late days, exceptions, zones."""

import datetime
from pathlib import Path

import pytest
from fuzz import bounded
from hypothesis import given
from hypothesis import strategies as st

from autograder.deadlines import POSSIBLE, Arrival, Curve, Deadlines, Lateness
from autograder.deadlines_file import load_deadlines
from autograder.errors import UsageError

HOUR, DAY = datetime.timedelta(hours=1), datetime.timedelta(days=1)
DUE = datetime.datetime(2026, 10, 1, 22, 0, tzinfo=datetime.UTC)


@pytest.fixture(name="deadlines")
def _deadlines(tmp_path: Path):
    def deadlines(text: str, top: str = 'timezone = "Europe/Berlin"') -> Deadlines:
        (tmp_path / "deadlines.toml").write_text(f"{top}\n[hw]\ndue = 2026-10-02T00:00:00\n{text}")
        found = load_deadlines(tmp_path / "deadlines.toml", ["hw", "hw0", "hw9"])
        assert found
        return found

    return deadlines


def after(span: datetime.timedelta) -> Arrival:
    """Handed in so long after the deadline."""
    return Arrival((DUE + span).isoformat())


def of_one(deadlines: Deadlines, arrival: Arrival) -> Lateness:
    return deadlines.lateness("hw", {"hw": {"ann": arrival}})["ann"]


@pytest.mark.parametrize(
    ("late", "percent"),
    [(0.0, 0), (0.01, 10), (24, 10), (24.01, 20), (5 * 24, 50), (6 * 24, 50), (7 * 24, 50), (7 * 24.01, 100)],
)
def test_a_penalty_grows_with_each_day_begun_up_to_its_cap(late: float, percent: float) -> None:
    assert Curve(percent=10, cap=50, cutoff=7 * DAY).lost(late * HOUR) == percent


def test_steps_hold_from_their_time_on() -> None:
    curve = Curve(steps=((0 * HOUR, 5.0), (HOUR, 20.0), (2 * DAY, 100.0)))
    assert [curve.lost(late) for late in (0 * HOUR, HOUR / 60, HOUR, 2 * HOUR, 3 * DAY)] == [0, 5, 5, 20, 100]


@bounded(100)
@given(st.floats(0, 100), st.floats(0, 1e4), st.floats(0, 1e4), st.sampled_from(["earned", "possible"]), st.booleans())
def test_a_penalty_takes_at_most_what_was_earned(
    percent: float, earned: float, possible: float, of: str, fixed: bool
) -> None:
    lost = Lateness(DUE, percent=percent, of=of, points=percent if fixed else None).penalty(earned, possible)
    assert 0 <= lost <= earned + 0.005


@bounded(100)
@given(st.floats(0, 100), st.floats(0, 100))
def test_later_never_costs_less(first: float, second: float) -> None:
    curve = Curve(percent=7, per=5 * HOUR, cap=60, cutoff=50 * HOUR)
    assert curve.lost(min(first, second) * HOUR) <= curve.lost(max(first, second) * HOUR)


def test_percent_are_of_what_was_earned_or_of_what_could_be() -> None:
    assert Lateness(DUE, percent=10).penalty(20, 37) == 2
    assert Lateness(DUE, percent=10, of=POSSIBLE).penalty(20, 37) == 3.7
    assert Lateness(DUE, percent=10, of=POSSIBLE).penalty(2, 37) == 2


def test_within_grace_is_in_time_and_after_it_all_of_it_counts(deadlines) -> None:
    rules = deadlines('grace = "15 min"\npenalty = { percent = 1, per = "1 min" }')
    assert of_one(rules, after(HOUR / 4)).late_by == 0 * HOUR
    assert of_one(rules, after(HOUR / 3)).percent == 20


def test_times_are_compared_across_zones_and_when_clocks_change(deadlines, tmp_path: Path) -> None:
    rules = deadlines("")
    assert of_one(rules, Arrival("2026-10-02T01:00:00")).late_by == HOUR  # the platform's own time is Berlin's
    assert of_one(rules, Arrival("2026-10-01T23:00:00+00:00")).late_by == HOUR
    (tmp_path / "deadlines.toml").write_text('timezone = "Europe/Berlin"\n[hw]\ndue = 2026-10-24T12:00:00\n')
    autumn = load_deadlines(tmp_path / "deadlines.toml", ["hw"])
    assert autumn and of_one(autumn, Arrival("2026-10-25T12:00:00")).late_by == 25 * HOUR


def test_times_with_an_offset_need_no_zone(tmp_path: Path) -> None:
    (tmp_path / "deadlines.toml").write_text("[hw]\ndue = 2026-10-02T00:00:00+02:00\n")
    rules = load_deadlines(tmp_path / "deadlines.toml", ["hw"])
    assert rules and of_one(rules, after(HOUR)).late_by == HOUR
    with pytest.raises(UsageError, match=r"times have no zone \(2026-10-02T01:00:00\)"):
        of_one(rules, Arrival("2026-10-02T01:00:00"))


def test_a_late_mark_without_a_time_needs_a_ruling(deadlines) -> None:
    marked = Arrival(late=True)
    with pytest.raises(UsageError, match=r"does not say by how much: ann\..*late_mark = .*\[hw.submitted\]"):
        of_one(deadlines(""), marked)
    ruled = of_one(deadlines('late_mark = "1 day"\npenalty = { percent = 10 }'), marked)
    assert (ruled.percent, ruled.reason) == (10, "only a late mark is known")
    given = of_one(deadlines("[hw.submitted]\nann = 2026-10-02T03:00:00"), marked)
    assert (given.late_by, given.reason) == (3 * HOUR, "")
    excused = of_one(deadlines('[[hw.exception]]\nstudent = "ann"\nno_penalty = true\nreason = "ill"'), marked)
    assert (excused.penalty(10, 10), excused.reason) == (0, "ill")


def test_a_late_mark_says_nothing_of_another_due_date(deadlines) -> None:
    later = '[[hw.exception]]\nstudent = "ann"\ndue = 2026-10-05T00:00:00\nreason = "ill"'
    with pytest.raises(UsageError, match=r"these have their own: ann\..*\[hw.submitted\].*no_penalty = true"):
        of_one(deadlines(f'late_mark = "1 day"\n{later}'), Arrival(late=True))


def test_what_says_nothing_counts_as_in_time_and_says_so(deadlines) -> None:
    unknown = of_one(deadlines(""), Arrival())
    assert (unknown.late_by, unknown.known, unknown.reason) == (0 * HOUR, False, "no time is known; counted as in time")
    assert of_one(deadlines(""), Arrival(late=False)).known
    for no_time in ("soon", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        assert not of_one(deadlines(""), Arrival(no_time)).known


def test_exceptions_move_the_date_or_fix_the_points(deadlines) -> None:
    rules = deadlines(
        'penalty = { percent = 10 }\n[[hw.exception]]\nstudent = "ann"\ndue = 2026-10-04T00:00:00\nreason = "ill"\n'
        '[[hw.exception]]\nstudent = "77"\npenalty_points = 2.5\nreason = "agreed"\n'
    )
    found = rules.lateness(
        "hw", {"hw": {"ann": after(3 * DAY), "bob": Arrival(after(9 * DAY).submitted, id="77"), "cem": after(3 * DAY)}}
    )
    assert [found[name].penalty(10, 20) for name in ("ann", "bob", "cem")] == [1, 2.5, 3]
    assert (found["ann"].reason, found["bob"].reason, found["cem"].reason) == ("ill", "agreed", "")


def test_late_days_are_used_up_in_the_order_of_the_deadlines(deadlines) -> None:
    rules = deadlines(
        "penalty = { percent = 10 }\n[hw9]\ndue = 2026-10-20T00:00:00\npenalty = { percent = 10 }\n"
        "[hw0]\ndue = 2026-09-01T00:00:00\nlate_days = 0\npenalty = { percent = 10 }\n",
        'timezone = "Europe/Berlin"\nlate_days = 3',
    )
    arrivals = {
        "hw9": {"ann": Arrival("2026-10-22T12:00:00"), "bob": Arrival("2026-10-20T12:00:00")},
        "hw": {"ann": after(1.5 * DAY)},
        "hw0": {"ann": Arrival("2026-09-03T12:00:00")},
    }
    found = {name: rules.lateness(name, arrivals).get("ann") for name in ("hw0", "hw", "hw9")}

    assert [(one.days_used, one.percent) for one in found.values() if one] == [(0, 30), (2, 0), (1, 20)]
    bob = rules.lateness("hw9", arrivals)["bob"]
    assert (bob.days_used, bob.percent) == (1, 0)


def test_a_name_close_to_a_students_is_refused(deadlines) -> None:
    text = '[[hw.exception]]\nstudent = "doejane_123"\nno_penalty = true\nreason = "ill"\n'
    arrivals = {"hw": {"doejane_1234": Arrival(late=False, id="1234"), "cem_99": Arrival(late=False)}}
    with pytest.raises(UsageError, match=r"'doejane_123' under .hw., and nobody.*Close to it: doejane_1234"):
        deadlines(text).lateness("hw", arrivals)
    assert deadlines(text).lateness("hw", arrivals, {"doejane_123"})  # known from a roster
    absent = deadlines(text.replace("doejane_123", "zoe_5"))
    assert absent.lateness("hw", arrivals)
    assert absent.absent("hw", arrivals["hw"]) == ["zoe_5"]
    assert absent.absent("hw9", {}) == []


def test_a_number_that_two_have_is_nobodys(deadlines) -> None:
    rules = deadlines('[[hw.exception]]\nstudent = "7"\nno_penalty = true\nreason = "ill"\n')
    arrivals = {"hw": {"ann": Arrival(id="7"), "bob": Arrival(id="7")}}
    assert [one.points for one in rules.lateness("hw", arrivals).values()] == [None, None]


def test_an_assignment_without_a_deadline_has_no_lateness(deadlines) -> None:
    assert deadlines("").lateness("hw9", {"hw9": {"ann": Arrival()}}) == {}


@pytest.mark.parametrize(
    ("penalty", "late", "used", "percent"),
    [
        ('percent = 10, cutoff = "7 days"', 30 * DAY, 0, 100),  # four days save nothing
        ('percent = 10, cutoff = "7 days"', 8 * DAY, 4, 40),
        ("percent = 0", 3 * DAY, 0, 0),
        ("percent = 10, cap = 20", 30 * DAY, 0, 20),
        ("percent = 10, cap = 20", 5 * DAY, 4, 10),
        ('steps = [{ after = "2 days", percent = 20 }]', DAY, 0, 0),
        ('steps = [{ after = "2 days", percent = 20 }]', 3 * DAY, 1, 0),
    ],
)
def test_no_late_day_is_spent_where_it_saves_nothing(
    deadlines, penalty: str, late: datetime.timedelta, used: int, percent: float
) -> None:
    found = of_one(deadlines(f"penalty = {{ {penalty} }}", 'timezone = "Europe/Berlin"\nlate_days = 4'), after(late))
    assert (found.days_used, found.percent) == (used, percent)


@pytest.mark.parametrize(
    ("what", "entries"),
    [
        ("exceptions", '[[hw.exception]]\nstudent = "{}"\nno_penalty = true\nreason = "ill"\n'),
        ("times", '[hw.submitted]\n"101" = 2026-10-02T10:00:00\nann_101 = 2026-10-02T11:00:00\n'),
    ],
)
def test_two_entries_for_one_student_are_refused(deadlines, what: str, entries: str) -> None:
    text = "".join(entries.format(who) for who in ("101", "ann_101")) if "{}" in entries else entries
    with pytest.raises(UsageError, match=f"two {what} for one student .*'101' and 'ann_101' are both ann_101. Keep"):
        deadlines(text).lateness("hw", {"hw": {"ann_101": Arrival(id="101")}})
