"""Code of ours in a box of its own: the answer comes, or a sentence in a while."""

from pathlib import Path

import psutil
import pytest
from small_course import settings_for

from autograder.box import run_once
from autograder.box.manager import BoxedKernelManager
from autograder.box.processes import members
from autograder.box.run_once import printed_in_a_box
from autograder.errors import BoxUnavailable


@pytest.mark.slow
def test_when_a_box_lives_and_never_answers_then_the_doctor_does_not_wait_for_ever(
    small_course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = BoxedKernelManager.start_kernel

    async def stopped(self: BoxedKernelManager, **words: object) -> None:
        await real(self, **words)
        for pid in members(self.provisioner.process.pid):
            psutil.Process(pid).suspend()

    monkeypatch.setattr(BoxedKernelManager, "start_kernel", stopped)
    monkeypatch.setattr(run_once, "CELL_S", 2)

    with pytest.raises(BoxUnavailable, match="took too long"):
        printed_in_a_box("print(1)", settings_for(small_course, tmp_path))
