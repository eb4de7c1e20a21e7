"""Keeps a running box within its memory and its number of tasks, from outside; with or without a control group.

Time and output are counted by whoever drives the box; files, CPU seconds and single-file size are bounded from
inside by rlimits and a sized tmpfs. What is left, memory and tasks of the *whole tree*, is watched here: RLIMIT_AS
counts address space, of which torch reserves gigabytes it never touches, and RLIMIT_NPROC does not bind root. So are
the files in the sized tmpfs: an empty one takes none of its size, and a kilobyte of the kernel's memory.
"""

import contextlib
import os
import re
import resource
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import psutil

from autograder.box.cgroup import ControlGroup
from autograder.config import MIB, Limits

POLL_S = 0.1  # a process touches some 100 MiB between two looks; the kernel's own OOM killer stands behind
PAGE = resource.getpagesize()
MAX_DESCRIPTORS = 2048  # of a box; what a socket holds in the kernel, a quarter of a megabyte, is no process's memory
SCRATCH = ("tmp", "dev/shm")
KEPT = re.compile(r"^(?:VmRSS|VmPTE):\s+(\d+) kB", re.MULTILINE)  # pages that were touched, and the tables of all
PROPORTIONAL = re.compile(r"^(?:Pss|VmPTE):\s+(\d+) kB", re.MULTILINE)


@dataclass(frozen=True)
class Usage:
    """What a process tree uses at one moment."""

    memory_bytes: int
    tasks: int
    files: int
    descriptors: int


def tree_usage(pid: int, memory_matters_above: int = 0) -> Usage:
    """Memory, tasks and descriptors of ``pid`` and everything below it, and files in the fuller scratch folder.

    Memory is the sum of resident sizes and page tables; where that exceeds ``memory_matters_above``, proportional sizes
    take the place of the resident ones, which count a page shared by n processes once (slower to read). Where there are
    too many descriptors, only different sockets and pipes are counted, likewise.
    """
    resident = tasks = descriptors = 0
    tree = list(_tree(pid))
    for member, threads in tree:
        tasks += len(threads)
        descriptors += len(_listed(f"/proc/{member}/fd"))
        resident += sum(map(int, KEPT.findall(_read(f"/proc/{member}/status")))) * 1024
    if descriptors > MAX_DESCRIPTORS:
        descriptors = _different_sockets(member for member, _ in tree)
    if resident > memory_matters_above:
        resident = sum(_proportional_bytes(member) for member, _ in tree)
    files = next((files for pid, _ in reversed(tree) if (files := _scratch_files(pid))), 0)
    return Usage(resident, tasks, files, descriptors)


def members(pid: int) -> list[int]:
    """``pid`` and everything below it."""
    return [member for member, _ in _tree(pid)]


def children(pid: int) -> list[int]:
    """What ``pid`` started and is still there."""
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


def _read(path: str) -> str:
    try:
        with open(path, errors="replace") as file:  # the names of a box's processes are what it wants them to be
            return file.read()
    except OSError:
        return ""


def _listed(folder: str) -> list[str]:
    """Names in ``folder``; none where its process ended meanwhile."""
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _different_sockets(pids: Iterable[int]) -> int:
    """Sockets and pipes that processes have open; one that several inherited counts once."""
    found = set()
    for pid in pids:
        for name in _listed(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                found.add(os.readlink(f"/proc/{pid}/fd/{name}"))
    return sum(where.startswith(("socket:", "pipe:")) for where in found)


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
    text = _read(f"/proc/{pid}/smaps_rollup") + _read(f"/proc/{pid}/status")
    return sum(map(int, PROPORTIONAL.findall(text))) * 1024


def max_files(limits: Limits) -> int:
    """Files that a scratch folder may hold: as many as fill it when each takes a page."""
    return limits.scratch_bytes // PAGE


class Watchdog(threading.Thread):
    """Kills a box that exceeds its memory, its tasks or its files, and remembers why.

    Attributes:
        broken: "memory", "tasks", "files" or "descriptors" once the box was killed for it, "unwatched" if it could not
            be watched, else None.
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
            self._watch()
        except Exception:  # fail closed: whatever in the box made it so, nothing bounds it now
            self.broken = "unwatched"
            kill_tree(self._process, self._group)

    def _watch(self) -> None:
        while not self._over.wait(POLL_S) and alive(self._process):
            usage = tree_usage(self._process.pid, memory_matters_above=self._limits.memory_bytes)
            # The kernel ends one process that wanted more; what is left would run on as if nothing had been.
            killed = self._group is not None and self._group.ran_out_of_memory()
            if killed or usage.memory_bytes > self._limits.memory_bytes:
                self.broken = "memory"
            elif usage.tasks > self._limits.tasks:
                self.broken = "tasks"
            elif usage.files > max_files(self._limits):
                self.broken = "files"
            elif usage.descriptors > MAX_DESCRIPTORS:
                self.broken = "descriptors"
            if self.broken:
                kill_tree(self._process, self._group)
                return

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
        f"{limits.wall_s:g} s wall, {limits.call_s:g} s a hidden call, {limits.memory_bytes // MIB} MiB memory, "
        f"{limits.tasks} tasks, {limits.output_bytes // MIB} MiB output, {limits.scratch_bytes // MIB} MiB scratch"
    )
