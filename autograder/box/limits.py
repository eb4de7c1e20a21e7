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
import re
import resource
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from autograder.box.backstop import guarded
from autograder.box.cgroup import ControlGroup
from autograder.config import MIB, Limits

LOOK_S = 15.0  # for one look at a box; one that makes it take longer is not watched
POLL_S = 0.1  # a process touches some 100 MiB between two looks; the kernel's own OOM killer stands behind
MAPPINGS_EVERY = 10  # looks: reading the mappings of a process that has torch takes milliseconds
PAGE = resource.getpagesize()
OPEN_FILES = 512  # of one process; what it can keep in flight to nobody is bounded by this too (see unix(7))
MAX_DESCRIPTORS = 16_384  # of a box, each counted as often as processes have it: 64 for each of 256 forks of a kernel
MAX_SOCKETS = 512  # sockets and pipes of a box; one may hold a quarter of a megabyte in the kernel
MAX_TERMINALS = 512  # of a box, likewise; the kernel has 4,096 for the whole machine
MAX_WATCHES = 100_000  # of epoll, in a box, likewise; a child of a kernel inherits some 40 of these
QUOTA_OF_WATCHES = Path("/proc/sys/fs/epoll/max_user_watches")  # for all programs of one real user: the grader's too
FEW = 64  # descriptors of epoll, whose watches together are no matter
MAX_MAPPINGS = 200_000  # of a box; one without a page takes up to 1.4 kB of the kernel, and a shared one is a file
QUOTA_OF_FILES = Path("/proc/sys/fs/file-max")  # open files of the whole machine
FEW_PROCESSES = 8  # each may have 65,530 mappings (vm.max_map_count), so that those of few are no matter for a second
SCRATCH = ("tmp", "dev/shm")
LISTS_CHILDREN = os.path.exists(f"/proc/self/task/{os.getpid()}/children")
KEPT = re.compile(r"^(?:VmRSS|VmSwap|VmPTE):\s+(\d+) kB", re.MULTILINE)  # pages that were touched, the tables of all
PROPORTIONAL = re.compile(r"^(?:Pss|SwapPss|VmPTE):\s+(\d+) kB", re.MULTILINE)


@dataclass(frozen=True)
class Usage:
    """What a process tree uses at one moment.

    Attributes:
        memory_bytes: Resident and swapped-out memory, and page tables.
        tasks: Processes and threads.
        files: Files in the fuller scratch folder.
        descriptors: Open descriptors of all processes together.
        sockets: Different sockets and pipes; counted where there are many descriptors, else 0.
        terminals: Descriptors that lead to a terminal's master; likewise.
        watches: Watches of epoll, each counted as often as processes have it; likewise.
        mappings: Mappings of memory in all processes; 0 where they were not asked for.
    """

    memory_bytes: int = 0
    tasks: int = 0
    files: int = 0
    descriptors: int = 0
    sockets: int = 0
    terminals: int = 0
    watches: int = 0
    mappings: int = 0


def tree_usage(pid: int, memory_matters_above: int = 0, *, count_mappings: bool = False) -> Usage:
    """What ``pid`` and everything below it use.

    Memory is the sum of resident sizes and page tables; where that exceeds ``memory_matters_above``, proportional sizes
    take the place of the resident ones, which count a page shared by n processes once (slower to read).

    The order is that of cost, and the first excess ends it: a box could make the rest take as long as it likes. Reading
    proportional sizes takes seconds where processes have all the mappings that they can have.

    Raises:
        OSError: A process that is there cannot be read. It may hide on purpose.
    """
    tree = list(_tree(pid))
    tasks = sum(len(threads) for _, threads in tree)
    opened = [(member, name) for member, _ in tree for name in _descriptors(member)]
    if len(opened) > MAX_DESCRIPTORS:
        return Usage(tasks=tasks, descriptors=len(opened))
    mappings = 0
    if count_mappings or len(tree) > FEW_PROCESSES:
        mappings = _mappings(member for member, _ in tree)
        if mappings > max_mappings():
            return Usage(tasks=tasks, descriptors=len(opened), mappings=mappings)
    kinds = {one: _link(*one) for one in opened} if len(opened) > MAX_SOCKETS else {}
    queues = [one for one, kind in kinds.items() if kind == "anon_inode:[eventpoll]"]
    resident = sum(sum(map(int, KEPT.findall(_read(f"/proc/{member}/status")))) for member, _ in tree) * 1024
    if resident > memory_matters_above:
        resident = sum(_proportional_bytes(member) for member, _ in tree)
    return Usage(
        memory_bytes=resident,
        tasks=tasks,
        files=next((files for member, _ in reversed(tree) if (files := _scratch_files(member))), 0),
        descriptors=len(opened),
        sockets=len({kind for kind in kinds.values() if kind.startswith(("socket:", "pipe:"))}),
        terminals=sum(kind in ("/dev/ptmx", "/dev/pts/ptmx") for kind in kinds.values()),
        watches=_watches(queues) if len(queues) > FEW else 0,
        mappings=mappings,
    )


