"""The trials of the limits: a box keeps them, with and without a control group, and a box without bounds is noticed."""

import contextlib
from pathlib import Path

import pytest
from small_course import settings_for

from autograder.box import bounds
from autograder.box import box as box_module
from autograder.box.bounds import TRIALS, exhaust_the_box, slowed_by_a_neighbour
from autograder.box.template import Template
from autograder.box.watchdog import Watchdog
from autograder.errors import BoxUnavailable

THINGS = {trial.what for trial in TRIALS}


@pytest.mark.parametrize("grouped", [pytest.param(True, marks=pytest.mark.slow), False])
@pytest.mark.parametrize("warm", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_box_keeps_its_limits(
    small_course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, grouped: bool, warm: bool
) -> None:
    if not grouped:
        monkeypatch.setattr(box_module, "make_group", lambda limits: None)
    settings = settings_for(small_course, tmp_path)
    with contextlib.ExitStack() as stack:
        template = stack.enter_context(contextlib.closing(Template(settings))) if warm else None
        findings = exhaust_the_box(settings, template)

    assert len(findings) == len(THINGS)
    assert [finding.remedy for finding in findings if not finding.good] == []


@pytest.mark.slow
def test_when_nothing_bounds_a_box_then_each_trial_says_so(
    small_course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(box_module, "make_group", lambda limits: None)
    monkeypatch.setattr(box_module, "rlimits", lambda settings: {})
    monkeypatch.setattr(Watchdog, "_watch", lambda self: None)
    findings = exhaust_the_box(settings_for(small_course, tmp_path))

    assert {thing for thing in THINGS for finding in findings if thing in finding.what and not finding.good} == THINGS
    assert all("Do not grade on this machine" in finding.remedy for finding in findings)


@pytest.mark.slow
def test_how_much_a_busy_neighbour_slows_a_box_down_is_measured(small_course: Path, tmp_path: Path) -> None:
    assert 0.1 < slowed_by_a_neighbour(settings_for(small_course, tmp_path)) < 100


def test_when_no_box_starts_then_the_trials_say_so(
    small_course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*words: object, **more: object) -> None:
        raise BoxUnavailable("no room")

    monkeypatch.setattr(bounds, "Box", none)

    with pytest.raises(BoxUnavailable, match="no room"):
        exhaust_the_box(settings_for(small_course, tmp_path))
