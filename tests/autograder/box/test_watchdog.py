"""The watchdog sees what a box uses."""

import contextlib
import ctypes
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from small_course import settings_for

from autograder.box import processes, watchdog
from autograder.box.isolation import enclose
from autograder.box.kill import kill_tree
from autograder.box.watchdog import Usage, Watchdog, exceeded, tree_usage
from autograder.config import MIB, Limits

NOBODY = 65534


def usage_of(code: str, small_course: Path, tmp_path: Path) -> Usage:
    """The usage of a box whose program printed a line."""
    command = enclose([sys.executable, "-c", f"{code}\nprint('ready', flush=True)\nimport time; time.sleep(30)"],
                      settings_for(small_course, tmp_path))  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.05)
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


@pytest.mark.slow
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

    monkeypatch.setattr(watchdog, "tree_usage", unreadable)
    with psutil.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        watching = Watchdog(process, Limits())
        watching.start()
        assert process.wait(timeout=30) != 0
        watching.stop()

    assert watching.broken == "unwatched"


def as_somebody(action: Callable[[], int]) -> int:
    """Process number of a child that is an ordinary user and ends with what ``action`` returns."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            if os.getuid() == 0:
                os.setresgid(NOBODY, NOBODY, NOBODY)
                os.setresuid(NOBODY, NOBODY, NOBODY)
            ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE, which a change of the user undoes
            code = action()
        finally:
            os._exit(code)
    return child


@contextlib.contextmanager
def in_the_background(action: Callable[[], object]) -> Iterator[int]:
    """Process number of a child that did ``action`` and stays."""
    reading, writing = os.pipe()

    def and_stay() -> int:
        action()
        os.write(writing, b"x")
        signal.pause()
        return 0

    child = as_somebody(and_stay)
    os.read(reading, 1)
    try:
        yield child
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reading)
        os.close(writing)


def seen_by_somebody(pid: int) -> str:
    """What an ordinary user's watchdog finds."""

    def look() -> int:
        try:
            tree_usage(pid)
        except PermissionError:
            return 7
        return 0

    return {0: "seen", 7: "hidden"}[os.waitstatus_to_exitcode(os.waitpid(as_somebody(look), 0)[1])]


def test_when_a_process_hides_its_descriptors_then_it_counts_as_unwatched() -> None:
    with in_the_background(lambda: ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)) as pid:
        assert seen_by_somebody(pid) == "hidden"
    with in_the_background(lambda: None) as pid:
        assert seen_by_somebody(pid) == "seen"


def test_when_a_process_has_ended_and_nobody_asked_for_it_then_it_hides_nothing() -> None:
    def leave_a_zombie() -> None:
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)  # ended, and not asked for

    with in_the_background(leave_a_zombie) as pid:
        assert processes.members(pid) != [pid], "the zombie is there"
        assert seen_by_somebody(pid) == "seen"


def test_when_a_process_is_gone_then_there_is_nothing_to_see() -> None:
    child = as_somebody(lambda: 0)
    os.waitpid(child, 0)

    assert tree_usage(child) == Usage()


