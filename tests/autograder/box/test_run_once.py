"""Code of ours in a box of its own: the answer comes, or a sentence in a while."""

from pathlib import Path
from typing import Any

import psutil
import pytest
from small_course import settings_for

from autograder.box import run_once
from autograder.box.box import Box
from autograder.box.processes import members
from autograder.box.run_once import printed, printed_in_a_box
from autograder.errors import BoxUnavailable


@pytest.mark.slow
def test_when_a_box_lives_and_never_answers_then_the_doctor_does_not_wait_for_ever(
    small_course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Box.send

    def stopped(self: Box, order: dict[str, Any], seconds: float) -> None:
        if "source" in order:
            for pid in members(self._process.pid):
                psutil.Process(pid).suspend()
        real(self, order, seconds)

    monkeypatch.setattr(Box, "send", stopped)
    monkeypatch.setattr(run_once, "CELL_S", 2)

    with pytest.raises(BoxUnavailable, match="took too long"):
        printed_in_a_box("print(1)", settings_for(small_course, tmp_path))


def test_when_the_box_ends_meanwhile_then_a_sentence(small_course: Path, tmp_path: Path) -> None:
    with pytest.raises(BoxUnavailable, match="Nothing could be run in a box: it ended"):
        printed_in_a_box("import os; os._exit(0)", settings_for(small_course, tmp_path))


@pytest.mark.parametrize("bare", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_bare_box_does_not_load_the_assignment(small_course: Path, tmp_path: Path, bare: bool) -> None:
    with Box(settings_for(small_course, tmp_path), bare=bare) as box:
        loaded = printed(box, "import sys; print('assignment.cases' in sys.modules)", 60)

    assert loaded == f"{not bare}\n"