def exceeded(usage: Usage, limits: Limits) -> str | None:
    """The first limit that is exceeded, by the name that :class:`Watchdog` gives it; None where all are kept."""
    used = {
        "memory": (usage.memory_bytes, limits.memory_bytes),
        "tasks": (usage.tasks, limits.tasks),
        "files": (usage.files, max_files(limits)),
        "descriptors": (usage.descriptors, MAX_DESCRIPTORS),
        "sockets": (usage.sockets, MAX_SOCKETS),
        "terminals": (usage.terminals, MAX_TERMINALS),
        "watches": (usage.watches, max_watches()),
        "mappings": (usage.mappings, max_mappings()),
    }
    return next((name for name, (amount, limit) in used.items() if amount > limit), None)


def members(pid: int) -> list[int]:
    """``pid`` and everything below it."""
    return [member for member, _ in _tree(pid)]


def children(pid: int) -> list[int]:
    """What ``pid`` started and is still there.

    Raises:
        OSError: This kernel does not list children (it was built without CONFIG_PROC_CHILDREN).
    """
    if not LISTS_CHILDREN:
        raise OSError("this kernel does not list the children of a process")
    threads = _listed(f"/proc/{pid}/task")
    return [int(child) for thread in threads for child in _read(f"/proc/{pid}/task/{thread}/children").split()]


def _tree(pid: int) -> Iterator[tuple[int, list[str]]]:
    """Each process at or below ``pid`` with its threads. Walked down from ``pid``: reading all of /proc many times a
    second costs more than a small notebook."""
    threads = _listed(f"/proc/{pid}/task")
    if threads:
        yield pid, threads
        for child in children(pid):
            yield from _tree(child)
    elif psutil.pid_exists(pid) and not _listed(f"/proc/{pid}/task"):
        raise PermissionError(f"process {pid} cannot be seen")  # /proc may be mounted so that it hides others'


def _read(path: str) -> str:
    """A file of a process; nothing where the process ended meanwhile."""
    try:
        with open(path, errors="replace") as file:  # the names of a box's processes are what it wants them to be
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _listed(folder: str) -> list[str]:
    """Names in a folder of a process; none where the process ended meanwhile."""
    try:
        return os.listdir(folder)
    except (FileNotFoundError, ProcessLookupError):
        return []


@contextlib.contextmanager
def _unless_it_ends(pid: int) -> Iterator[None]:
    """Let a process end while it is looked at. What is left of one that has no memory any more belongs to root."""
    try:
        yield
    except (FileNotFoundError, ProcessLookupError):
        pass
    except PermissionError:
        if "VmSize:" in _read(f"/proc/{pid}/status"):
            raise


def _descriptors(pid: int) -> list[str]:
    with _unless_it_ends(pid):
        return os.listdir(f"/proc/{pid}/fd")
    return []


def _link(pid: int, name: str) -> str:
    """What a descriptor is; nothing where it was closed meanwhile."""
    with _unless_it_ends(pid):
        return os.readlink(f"/proc/{pid}/fd/{name}")
    return ""


def _watches(queues: Iterable[tuple[int, str]]) -> int:
    """Watches of epoll's descriptors, no further than to their limit."""
    count, limit = 0, max_watches()
    for pid, name in queues:
        with _unless_it_ends(pid), open(f"/proc/{pid}/fdinfo/{name}", "rb") as lines:
            while count <= limit and (part := lines.read(1 << 16)):
                count += part.count(b"tfd:")
    return count


@functools.cache
def max_watches() -> int:
    """Watches of epoll that a box may have: MAX_WATCHES, or an eighth of what a small machine gives one user."""
    return min(MAX_WATCHES, _quota(QUOTA_OF_WATCHES) // 8)


def _mappings(pids: Iterable[int]) -> int:
    """Mappings of processes; no further than to the limit, because a process in the box decides how long this takes."""
    count, limit = 0, max_mappings()
    for pid in pids:
        with _unless_it_ends(pid), open(f"/proc/{pid}/maps", "rb") as lines:
            while count <= limit and (part := lines.read(1 << 16)):
                count += part.count(b"\n")
    return count


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


def _scratch_files(pid: int) -> int:
    """Files in the scratch folders as a process in the box sees them; 0 where they are not the box's own."""
    most = 0
    for folder in SCRATCH:
        with contextlib.suppress(OSError):  # it ended meanwhile, or has no such folder yet
            if os.stat(f"/proc/{pid}/root/{folder}").st_dev != os.stat(f"/{folder}").st_dev:
                inodes = os.statvfs(f"/proc/{pid}/root/{folder}")
                most = max(most, inodes.f_files - inodes.f_ffree)
    return most


def _proportional_bytes(pid: int) -> int:
    text = ""
    with _unless_it_ends(pid), open(f"/proc/{pid}/smaps_rollup") as file:
        text = file.read()
    return sum(map(int, PROPORTIONAL.findall(text + _read(f"/proc/{pid}/status")))) * 1024


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
            begin = time.monotonic()
            usage = tree_usage(
                self._process.pid,
                memory_matters_above=self._limits.memory_bytes,
                count_mappings=looks % MAPPINGS_EVERY == 0,
            )
            looks += 1
            if time.monotonic() - begin > LOOK_S:
                raise TimeoutError("a look at this box takes too long")
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