LIMITS = Limits(memory_bytes=64 * MIB, tasks=20)


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        ("hold = bytearray(100 << 20)\nhold[::4096] = b'x' * len(hold[::4096])", "memory"),
        ("for _ in range(30):\n    if os.fork() == 0:\n        time.sleep(60)", "tasks"),
        ("hold = [os.pipe() for _ in range(600)]", "sockets"),
        ("hold = [os.openpty() for _ in range(600)]", "terminals"),
        ("hold = [select.epoll() for _ in range(400)]\nevents = [os.eventfd(0) for _ in range(400)]\n"
         "for queue in hold:\n    for event in events:\n        queue.register(event)", "watches"),
        # An honest pool of a kernel's children: each inherits the kernel's queues.
        ("hold = [select.epoll() for _ in range(8)]\nfor queue in hold:\n    queue.register(os.eventfd(0))\n"
         "for _ in range(15):\n    if os.fork() == 0:\n        time.sleep(60)", None),
        ("hold = [mmap.mmap(-1, 4096) for _ in range(30_000)]\nfor _ in range(9):\n    if os.fork() == 0:\n"
         "        time.sleep(60)", "mappings"),
        ("hold = [open('/proc/self/maps') for _ in range(200)]", "kernel files"),
        ("ends = socket.socketpair()\nfor _ in range(20):\n"
         "    socket.send_fds(ends[0], [b'x'], [0] * 10)", "in flight"),
        # Each descriptor is inherited by children, and counts once.
        ("hold = [os.pipe() for _ in range(100)]\nfor _ in range(10):\n    if os.fork() == 0:\n"
         "        time.sleep(60)", None),
        ("hold = bytearray(8 << 20)", None),
    ],
)  # fmt: skip
def test_what_a_box_has_too_much_of_is_named(action: str, reason: str | None) -> None:
    assert exceeded(usage_after(action), LIMITS) == reason


def test_too_many_descriptors_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "MAX_DESCRIPTORS", 200)

    assert exceeded(usage_after("hold = [os.eventfd(0) for _ in range(250)]"), LIMITS) == "descriptors"


def usage_after(action: str) -> Usage:
    """What a program uses that did ``action``."""
    code = (
        "import mmap, os, resource, select, socket, time\n"
        "hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))\n{action}\nprint('ready', flush=True)\n"
        "time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.05)
        usage = tree_usage(process.pid, memory_matters_above=LIMITS.memory_bytes, count_mappings=True)
        kill_tree(psutil.Process(process.pid))
    return usage


def test_when_the_kernel_does_not_list_children_then_nothing_is_taken_for_watched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes, "LISTS_CHILDREN", False)

    with pytest.raises(OSError, match="does not list the children"):
        tree_usage(os.getpid())


def test_what_was_swapped_out_counts_as_memory() -> None:
    """As the kernel writes it into /proc/PID/status and /proc/PID/smaps_rollup; this machine may have no swap."""
    status = "Name:\tpython\nVmRSS:\t    1000 kB\nVmPTE:\t      20 kB\nVmSwap:\t     300 kB\n"
    rollup = "Rss:  1000 kB\nPss:  400 kB\nSwap:  300 kB\nSwapPss:  150 kB\n"

    assert sum(map(int, processes.KEPT.findall(status))) == 1320
    assert sum(map(int, processes.PROPORTIONAL.findall(rollup + status))) == 570


def test_when_the_first_thread_of_a_process_has_ended_then_the_others_are_still_seen() -> None:
    exit_of_a_thread = 93 if platform.machine() == "aarch64" else 60
    usage = usage_after(
        "import ctypes, threading\nhold = [os.pipe() for _ in range(600)]\n"
        "def stay():\n    time.sleep(0.5)\n    print('ready', flush=True)\n    time.sleep(60)\n"
        "kept = bytearray(32 << 20)\nkept[::4096] = b'x' * len(kept[::4096])\n"
        f"threading.Thread(target=stay).start()\nctypes.CDLL(None).syscall({exit_of_a_thread}, 0)"
    )

    assert usage.memory_bytes > 32 << 20
    assert usage.sockets >= 600


def test_when_a_look_takes_too_long_then_the_box_counts_as_unwatched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "LOOK_S", -1)

    with pytest.raises(TimeoutError):
        tree_usage(os.getpid())


def test_sockets_that_no_process_has_are_seen_in_the_namespace_of_a_box(small_course: Path, tmp_path: Path) -> None:
    code = (
        "import socket\nserver = socket.socket(socket.AF_UNIX)\nserver.bind('\\0server')\nserver.listen(4096)\n"
        "for _ in range(700):\n    with socket.socket(socket.AF_UNIX) as client:\n        client.connect('\\0server')"
    )

    assert usage_of(code, small_course, tmp_path).sockets > 512
