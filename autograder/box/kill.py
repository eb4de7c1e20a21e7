"""Kills a box and everything in it, and says whether it still runs."""

import contextlib
import os
import time

import psutil

from autograder.box.cgroup import ControlGroup


def alive(process: psutil.Process) -> bool:
    """Whether a box still runs; one that we started ourselves stays in the process table until we wait for it."""
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


def kill_all_of(user: int) -> None:
    """Kill every process of a user, also those that left their tree."""
    for _ in range(100):
        left = [one for one in psutil.process_iter(["uids", "status"]) if _runs_as(one, user)]
        if not left:
            return
        for one in left:
            try:
                one.kill()
            except psutil.Error:
                continue
        psutil.wait_procs(left, timeout=0.1)


def _runs_as(process: psutil.Process, user: int) -> bool:
    uids = process.info["uids"]
    return uids is not None and user in uids and process.info["status"] != psutil.STATUS_ZOMBIE
