"""The system calls with which a process walls itself off from its siblings. See namespaces(7), capabilities(7)."""

import ctypes
import fcntl
import os
import re
import signal
import socket
import struct

# unshare(2)
MOUNTS, CGROUPS, HOST_NAME, IPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
USERS, PROCESSES, NETWORK = 0x10000000, 0x20000000, 0x40000000
ALL = MOUNTS | CGROUPS | HOST_NAME | IPC | USERS | PROCESSES | NETWORK
# mount(2)
READ_ONLY, NO_SETUID, NO_DEVICES, NO_PROGRAMS, REMOUNT, BIND, RECURSIVE = 1, 2, 4, 8, 32, 4096, 16384
DETACH = 2  # umount2(2)
# prctl(2)
PARENT_DEATH_SIGNAL, BOUNDING_SET_DROP, NO_NEW_PRIVILEGES, AMBIENT, AMBIENT_CLEAR = 1, 24, 38, 47, 4
CAPABILITY_VERSION_3 = 0x20080522
GET_INTERFACE_FLAGS, SET_INTERFACE_FLAGS, INTERFACE_UP = 0x8913, 0x8914, 1

ID = 1000  # user and group in every box

_libc = ctypes.CDLL(None, use_errno=True)


def unshare(kinds: int, outer_id: int) -> None:
    """Leave the namespaces of ``kinds`` for new ones; a new user namespace maps ``outer_id`` to ID and nobody else.

    Raises:
        OSError: The kernel does not allow it here.
    """
    _done(_libc.unshare(kinds), "unshare")
    if kinds & USERS:
        for name, line in (("setgroups", "deny"), ("gid_map", f"{ID} {outer_id} 1"), ("uid_map", f"{ID} {outer_id} 1")):
            write(f"/proc/self/{name}", line)


def mount(what: str, where: str, flags: int, options: str = "") -> None:
    """Mount a file system of type ``what``; with REMOUNT, change the flags of the one that is there.

    Raises:
        OSError: The kernel does not allow it.
    """
    done = _libc.mount(what.encode(), where.encode(), what.encode(), ctypes.c_ulong(flags), options.encode())
    _done(done, f"mount {where}")


def unmount(where: str) -> None:
    """Take the uppermost mount at ``where`` away.

    Raises:
        OSError: It belongs to another user namespace.
    """
    _done(_libc.umount2(where.encode(), DETACH), f"unmount {where}")


def bind(what: str, where: str) -> None:
    """Let ``where`` show the folder ``what`` and all that is mounted below it, with the flags that they have.

    Raises:
        OSError: The kernel does not allow it.
    """
    _done(_libc.mount(what.encode(), where.encode(), None, ctypes.c_ulong(BIND | RECURSIVE), None), f"bind {where}")


def mounted_below(folder: str) -> list[str]:
    """Where something is mounted below ``folder``, in the order in which it was."""
    with open("/proc/self/mountinfo") as file:
        places = [re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), line.split()[4]) for line in file]
    return [where for where in places if where.startswith(f"{folder}/")]


def give_up_privileges() -> None:
    """Lose every capability, and every way to one.

    Raises:
        OSError: The kernel kept one.
    """
    capability = 0
    while _libc.prctl(BOUNDING_SET_DROP, capability, 0, 0, 0) == 0:
        capability += 1  # until there is no capability of that number
    _done(_libc.prctl(AMBIENT, AMBIENT_CLEAR, 0, 0, 0), "clear the ambient set")
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    _done(_libc.capset(header, (ctypes.c_uint32 * 6)()), "capset")
    _done(_libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0), "no_new_privs")


def die_with_parent() -> None:
    """Be killed when the parent ends. After every change of privileges, which would undo it."""
    _done(_libc.prctl(PARENT_DEATH_SIGNAL, int(signal.SIGKILL), 0, 0, 0), "parent death signal")


def raise_loopback() -> None:
    """Bring the namespace's own loopback device up, as bubblewrap does."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(sock, GET_INTERFACE_FLAGS, request))[1]
        fcntl.ioctl(sock, SET_INTERFACE_FLAGS, struct.pack("16sH14x", b"lo", flags | INTERFACE_UP))


def write(path: str, text: str) -> None:
    """Write to a file that the kernel provides, in one call: it reads no second one.

    Raises:
        OSError: The kernel does not take it.
    """
    handle = os.open(path, os.O_WRONLY)
    try:
        os.write(handle, text.encode())
    finally:
        os.close(handle)


def _done(code: int, what: str) -> None:
    if code:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
