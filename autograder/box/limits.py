"""Keeps a running box within its memory and its number of tasks, from outside; with or without a control group.

Time and output are counted by whoever drives the box; files, CPU seconds and single-file size are bounded from
inside by rlimits and a sized tmpfs. What is left, memory and tasks of the *whole tree*, is watched here: RLIMIT_AS
counts address space, of which torch reserves gigabytes it never touches, and RLIMIT_NPROC does not bind root.

Some things take the kernel's memory and belong to no process: sockets and pipes, mappings without a page, files in the
sized tmpfs. Only a control group bounds this kind of memory; here their number is watched. What cannot be read counts
as a reason to end the box, never as nothing.
"""

import contextlib
import functools
import os
import resource
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import psutil

from autograder.box import processes
from autograder.box.backstop import guarded
from autograder.box.cgroup import ControlGroup
from autograder.box.processes import Seen
from autograder.config import MIB, Limits

LOOK_S = 5.0  # of processor time for one look at a box, which takes 1.5 where it has 235 forks of a kernel with torch
POLL_S = 0.1  # a process touches some 100 MiB between two looks; the kernel's own OOM killer stands behind
MAPPINGS_EVERY = 10  # looks: reading the mappings of a process that has torch takes a millisecond
FEW_PROCESSES = 8  # each may have 65,530 mappings (vm.max_map_count), so that those of few are no matter for a second
PAGE = resource.getpagesize()
OPEN_FILES = 512  # of one process; what all boxes of a user keep in flight is bounded by this too (see unix(7))
# Of a box. Forks inherit descriptors: pipes, sockets and paths count once, what has no name each time.
MAX_DESCRIPTORS = 8192
MAX_SOCKETS = 512  # sockets and pipes; one may hold half a megabyte in the kernel
MAX_IN_FLIGHT = 128  # descriptors that wait in sockets; the kernel counts them for the real user
MAX_TERMINALS = 64  # the kernel has 4,096 for the whole machine
MAX_KERNEL_FILES = 128  # open files of /proc; the kernel may keep a megabyte for each
MAX_WATCHES = 20_000  # of epoll, which the kernel counts for the real user; a child of a kernel inherits some 40
QUOTA_OF_WATCHES = Path("/proc/sys/fs/epoll/max_user_watches")
MAX_MAPPINGS = 200_000  # one without a page takes up to 1.4 kB of the kernel, and a shared one is an open file
QUOTA_OF_FILES = Path("/proc/sys/fs/file-max")  # open files of the whole machine
MASTERS = ("/dev/ptmx", "/dev/pts/ptmx")
Part = TypeVar("Part")


@dataclass(frozen=True)
class Usage:
    """What a process tree uses at one moment.

    Attributes:
        memory_bytes: Resident and swapped-out memory, and page tables.
        tasks: Processes and threads.
        files: Files in the fuller scratch folder.
        descriptors: Open files, as they are counted above.
        sockets: Different sockets and pipes, or all unix sockets of the box where these are more.
        in_flight: Descriptors that wait in sockets to be received.
        terminals: Terminals and their masters.
        kernel_files: Open files of /proc.
        watches: Watches of epoll, each counted as often as processes have it.
        mappings: Mappings of memory in all processes; 0 where they were not counted.
    """

    memory_bytes: int = 0
    tasks: int = 0
    files: int = 0
    descriptors: int = 0
    sockets: int = 0
    in_flight: int = 0
    terminals: int = 0
    kernel_files: int = 0
    watches: int = 0
    mappings: int = 0


def tree_usage(pid: int, memory_matters_above: int = 0, *, count_mappings: bool = False) -> Usage:
    """What ``pid`` and everything below it use.

    Memory is the sum of resident sizes and page tables; where that exceeds ``memory_matters_above``, proportional sizes
    take the place of the resident ones, which count a page shared by n processes once (slower to read).

    The order is that of cost, and an excess of mappings ends it: reading proportional sizes takes seconds where
    processes have all the mappings that they can have.

    Raises:
        OSError: A process that is there cannot be read, or a look takes too long; both may be on purpose.
    """
    end = time.thread_time() + LOOK_S
    seen = list(_in_time(processes.tree(pid), end))
    usage = Usage(tasks=sum(len(one.threads) for one in seen))
    mapped = 0
    if count_mappings or len(seen) > FEW_PROCESSES:
        for one in _in_time(seen, end):
            mapped += processes.mappings(one, max_mappings() - mapped)
            if mapped > max_mappings():
                return replace(usage, mappings=mapped)
    usage = replace(usage, mappings=mapped, files=processes.scratch_files(reversed(seen)), **_opened(seen, end))
    memory = sum(map(processes.resident_bytes, seen))
    if memory > memory_matters_above:
        memory = sum(map(processes.proportional_bytes, _in_time(seen, end)))
    return replace(usage, memory_bytes=memory)


