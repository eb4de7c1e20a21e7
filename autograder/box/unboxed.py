"""Keeps student code from the answers where no box can be had, by the rights of a user of its own.

Only for a machine that is thrown away after each submission, as Gradescope's containers are, and only if the
instructor asked for it. The grader runs as root there. A run gets a user that owns nothing, the box's filter of system
calls (no network, no new privileges) and its rlimits. It sees the files of the container that every user may read. So
what it needs of the course is copied here. Whoever calls this shuts the rest (``shut``) and proves it (``open_to``).

What it does not give, and a box does: file and process namespaces of its own, a bounded /tmp, a bound on memory that
does not depend on a watchdog, and any distance from other runs on the same machine.
"""

import atexit
import ctypes
import functools
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from autograder.config import Settings

INSIDE = Path(__file__).resolve().parents[1] / "inside"
TRY = """for place; do if [ -r "$place" ] || [ -w "$place" ]; then printf '%s\\n' "$place"; fi; done"""


@functools.lru_cache(maxsize=8)
def readable_copy(settings: Settings) -> Path:
    """A folder laid out as a box's ``/box``, with a copy of what student code may read of the course."""
    from autograder.box.sweep import scratch_folder  # brings psutil, which an unchanged class can do without

    folder = scratch_folder()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    sources = {"lib/inside": INSIDE}
    sources |= {f"lib/{name}": place for name, place in settings.assignment.packages.items()}
    sources |= {"assignment": settings.assignment.inside} if settings.assignment.cases else {}
    for name, source in sources.items():
        shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for place, _, files in os.walk(folder):
        os.chmod(place, 0o755)
        for file in files:
            os.chmod(Path(place, file), 0o644)
    return folder


def look_as(user: int) -> None:
    """Let this thread look into a user's processes, which root may not in a container without CAP_SYS_PTRACE.

    Only the user that files are opened as changes (setfsuid(2)), and only of this thread: ``/proc/PID/fd`` and the like
    ask for no other. The student's processes cannot signal it, because its other numbers stay root's.
    """
    libc = ctypes.CDLL(None)
    libc.setfsgid(user)
    libc.setfsuid(user)


def shut(places: Iterable[Path]) -> None:
    """Let nobody but root read or enter these files and folders, as far as they exist."""
    for place in places:
        if place.exists():
            os.chmod(place, 0o700 if place.is_dir() else 0o600)


def open_to(user: int, places: Iterable[Path]) -> list[str]:
    """Which of these files and folders a user can read or write, as the kernel answers it."""
    done = subprocess.run(
        ["/bin/sh", "-c", TRY, "sh", *map(str, places)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd="/",
        env={},
        user=user,
        group=user,
        extra_groups=[],
        check=True,
    )
    return done.stdout.splitlines()
