"""The attack on the box: nothing gets out of a real one, and the same attack succeeds where there is none."""

import dataclasses
from pathlib import Path

import pytest
from small_course import settings_for

from autograder.box.proof import attack_the_box


def test_when_the_box_is_attacked_then_every_property_holds(small_course: Path, tmp_path: Path) -> None:
    findings = attack_the_box(settings_for(small_course, tmp_path))

    assert len(findings) >= 38
    assert [finding.what for finding in findings if not finding.good] == []


@pytest.mark.slow
def test_a_process_of_the_box_with_the_number_of_the_grader_is_not_taken_for_it(
    small_course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a container the grader is process 1 or 2, and so is a process of every box."""
    monkeypatch.setattr("autograder.box.proof.os.getpid", lambda: 1)
    findings = attack_the_box(settings_for(small_course, tmp_path))

    assert [finding.what for finding in findings if not finding.good] == []


@pytest.mark.slow  # it fills /tmp by what the box would have refused
def test_when_there_is_no_box_then_the_attack_gets_through(small_course: Path, tmp_path: Path) -> None:
    settings = dataclasses.replace(settings_for(small_course, tmp_path), unsafe_no_box=True)
    reached = {finding.what for finding in attack_the_box(settings) if not finding.good}

    noticed = ("TCP", "abstract unix socket", "can be read", "can be listed", "can be seen", "signalled", "outlives")
    new = (
        "pair of sockets",
        "lock on a file",
        "machine collects",
        "hide from the watchdog",
        "semaphores",
        "larger pipe",
    )
    for part in (*noticed, *new):
        assert any(part in what for what in reached), f"the attack does not notice: {part}"
