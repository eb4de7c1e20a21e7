"""Tries to get out of a box. Its text runs there as a notebook's cell would; it knows nothing of the grader.

:func:`attack` takes what the host prepared as bait and gives, by the name of each property, whether it held.
"""

import contextlib
import ctypes
import errno
import fcntl
import mmap
import os
import platform
import resource
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from functools import partial

ARM = platform.machine() == "aarch64"
KEYCTL = 219 if ARM else 250
FANOTIFY_INIT = 262 if ARM else 300
IO_SETUP = 0 if ARM else 206
PIDFD_GETFD, SET_PIPE_SIZE = 438, 1031
F_SETLEASE, AF_VSOCK = 1024, 40
DUMPABLE, CORE_SCHEDULING = 4, 62  # prctl(2)
SO_BINDTODEVICE, SO_PEERPIDFD, SIOCGIFCONF = 25, 77, 0x8912
OTHER_NAMESPACES = (0x00020000, 0x08000000, 0x20000000, 0x40000000)  # mounts, ipc, processes, network


def blocked(action: Callable[[], object]) -> bool:
    """Whether ``action`` raised OSError, or the ValueError with which Python refuses a limit."""
    try:
        action()
    except (OSError, ValueError):
        return True
    return False


def refused(action: Callable[[], object]) -> bool:
    """Whether ``action`` was not permitted; another error says that the kernel looked into it."""
    try:
        action()
    except PermissionError:
        return True
    except OSError:
        pass
    return False


def connects(family: int, address: tuple[str, int] | str) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(2)
        client.connect(address)


def write(path: str) -> None:
    with open(path, "a") as file:
        file.write("x")


def in_a_child(call: Callable[[], int]) -> bool:
    """Whether a system call succeeds, made by a process of its own so that nothing stays of it."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if call() == 0 else 1
        finally:
            os._exit(code)  # whatever happened: otherwise a second kernel would answer next to the first
    return os.waitpid(child, 0)[1] == 0


def apart(libc: ctypes.CDLL) -> int:
    """Where there is no box: leave the host's mounts before anything is tried on them. 0, or -1 if that goes wrong."""
    if libc.unshare(0x00020000) == 0:  # mounts; refused in a box
        return libc.mount(b"none", b"/", None, 0x4000 | 0x40000, None)  # recursive, private
    return 0


def taken_away(libc: ctypes.CDLL, path: bytes) -> int:
    return apart(libc) or libc.umount2(path, 2)


def changes(path: str) -> bool:
    """Whether mode, times or access list of ``path`` can be changed; they are left, or put back, as they were."""
    before = os.stat(path)
    mode = before.st_mode & 0o7777
    with contextlib.suppress(OSError):
        os.chmod(path, mode ^ 0o1)
    changed = os.stat(path).st_mode & 0o7777 != mode
    with contextlib.suppress(OSError):
        os.chmod(path, mode)
    # A list that says what the mode says: version, then (tag, permissions, nobody) for owner, group and others.
    entries = ((tag, mode >> shift & 7) for tag, shift in ((0x01, 6), (0x04, 3), (0x20, 0)))
    access = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", tag, allowed, -1) for tag, allowed in entries)
    with contextlib.suppress(OSError):
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns - 10**9))
    changed |= os.stat(path).st_mtime_ns != before.st_mtime_ns
    with contextlib.suppress(OSError):
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    return changed or not blocked(lambda: os.setxattr(path, "system.posix_acl_access", access))


def fill(path: str, size: int) -> None:
    try:
        with open(path, "wb") as file:
            for _ in range(0, size, 1 << 20):
                file.write(b"\0" * (1 << 20))
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path)


def locks(path: str) -> bool:
    """Whether a lock on ``path`` is really held: a second one is then refused."""
    with open(path) as first, open(path) as second:
        try:
            fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def gets_semaphores(libc: ctypes.CDLL) -> bool:
    sets, box = libc.semget(0, 1, 0o600), libc.msgget(0, 0o600)
    libc.semctl(sets, 0, 0)  # IPC_RMID: they would outlive this process
    libc.msgctl(box, 0, None)
    return sets >= 0 or box >= 0


