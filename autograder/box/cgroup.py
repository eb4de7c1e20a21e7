"""A control group for one box, where this process may make one: the kernel itself then bounds memory and tasks.

Boxes that run side by side then also share the processors evenly, however many processes one of them starts.

Both versions are tried, the second first. Where neither can be written (most machines without root, or a user's session
that was given no controllers) there is none, and the watchdog alone keeps the limits.
"""

import contextlib
import itertools
import os
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from autograder.config import Limits

MOUNT = Path("/sys/fs/cgroup")
_numbers = itertools.count()


class ControlGroup:
    """The folders of one box's group: one in version 2, one for each controller in version 1."""

    def __init__(self, folders: list[Path]) -> None:
        self._folders = folders

    def add(self, pids: Iterable[int]) -> None:
        """Move processes into the group; what they start from then on is born in it."""
        for folder in self._folders:
            for pid in pids:
                with contextlib.suppress(OSError):  # it ended meanwhile
                    _write(folder / "cgroup.procs", pid)

    def ran_out_of_memory(self) -> bool:
        """Whether the kernel killed something in the group for its memory."""
        for folder in self._folders:
            for name in ("memory.events", "memory.oom_control"):
                with contextlib.suppress(OSError):
                    words = (folder / name).read_text().split()
                    if "oom_kill" in words and words[words.index("oom_kill") + 1] != "0":
                        return True
        return False

    def remove(self, patience_s: float = 2.0) -> None:
        """Remove the empty group; the kernel may need a moment to let go of what just ended."""
        end = time.monotonic() + patience_s
        for folder in self._folders:
            while folder.is_dir() and time.monotonic() < end:
                try:
                    folder.rmdir()
                except OSError:
                    time.sleep(0.02)


def make_group(limits: Limits) -> ControlGroup | None:
    """A new group with the limits of one box; None where none can be made here."""
    name = f"autograder-{os.getpid()}-{next(_numbers)}"
    second = {
        "": {"memory.max": limits.memory_bytes, "memory.swap.max": 0, "pids.max": limits.tasks, "cpu.weight": 100}
    }
    first = {
        "memory": {"memory.limit_in_bytes": limits.memory_bytes},
        "pids": {"pids.max": limits.tasks},
        "cpu": {"cpu.shares": 1024},
    }
    own = _own_groups()
    return _made(second, own, name) or _made(first, own, name)


def remove_abandoned() -> None:
    """Remove the groups of graders that were killed: empty, for their boxes ended with them."""
    for folder in _own_groups().values():
        for group in folder.glob("autograder-*-*"):
            if abandoned(group):
                with contextlib.suppress(OSError):
                    group.rmdir()


def abandoned(path: Path) -> bool:
    """Whether the grader with the number in a name like ``box-<pid>-...`` is gone."""
    owner = path.name.split("-")[1]
    return owner.isdecimal() and not psutil.pid_exists(int(owner))


def _own_groups() -> dict[str, Path]:
    """Controller ("" is version 2) -> the folder of the group that this process is in."""
    try:
        lines = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    except OSError:
        return {}
    return {name: MOUNT / name / path.strip("/") for _, names, path in lines for name in names.split(",")}


def _made(wanted: dict[str, dict[str, int]], own: dict[str, Path], name: str) -> ControlGroup | None:
    """The group, with every limit written; None, and nothing left behind, where one could not be."""
    folders: list[Path] = []
    try:
        for controller, values in wanted.items():
            if controller == "cpu" and controller not in own:
                continue
            folder = own[controller] / name
            folder.mkdir()
            folders.append(folder)
            for file, value in values.items():
                if file in ("memory.swap.max", "cpu.weight") and not (folder / file).exists():
                    continue  # a kernel without swap accounting; a session that was not given the processors
                _write(folder / file, value)
    except (OSError, KeyError):
        for folder in folders:
            with contextlib.suppress(OSError):
                folder.rmdir()
        return None
    return ControlGroup(folders)


def _write(file: Path, value: int) -> None:
    """Write to a file that the kernel provides; never make one, as a plain folder in the group's place would allow."""
    handle = os.open(file, os.O_WRONLY)
    try:
        os.write(handle, str(value).encode())
    finally:
        os.close(handle)
