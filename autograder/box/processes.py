"""Reads what the processes of a box use, from /proc. See proc(5). Knows no limits.

An unreadable file of a process that is there raises OSError, because it may hide on purpose. Only a process without
memory may be unreadable: it is ending, and what is left of it belongs to root.

The first thread of a process can end before the others. /proc/PID then shows no memory and no descriptors, and
/proc/PID/task/TID of another thread does.
"""

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import psutil

SCRATCH = ("tmp", "dev/shm")
LISTS_CHILDREN = os.path.exists(f"/proc/self/task/{os.getpid()}/children")
HAS_MEMORY = "VmSize:"
KEPT = re.compile(r"^(?:VmRSS|VmSwap|VmPTE):\s+(\d+) kB", re.MULTILINE)  # pages that were touched, the tables of all
PROPORTIONAL = re.compile(r"^(?:Pss|SwapPss|VmPTE):\s+(\d+) kB", re.MULTILINE)
IN_FLIGHT = re.compile(r"^scm_fds:\s+(\d+)", re.MULTILINE)
PART = 1 << 16


@dataclass(frozen=True)
class Seen:
    """A process, and where it can be seen.

    Attributes:
        threads: Their numbers.
        view: The folder of a thread that still has memory; "" if there is none.
        status: The text of its status.
    """

    pid: int
    threads: tuple[str, ...]
    view: str
    status: str


def tree(pid: int) -> Iterator[Seen]:
    """Each process at or below ``pid``. Walked down from ``pid``: reading all of /proc many times a second costs more
    than a small notebook.

    Raises:
        OSError: One is there and cannot be seen.
    """
    threads = _listed(f"/proc/{pid}/task")
    if threads:
        yield _seen(pid, threads)
        for child in children(pid):
            yield from tree(child)
    elif psutil.pid_exists(pid) and not _listed(f"/proc/{pid}/task"):
        raise PermissionError(f"process {pid} cannot be seen")  # /proc may be mounted so that it hides others'


def members(pid: int) -> list[int]:
    """``pid`` and everything below it."""
    return [seen.pid for seen in tree(pid)]


def children(pid: int) -> list[int]:
    """Processes that ``pid`` started and that are still there.

    Raises:
        OSError: This kernel does not list children (it was built without CONFIG_PROC_CHILDREN).
    """
    if not LISTS_CHILDREN:
        raise OSError("this kernel does not list the children of a process")
    threads = _listed(f"/proc/{pid}/task")
    return [int(child) for thread in threads for child in _read(f"/proc/{pid}/task/{thread}/children").split()]


def resident_bytes(seen: Seen) -> int:
    """Resident and swapped-out memory, and page tables."""
    return sum(map(int, KEPT.findall(seen.status))) * 1024


def proportional_bytes(seen: Seen) -> int:
    """The same, where a page shared by n processes counts once for all of them. Slow: it looks at every page."""
    text = ""
    if seen.view:
        with _unless_it_ends(seen), open(f"{seen.view}/smaps_rollup") as file:
            text = file.read()
    return sum(map(int, PROPORTIONAL.findall(text + seen.status))) * 1024


def descriptors(seen: Seen) -> dict[str, str]:
    """Number -> what it leads to, as "socket:[7]" or a path; "" if it was closed meanwhile."""
    if not seen.view:
        return {}
    with _unless_it_ends(seen):
        return {name: _link(seen, name) for name in os.listdir(f"{seen.view}/fd")}
    return {}


def watches(seen: Seen, descriptor: str, most: int) -> int:
    """Watches of a descriptor of epoll; no further than to ``most``, because the box decides how many there are."""
    return _counted(seen, f"fdinfo/{descriptor}", b"tfd:", most)


def mappings(seen: Seen, most: int) -> int:
    """Mappings of memory; no further than to ``most``."""
    return _counted(seen, "maps", b"\n", most)


def sockets_of_the_namespace(seen: Seen, most: int) -> int:
    """Unix sockets in the network namespace of a box, also those that no process has; no further than to ``most``.

    0 if the namespace is our own.
    """
    ours, its = os.stat("/proc/self/ns/net"), None
    with _unless_it_ends(seen):
        its = os.stat(f"{seen.view}/ns/net")
    if its is None or its.st_ino == ours.st_ino:
        return 0
    return max(_counted(seen, "net/unix", b"\n", most) - 1, 0)  # the first line is the table's head


def in_flight(seen: Seen, descriptor: str) -> int:
    """Descriptors that wait in a socket to be received."""
    with _unless_it_ends(seen), open(f"{seen.view}/fdinfo/{descriptor}") as file:
        return sum(map(int, IN_FLIGHT.findall(file.read())))
    return 0


def scratch_files(processes: Iterable[Seen]) -> int:
    """Files in the fuller scratch folder, as the first of the processes that has such folders of its own sees them."""
    for seen in processes:
        most = 0
        for folder in SCRATCH:
            with contextlib.suppress(OSError):  # it ended meanwhile, or has no such folder yet
                if os.stat(f"{seen.view}/root/{folder}").st_dev != os.stat(f"/{folder}").st_dev:
                    inodes = os.statvfs(f"{seen.view}/root/{folder}")
                    most = max(most, inodes.f_files - inodes.f_ffree)
        if most:
            return most
    return 0


def _seen(pid: int, threads: list[str]) -> Seen:
    status = _read(f"/proc/{pid}/status")
    if HAS_MEMORY in status:
        return Seen(pid, tuple(threads), f"/proc/{pid}", status)
    for thread in threads if len(threads) > 1 else ():
        its = _read(f"/proc/{pid}/task/{thread}/status")
        if HAS_MEMORY in its:
            return Seen(pid, tuple(threads), f"/proc/{pid}/task/{thread}", its)
    return Seen(pid, tuple(threads), "", status)


def _read(path: str) -> str:
    """A file of a process; nothing if the process ended meanwhile."""
    try:
        with open(path, errors="replace") as file:  # the names of a box's processes are what it wants them to be
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _listed(folder: str) -> list[str]:
    """Names in a folder of a process; none if the process ended meanwhile."""
    try:
        return os.listdir(folder)
    except (FileNotFoundError, ProcessLookupError):
        return []


def _link(seen: Seen, name: str) -> str:
    with _unless_it_ends(seen):
        return os.readlink(f"{seen.view}/fd/{name}")
    return ""


def _counted(seen: Seen, file: str, what: bytes, most: int) -> int:
    count = 0
    if seen.view:
        with _unless_it_ends(seen), open(f"{seen.view}/{file}", "rb") as lines:
            while count <= most and (part := lines.read(PART)):
                count += part.count(what)
    return count


@contextlib.contextmanager
def _unless_it_ends(seen: Seen) -> Iterator[None]:
    """Let a process end while it is looked at."""
    try:
        yield
    except (FileNotFoundError, ProcessLookupError):
        pass
    except PermissionError:
        if HAS_MEMORY in _read(f"{seen.view}/status"):
            raise
