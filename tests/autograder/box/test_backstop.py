"""The machine's own memory and files: when they run low, the youngest box ends and the others go on."""

import contextlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from autograder.box import backstop
from autograder.box.kill import kill_tree
from autograder.box.watchdog import Watchdog
from autograder.config import Limits

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


def wait_until(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("lacking", ["memory", "files"])
def test_when_the_machine_runs_low_then_the_youngest_box_ends_and_the_others_go_on(
    lacking: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with contextlib.ExitStack() as stack:
        boxes = [stack.enter_context(psutil.Popen(SLEEPER)) for _ in range(2)]
        watchdogs = [Watchdog(box, Limits()) for box in boxes]
        for number, watchdog in enumerate(watchdogs, start=1):
            watchdog.start()
            wait_until(lambda number=number: len(backstop._boxes) == number)
        once = iter([lacking])
        monkeypatch.setattr(backstop, "RECOVERY_S", 0)
        monkeypatch.setattr(backstop, "runs_low_on", lambda: next(once, None))
        assert boxes[1].wait(timeout=30) != 0
        time.sleep(3 * backstop.LOOK_EVERY_S)
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
        wait_until(lambda: backstop._looking is not None)
        watchdog.stop()
        kill_tree(box)
    wait_until(lambda: backstop._looking is None)


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
