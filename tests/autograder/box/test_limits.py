"""What the watchdog sees of a box."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from small_course import settings_for

from autograder.box import limits
from autograder.box.isolation import enclose
from autograder.box.limits import Usage, tree_usage
from autograder.config import Limits


def usage_of(code: str, small_course: Path, tmp_path: Path) -> Usage:
    """Of a box whose program printed a line."""
    command = enclose([sys.executable, "-c", f"{code}\nprint('ready', flush=True)\nimport time; time.sleep(30)"],
                      settings_for(small_course, tmp_path))  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.2)
        usage = tree_usage(process.pid)
        process.kill()
    return usage


def test_when_the_last_process_of_a_box_is_a_zombie_then_its_files_are_still_counted(
    small_course: Path, tmp_path: Path
) -> None:
    code = (
        "import os\nfor number in range(3000):\n    open(f'/tmp/{number}', 'w').close()\n"
        "if os.fork() == 0:\n    os._exit(0)"
    )

    assert usage_of(code, small_course, tmp_path).files > 3000


def test_page_tables_count_as_memory(small_course: Path, tmp_path: Path) -> None:
    """Reading untouched memory maps one page of zeros: nothing resident, and two thousandths of it in page tables."""
    code = (
        "import mmap\nflags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000\n"  # MAP_NORESERVE
        "hold = mmap.mmap(-1, 16 << 30, flags=flags)\nhold.madvise(15)\n"  # MADV_NOHUGEPAGE
        "for at in range(0, 16 << 30, 4096):\n    hold[at]"
    )

    assert usage_of(code, small_course, tmp_path).memory_bytes > 32 << 20


def test_when_a_process_has_a_name_that_is_no_text_then_the_box_is_watched_all_the_same(
    small_course: Path, tmp_path: Path
) -> None:
    code = (
        "import ctypes\nctypes.CDLL(None).prctl(15, bytes([255, 254]), 0, 0, 0)\n"  # PR_SET_NAME
        "hold = bytearray(64 << 20)\nhold[::4096] = b'x' * len(hold[::4096])"
    )

    assert usage_of(code, small_course, tmp_path).memory_bytes > 64 << 20


def test_when_a_box_cannot_be_watched_then_it_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(*_: object, **__: object) -> Usage:
        raise ValueError("no number")

    monkeypatch.setattr(limits, "tree_usage", unreadable)
    with psutil.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        watchdog = limits.Watchdog(process, Limits())
        watchdog.start()
        assert process.wait(timeout=30) != 0
        watchdog.stop()

    assert watchdog.broken == "unwatched"
