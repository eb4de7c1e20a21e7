"""The rlimits of a box, and those that the grader needs itself; see getrlimit(2)."""

import os
import platform
import resource

from autograder.box.maxima import OPEN_FILES
from autograder.config import Settings

OUR_OPEN_FILES = 16 * OPEN_FILES


def rlimits(settings: Settings) -> dict[str, int]:
    """Bounds each process in the box sets on itself before student code runs; hard, so they cannot be raised again."""
    limits = settings.limits
    bounds = {
        # Not 0: where core_pattern names a program, the kernel starts it as root for every crash all the same. It does
        # not for 1, which is smaller than any core. See core(5) and "RLIMIT_CORE set to 1" in Linux's fs/coredump.c.
        "RLIMIT_CORE": 1,
        "RLIMIT_FSIZE": limits.scratch_bytes,
        # Descriptors in flight are counted for the real user, up to this limit: less than the grader's own.
        "RLIMIT_NOFILE": OPEN_FILES,
        "RLIMIT_MEMLOCK": 0,  # pages that the machine could not swap out
        "RLIMIT_MSGQUEUE": 0,
        "RLIMIT_SIGPENDING": 1024,  # signals that wait, and timers, are counted for the real user
        # A machine for sound gives its users real-time priorities, with which a box could stop its neighbours.
        "RLIMIT_RTPRIO": 0,
        "RLIMIT_NICE": 0,
        # CPU seconds: wall time of everything, times cores, so that only a runaway helper process can meet it.
        "RLIMIT_CPU": int((limits.wall_s + limits.calls_s) * (os.cpu_count() or 1)) + 60,
    }
    if settings.own_user or (not settings.unsafe_no_box and _counts_tasks_per_namespace()):
        bounds["RLIMIT_NPROC"] = limits.tasks
    return {name: _no_more_than_ours(name, value) for name, value in bounds.items()}


def make_room_for_descriptors() -> None:
    """Let this process have more of them than boxes can keep in flight: the kernel counts these for one user."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OUR_OPEN_FILES if hard == resource.RLIM_INFINITY else min(OUR_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _no_more_than_ours(name: str, value: int) -> int:
    """A process without privileges cannot raise its own hard limit."""
    hard = resource.getrlimit(getattr(resource, name))[1]
    return value if hard == resource.RLIM_INFINITY else min(value, hard)


def _counts_tasks_per_namespace() -> bool:
    """From Linux 5.14 RLIMIT_NPROC counts within a user namespace; before, all of the user's processes would count."""
    major, minor = (int(part) for part in platform.release().split(".")[:2])
    return (major, minor) >= (5, 14)
