"""The attack on the box: nothing gets out of a real one, and the same attack succeeds where there is none."""

import dataclasses
from pathlib import Path

import psutil
import pytest
from small_course import settings_for

from autograder.box import proof
from autograder.box.manager import BoxedKernelManager
from autograder.box.processes import members
from autograder.box.proof import attack_the_box, printed_in_a_box
from autograder.errors import BoxUnavailable


def test_when_the_box_is_attacked_then_every_property_holds(small_course: Path, tmp_path: Path) -> None:
    findings = attack_the_box(settings_for(small_course, tmp_path))

    assert len(findings) >= 38
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


def test_when_a_box_lives_and_never_answers_then_the_doctor_does_not_wait_for_ever(
    small_course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = BoxedKernelManager.start_kernel

    async def stopped(self: BoxedKernelManager, **words: object) -> None:
        await real(self, **words)
        for pid in members(self.provisioner.process.pid):
            psutil.Process(pid).suspend()

    monkeypatch.setattr(BoxedKernelManager, "start_kernel", stopped)
    monkeypatch.setattr(proof, "CELL_S", 2)

    with pytest.raises(BoxUnavailable, match="took too long"):
        printed_in_a_box("print(1)", settings_for(small_course, tmp_path))
