"""The machine's own memory and files: when they run low, the youngest box ends and the others go on."""

import contextlib
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from autograder.box import backstop
from autograder.box.kill import kill_tree
from autograder.box.watchdog import Watchdog
from autograder.config import Limits

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.mark.parametrize("lacking", ["memory", "files"])
def test_when_the_machine_runs_low_then_the_youngest_box_ends_and_the_others_go_on(
    lacking: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with contextlib.ExitStack() as stack:
        boxes = [stack.enter_context(psutil.Popen(SLEEPER)) for _ in range(2)]
        watchdogs = [Watchdog(box, Limits()) for box in boxes]
        for watchdog in watchdogs:
            watchdog.start()
            time.sleep(0.2)
        monkeypatch.setattr(backstop, "runs_low_on", lambda: lacking)
        assert boxes[1].wait(timeout=30) != 0
        monkeypatch.setattr(backstop, "runs_low_on", lambda: None)
        time.sleep(0.5)
        alive = boxes[0].is_running()
        for watchdog, box in zip(watchdogs, boxes, strict=True):
            watchdog.stop()
            kill_tree(box)

    assert alive
    assert [watchdog.broken for watchdog in watchdogs] == [None, f"machine {lacking}"]


def test_when_no_box_runs_then_nobody_looks_at_the_machine() -> None:
    with psutil.Popen(SLEEPER) as box:
        watchdog = Watchdog(box, Limits())
        watchdog.start()
        time.sleep(0.3)
        looked = backstop._looking is not None
        watchdog.stop()
        kill_tree(box)
    end = time.monotonic() + 10
    while backstop._looking is not None and time.monotonic() < end:
        time.sleep(0.05)

    assert looked
    assert backstop._looking is None


@pytest.mark.parametrize(("files", "lacking"), [("100\t0\t1000", None), ("800\t0\t1000", "files"), ("nonsense", None)])
def test_what_the_machine_lacks_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: str, lacking: str | None
) -> None:
    (tmp_path / "file-nr").write_text(files)
    monkeypatch.setattr(backstop, "FILES", tmp_path / "file-nr")
    monkeypatch.setattr(backstop, "LOW_WATER", 0)

    assert backstop.runs_low_on() == lacking

    nearly_full = SimpleNamespace(total=8 << 30, available=100 << 20)
    monkeypatch.setattr(backstop, "LOW_WATER", 512 << 20)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: nearly_full)
    assert backstop.runs_low_on() == "memory"
