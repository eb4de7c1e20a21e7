"""How many things one box may have that no setting bounds: descriptors, sockets, mappings and their like.

The numbers are the same for every course, because they protect the machine. What a course may set is in config.py.
"""

import functools
import resource
import sys
from pathlib import Path

from autograder.config import Limits

PAGE = resource.getpagesize()
OPEN_FILES = 512  # of one process; what all boxes of a user keep in flight is bounded by this too (see unix(7))
# For one box. Forks inherit descriptors, and an honest pool has a process for each core of the machine. So pipes,
# sockets and paths count once. What has no name counts each time.
MAX_DESCRIPTORS = 8192
MAX_SOCKETS = 512  # sockets and pipes; one may hold half a megabyte in the kernel
MAX_IN_FLIGHT = 128  # descriptors that wait in sockets; the kernel counts them for the real user
MAX_TERMINALS = 64  # the kernel has 4,096 for the whole machine
MAX_KERNEL_FILES = 128  # open files of /proc; the kernel may keep a megabyte for each
MAX_WATCHES = 20_000  # of epoll, which the kernel counts for the real user; a child of a kernel inherits some 40
QUOTA_OF_WATCHES = Path("/proc/sys/fs/epoll/max_user_watches")
MAX_MAPPINGS = 200_000  # one without a page takes up to 1.4 kB of the kernel, and a shared one is an open file
QUOTA_OF_FILES = Path("/proc/sys/fs/file-max")  # open files of the whole machine


@functools.cache
def max_watches() -> int:
    """Watches of epoll that a box may have: MAX_WATCHES, or an eighth of what a small machine gives one user."""
    return min(MAX_WATCHES, _quota(QUOTA_OF_WATCHES) // 8)


@functools.cache
def max_mappings() -> int:
    """Mappings that a box may have: MAX_MAPPINGS, or a quarter of the open files that a small machine may have."""
    return min(MAX_MAPPINGS, _quota(QUOTA_OF_FILES) // 4)


def _quota(file: Path) -> int:
    """A number that the kernel has under /proc/sys; more than any where it has none."""
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return sys.maxsize


def max_files(limits: Limits) -> int:
    """Files that a scratch folder may hold: as many as fill it when each takes a page."""
    return limits.scratch_bytes // PAGE