def _opened(seen: list[Seen], end: float) -> dict[str, int]:
    """The parts of :class:`Usage` that are about descriptors."""
    places: dict[str, tuple[Seen, str]] = {}  # a socket, a pipe or a path -> one process that has it, and the number
    nameless = masters = kernel_files = watches = 0
    for one in _in_time(seen, end):
        for number, leads_to in processes.descriptors(one).items():
            if leads_to == "anon_inode:[eventpoll]":
                watches += processes.watches(one, number, max_watches() - watches)
            nameless += leads_to.startswith("anon_inode:")
            masters += leads_to in MASTERS
            kernel_files += leads_to.startswith("/proc/")
            places.setdefault(leads_to, (one, number))
    sockets = [place for place in places if place.startswith("socket:")]
    known = len(sockets) + sum(place.startswith("pipe:") for place in places)
    inside = next((one for one in reversed(seen) if one.view), None)
    return {
        "descriptors": nameless + len(places),
        "sockets": max(known, processes.sockets_of_the_namespace(inside, MAX_SOCKETS) if inside else 0),
        "in_flight": sum(processes.in_flight(*places[socket]) for socket in _in_time(sockets, end)),
        "terminals": masters + sum(place.startswith("/dev/pts/") for place in places),
        "kernel_files": kernel_files,
        "watches": watches,
    }


def _in_time(parts: Iterable[Part], end: float) -> Iterator[Part]:
    """The parts one by one, until this thread has used its processor time."""
    for part in parts:
        if time.thread_time() > end:
            raise TimeoutError("a look at this box takes too long")
        yield part


def exceeded(usage: Usage, limits: Limits) -> str | None:
    """The first limit that is exceeded, by the name that :class:`Watchdog` gives it; None where all are kept."""
    used = {
        "memory": (usage.memory_bytes, limits.memory_bytes),
        "tasks": (usage.tasks, limits.tasks),
        "files": (usage.files, max_files(limits)),
        "descriptors": (usage.descriptors, MAX_DESCRIPTORS),
        "sockets": (usage.sockets, MAX_SOCKETS),
        "in flight": (usage.in_flight, MAX_IN_FLIGHT),
        "terminals": (usage.terminals, MAX_TERMINALS),
        "kernel files": (usage.kernel_files, MAX_KERNEL_FILES),
        "watches": (usage.watches, max_watches()),
        "mappings": (usage.mappings, max_mappings()),
    }
    return next((name for name, (amount, limit) in used.items() if amount > limit), None)


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


class Watchdog(threading.Thread):
    """Kills a box that exceeds its memory, its tasks or its files, and remembers why.

    Attributes:
        broken: The part of :class:`Usage` that exceeded its limit once the box was killed for it ("memory", "tasks");
            "machine memory" or "machine files" if the machine itself ran low and this was the youngest box (see
            backstop.py); "unwatched" if it could not be watched; else None.
    """

    def __init__(self, process: psutil.Process, limits: Limits, group: ControlGroup | None = None) -> None:
        super().__init__(name="box-watchdog", daemon=True)
        self._process = process
        self._limits = limits
        self._group = group
        self._over = threading.Event()
        self.broken: str | None = None

    def run(self) -> None:
        """Look at the tree until it ends or :meth:`stop` is called."""
        try:
            with guarded(self):
                excess = self._watch()
        except Exception:  # fail closed: whatever in the box made it so, nothing bounds it now
            excess = "unwatched"
        if excess:
            self.end(excess)

    def _watch(self) -> str | None:
        looks = 0
        while not self._over.wait(POLL_S) and alive(self._process):
            usage = tree_usage(
                self._process.pid,
                memory_matters_above=self._limits.memory_bytes,
                count_mappings=looks % MAPPINGS_EVERY == 0,
            )
            looks += 1
            # The kernel ends one process that wanted more; what is left would run on as if nothing had been.
            killed = self._group is not None and self._group.ran_out_of_memory()
            excess = "memory" if killed else exceeded(usage, self._limits)
            if excess:
                return excess
        return None

    def end(self, reason: str) -> None:
        """End the box; the first reason is the one that is remembered."""
        self.broken = self.broken or reason
        kill_tree(self._process, self._group)

    def stop(self) -> None:
        """Stop watching; returns when the thread has ended."""
        self._over.set()
        if self.is_alive():
            self.join()


def alive(process: psutil.Process) -> bool:
    """Whether a box still runs; one that we started ourselves stays in the process table until it is asked for."""
    return process.poll() is None if isinstance(process, psutil.Popen) else process.is_running()


def kill_tree(process: psutil.Process, group: ControlGroup | None = None, patience_s: float = 10.0) -> None:
    """Kill a box and everything in it, and wait until all of it is gone.

    Killing the outermost process is enough inside a pid namespace; the walk over the children is for a run without
    one. A tree that forks while it is killed is walked again. A control group kills all of it at once where it can.
    """
    if group:
        group.kill()
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        children: list[psutil.Process] = []
        with contextlib.suppress(psutil.Error):
            children = process.children(recursive=True)
        for member in (process, *children):
            with contextlib.suppress(psutil.Error, ProcessLookupError):
                member.kill()
        with contextlib.suppress(psutil.TimeoutExpired):
            process.wait(timeout=patience_s)
        for _ in range(100):
            if all(map(_ended, children)):
                return
            time.sleep(0.005)


def _ended(process: psutil.Process) -> bool:
    """Whether it is gone, or a zombie: an init may take half a second to bury it, and that of many a container never
    does. Where we are the init, it is ours to bury."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(process.pid, os.WNOHANG)
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return True


def describe(limits: Limits) -> str:
    """The limits in one line for a report."""
    return (
        f"{limits.wall_s:g} s wall, {limits.call_s:g} s a hidden call, {limits.calls_s:g} s all of these, "
        f"{limits.memory_bytes // MIB} MiB memory, {limits.tasks} tasks, {limits.output_bytes // MIB} MiB output, "
        f"{limits.scratch_bytes // MIB} MiB scratch"
    )