def is_collected(by_a_program: bool) -> bool:
    """Whether the machine would collect a crash: its kernel starts no program for a limit of 1, but does for 0."""
    limits = resource.getrlimit(resource.RLIMIT_CORE)
    if limits == (0, 0) and not by_a_program:
        return False
    if limits != (1, 1):
        return True
    return in_a_child(lambda: int(blocked(lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)))))


def told_of_the_network() -> list[str]:
    """Names of what the inherited sockets tell about the host's network."""
    told = []
    room = ctypes.create_string_buffer(4096)
    for descriptor in range(3, 64):
        try:
            plug = socket.socket(fileno=descriptor)
        except OSError:
            continue
        request = struct.pack("iP", len(room), ctypes.addressof(room))
        for what, ask in {
            "interfaces": partial(fcntl.ioctl, plug, SIOCGIFCONF, request),
            "a device": partial(plug.getsockopt, socket.SOL_SOCKET, SO_BINDTODEVICE, 16),
            "the process at the other end": partial(plug.getsockopt, socket.SOL_SOCKET, SO_PEERPIDFD),
        }.items():
            if not blocked(ask):
                told.append(what)
        plug.detach()
    return told


def starts_what_was_written() -> bool:
    """Whether a file that was written here can be started; without Landlock the kernel lets it."""
    path = "/tmp/written"
    with contextlib.suppress(OSError):
        os.unlink(path)
    handle = os.open(path, os.O_CREAT | os.O_WRONLY, 0o755)
    os.write(handle, b"#!/bin/sh\n")
    os.close(handle)
    return not blocked(partial(subprocess.run, [path], check=False))


def interfaces() -> list[str]:
    with open("/proc/self/net/dev") as file:
        return [line.partition(":")[0].strip() for line in file.readlines()[2:]]


def pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def started(pid: int) -> str:
    """When a process started, in ticks since the machine did; "" if it cannot be seen. See proc_pid_stat(5)."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def attack(bait: dict) -> dict[str, bool]:
    with open("/proc/self/status") as file:
        status = file.read()
    libc = ctypes.CDLL(None, use_errno=True)
    opened = os.open(sys.executable, os.O_RDONLY)
    fanotify = partial(libc.syscall, FANOTIFY_INIT, 0, 0)
    held = {
        "no way to a server of this machine over TCP": blocked(
            lambda: connects(socket.AF_INET, ("127.0.0.1", bait["tcp_port"]))
        ),
        "no way to an abstract unix socket of this machine": blocked(
            lambda: connects(socket.AF_UNIX, "\0" + bait["abstract_socket"])
        ),
        "no network interface but its own loopback": interfaces() == ["lo"],
        "no file of the course, the workspace or the home folder can be read": all(
            blocked(partial(open, path)) for path in bait["files"]
        ),
        "no folder of the course, the workspace or the home folder can be listed": all(
            blocked(partial(os.listdir, path)) for path in bait["folders"]
        ),
        "nothing of the host can be written": all(blocked(partial(write, path)) for path in bait["read_only"]),
        "no kernel setting can be written": all(
            blocked(partial(os.open, path, os.O_WRONLY))
            for path in ("/proc/sys/kernel/core_pattern", "/proc/sys/vm/overcommit_memory", "/proc/sysrq-trigger")
        ),
        "no process outside can be seen": max(pids()) < 100 and started(bait["pid"]) != bait["started"],
        # In a container the grader's number is small, and a process of the box can have the same.
        "no process outside can be signalled": blocked(lambda: os.kill(bait["pid"], 0))
        or started(bait["pid"]) not in ("", bait["started"]),
        "no variable of the environment comes through": bait["variable"] not in os.environ,
        "no capability": "CapEff:\t0000000000000000" in status,
        "no new privileges": "NoNewPrivs:\t1" in status,
        "no new user namespace": not in_a_child(partial(libc.unshare, 0x10000000)),
        "no new namespace of any other kind": not any(in_a_child(partial(libc.unshare, k)) for k in OTHER_NAMESPACES),
        "no lease on a file, which would hold up whoever opens it": blocked(lambda: fcntl.fcntl(opened, F_SETLEASE, 0)),
        "no watching what the machine opens": all(call() < 0 for call in (libc.inotify_init, fanotify)),
        "no socket but unix ones": all(
            blocked(partial(socket.socket, family, kind))
            for family, kind in (
                (socket.AF_INET, socket.SOCK_STREAM),
                (socket.AF_INET, socket.SOCK_DGRAM),
                (socket.AF_INET6, socket.SOCK_STREAM),
                (socket.AF_NETLINK, socket.SOCK_RAW),
                (AF_VSOCK, socket.SOCK_STREAM),
            )
        ),
        "no pair of sockets but unix ones": all(
            refused(partial(socket.socketpair, family, socket.SOCK_DGRAM))
            for family in (socket.AF_INET, socket.AF_NETLINK, AF_VSOCK)
        ),
        "no word about the network of this machine from the sockets of the box": told_of_the_network() == [],
        "no lock on a file of this machine": not locks(sys.executable),
        "no asynchronous I/O context, of which the machine has so many": libc.syscall(
            IO_SETUP, 1, ctypes.byref(ctypes.c_ulong())
        )
        < 0,
        "no crash that this machine collects": not is_collected(bait["core_program"]),
        "no way to hide from the watchdog": not in_a_child(partial(libc.prctl, DUMPABLE, 0, 0, 0, 0)),
        "no core of a processor for itself": not in_a_child(partial(libc.prctl, CORE_SCHEDULING, 1, 0, 1, 0)),
        "no descriptor of another process": libc.syscall(PIDFD_GETFD, -1, 0, 0) < 0
        and ctypes.get_errno() == errno.EPERM,
        "no datagram, which nobody has while it waits": refused(
            lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        ),
        "no shared memory without a name": blocked(lambda: mmap.mmap(-1, 4096))
        and blocked(lambda: mmap.mmap(os.open("/dev/zero", os.O_RDWR), 4096)),
        "no larger pipe": blocked(lambda: fcntl.fcntl(os.pipe()[0], SET_PIPE_SIZE, 1 << 18)),
        "no program that a submission wrote": not bait["restricts_programs"] or not starts_what_was_written(),
        "no device of the machine can be changed": not changes("/dev/full"),
        "no mount": not in_a_child(lambda: apart(libc) or libc.mount(b"none", b"/tmp", b"tmpfs", 0, None)),
        "nothing that is mounted can be taken away": not any(
            in_a_child(partial(taken_away, libc, path)) for path in (b"/proc", b"/tmp")
        ),
        "no memory of another process can be written": libc.process_vm_writev(1, 0, 0, 0, 0, 0) != 0,
        "no memory file that the watchdog cannot see": blocked(lambda: os.memfd_create("hidden")),
        "no memory segment that the watchdog cannot see": libc.shmget(0, 4096, 0o600) < 0,
        "no semaphores or mailboxes that the watchdog cannot see": not gets_semaphores(libc),
        "no keyring of the host": libc.syscall(KEYCTL, 0, -3, 0) < 0,
        "scratch ends at its limit": blocked(lambda: fill("/tmp/fill", bait["scratch_bytes"] + (8 << 20))),
        "shared memory ends at its limit": blocked(lambda: fill("/dev/shm/fill", bait["scratch_bytes"] + (8 << 20))),
    }
    # A daemon whose parent is gone; the host looks whether it outlives the box.
    parent = os.fork()
    if parent == 0:
        code = f"import time, signal; signal.signal({int(signal.SIGTERM)}, signal.SIG_IGN); time.sleep(60)"
        subprocess.Popen(
            [sys.executable, "-c", f"{code}  # {bait['marker']}"],
            start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os._exit(0)
    os.waitpid(parent, 0)
    return held
