"""A process with everything imported that a notebook needs, of which each box is a fork: torch is loaded once.

It runs alone in a bubblewrap box and never sees student code. For each order it forks. The fork moves to namespaces of
its own (user, mount, pid, ipc, uts, cgroup and network). It mounts a /proc that shows only itself, empty scratch
folders and terminals. It loses every capability and the way to new namespaces, and starts a kernel (start.py).

Nothing leads back: the template takes one message, a socket and a pipe, and answers with a word, before student code
exists.

What a fork inherits, and what becomes of it:

* memory: copied on write; it holds imported modules and nothing of any submission;
* threads and locks: there are none, or the template refuses to start;
* descriptors: all are closed but the fork's own socket, and 0 to 2 are opened again;
* random numbers: Python reseeds itself in a fork, NumPy is reseeded here, torch starts from its constant either way;
* signal handlers, the working directory, limits: as a fresh Python has them (start.py sets the limits).

Nested namespaces need a fully visible /proc. Started by root, bubblewrap covers parts of it, and then the kernel
refuses a new one. The template is root only in its own user namespace. It unmounts those covers, enters a second user
namespace, and drops all capabilities. /proc is never writable next to student code.
"""

import array
import contextlib
import json
import os
import signal
import socket
import sys
import threading
import traceback

from . import namespaces as ns
from . import start, wire
from .preload import preload

QUIET = ns.NO_SETUID | ns.NO_DEVICES
MAX_ORDER = 64  # bytes of an order; what it is about comes through the socket that comes with it
MAX_DESCRIPTORS = 2
TERMINALS = 64


def main() -> None:
    """Make nested boxes possible, import, say that all is ready, and fork at each order until the grader hangs up."""
    orders = socket.socket(fileno=int(sys.argv[1]))
    _uncover_proc()
    ns.unshare(ns.USERS, outer_id=0)
    ns.give_up_privileges()
    preload(**json.loads(sys.argv[2]))
    if len(os.listdir("/proc/self/task")) != 1 or threading.active_count() != 1:
        raise SystemExit("An imported module left a thread behind; a fork would inherit its locks.")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended forks leave no zombie
    orders.send(b"ready")
    while True:
        order, descriptors = _receive(orders)
        if not order:
            return
        if os.fork() == 0:
            orders.close()
            _become_a_box(descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        orders.send(b"forked")


def _uncover_proc() -> None:
    """Take away what bubblewrap, started by root, mounts over parts of /proc: the kernel lets nobody mount a new /proc
    who sees a part of the old one covered. Only forks run student code, and each of them mounts its own, read-only."""
    for where in reversed(ns.mounted_below("/proc")):
        ns.unmount(where)


def _receive(orders: socket.socket) -> tuple[bytes, list[int]]:
    """An order and the descriptors that came with it; ``b""`` when the grader hung up."""
    size = array.array("i").itemsize * MAX_DESCRIPTORS
    order, ancillary, _, _ = orders.recvmsg(MAX_ORDER, socket.CMSG_SPACE(size))
    descriptors = array.array("i")
    for _, _, data in ancillary:
        descriptors.frombytes(data)
    return order, list(descriptors)


def _become_a_box(descriptors: list[int]) -> None:
    """In the fork: wait for the rest of the order, build the walls, run the kernel; never returns."""
    try:
        descriptor, complaints = descriptors
        os.dup2(complaints, 2)
        stream = socket.socket(fileno=descriptor)
        spec = wire.receive(stream)  # comes when the grader has put this process in its control group
        _close_others(descriptor)
        ns.unshare(ns.ALL, outer_id=ns.ID)
        init = os.fork()  # the first process of the new pid namespace
        if init:
            stream.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.waitpid(init, 0)
        else:
            _build_walls(spec)
            start.give_up(spec["rlimits"], confined=True)  # process 1 too: a kernel could write to its memory
            start.run(spec, stream)
    except BaseException:
        traceback.print_exc()  # to the grader, which says why its box did not start
    finally:
        os._exit(1)  # whatever happened: nothing of the template's may run here


def _close_others(kept: int) -> None:
    """Close what the template had open. Standard error leads to the grader until the kernel is ready."""
    nowhere = os.open("/dev/null", os.O_RDWR)  # flags set on the template's would come through to every fork
    for descriptor in (0, 1):
        os.dup2(nowhere, descriptor)
    for descriptor in {int(name) for name in os.listdir("/proc/self/fd")} - {0, 1, 2, kept}:
        with contextlib.suppress(OSError):  # the one that listed them is closed by now
            os.close(descriptor)


def _build_walls(spec: dict) -> None:
    scratch = f"size={spec['scratch_bytes']},mode=1777"
    ns.mount("proc", "/proc", QUIET | ns.NO_PROGRAMS)
    ns.write("/proc/sys/user/max_user_namespaces", "0")  # of this user namespace: with none, no other kind can be had
    ns.mount("proc", "/proc", ns.REMOUNT | ns.BIND | ns.READ_ONLY | QUIET | ns.NO_PROGRAMS)
    _mount_scratch_over("/tmp", scratch)
    ns.mount("tmpfs", "/dev/shm", QUIET, scratch)
    for device in ns.mounted_below("/dev"):  # started by root, they are the box's user's own
        if device not in ("/dev/shm", "/dev/pts"):
            ns.mount("none", device, ns.REMOUNT | ns.BIND | ns.READ_ONLY | ns.NO_SETUID)
    ns.mount("devpts", "/dev/pts", ns.NO_SETUID | ns.NO_PROGRAMS, f"newinstance,ptmxmode=0666,mode=620,max={TERMINALS}")
    os.chdir("/tmp")
    ns.raise_loopback()
    ns.give_up_privileges()
    ns.die_with_parent()


def _mount_scratch_over(folder: str, options: str) -> None:
    """Mount an empty scratch; what was mounted below the folder (a course that lies there) stays where it was."""
    below = ns.mounted_below(folder)
    uppermost = [where for where in below if not any(where.startswith(f"{other}/") for other in below)]
    held = [(where, os.open(where, os.O_PATH)) for where in uppermost]
    ns.mount("tmpfs", folder, QUIET, options)
    for where, descriptor in held:
        os.makedirs(where, exist_ok=True)
        ns.bind(f"/proc/self/fd/{descriptor}", where)
        os.close(descriptor)


if __name__ == "__main__":
    main()
