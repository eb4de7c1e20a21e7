"""Keeps a running box within its memory and its number of tasks, from outside; with or without a control group.

Time is counted by execute.py, what a box sends by stream.py; files, CPU seconds and single-file size are bounded from
inside by rlimits and a sized tmpfs. What is left, memory and tasks of the *whole tree*, is watched here: RLIMIT_AS
counts address space, of which torch reserves gigabytes it never touches, and RLIMIT_NPROC does not bind root.

Some things take the kernel's memory and belong to no process: sockets and pipes, mappings without a page, files in the
sized tmpfs. Only a control group bounds this kind of memory; here their number is watched.

A box that cannot be watched is ended: what cannot be read, or takes too long to read, never counts as nothing.
"""

import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import psutil

from autograder.box import processes
from autograder.box.backstop import guarded
from autograder.box.cgroup import ControlGroup
from autograder.box.kill import alive, kill_tree
from autograder.box.maxima import (
    MAX_DESCRIPTORS,
    MAX_IN_FLIGHT,
    MAX_KERNEL_FILES,
    MAX_SOCKETS,
    MAX_TERMINALS,
    max_files,
    max_mappings,
    max_watches,
)
from autograder.box.processes import Seen
from autograder.box.unboxed import look_as
from autograder.config import Limits

LOOK_S = 5.0  # of processor time for one look at a box, which takes 1.5 where it has 235 forks of a kernel with torch
POLL_S = 0.1  # a process touches some 100 MiB between two looks; the kernel's own OOM killer comes after that
MAPPINGS_EVERY = 10  # looks: reading the mappings of a process that has torch takes a millisecond
FEW_PROCESSES = 8  # each may have 65,530 mappings (vm.max_map_count), so those of few processes can wait for a second
MASTERS = ("/dev/ptmx", "/dev/pts/ptmx")
Part = TypeVar("Part")


@dataclass(frozen=True)
class Usage:
    """The resources that a process tree uses at one moment.

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
        mappings: Mappings of memory in all processes; 0 if they were not counted.
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
    """The resources that ``pid`` and everything below it use.

    Memory is the sum of resident sizes and page tables. If that exceeds ``memory_matters_above``, proportional sizes
    replace the resident ones: they count a page shared by n processes once, and are slower to read.

    What is read fastest comes first, and too many mappings end the look. Reading proportional sizes takes seconds if
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
    """The first limit that is exceeded, by the name that :class:`Watchdog` gives it; None if all are kept."""
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


class Watchdog(threading.Thread):
    """Kills a box that exceeds its memory, its tasks or its files, and remembers why.

    Attributes:
        broken: The part of :class:`Usage` that exceeded its limit once the box was killed for it ("memory", "tasks");
            "machine memory" or "machine files" if the machine itself ran low and this was the youngest box (see
            backstop.py); "unwatched" if it could not be watched; else None.
    """

    def __init__(
        self, process: psutil.Process, limits: Limits, group: ControlGroup | None = None, user: int | None = None
    ) -> None:
        """Args:
        user: Whose processes these are, if another's than the grader's and in no namespace of their own.
        """
        super().__init__(name="box-watchdog", daemon=True)
        self._user = user
        self._process = process
        self._limits = limits
        self._group = group
        self._over = threading.Event()
        self.broken: str | None = None

    def run(self) -> None:
        """Look at the tree until it ends or :meth:`stop` is called."""
        try:
            if self._user is not None:
                look_as(self._user)
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
