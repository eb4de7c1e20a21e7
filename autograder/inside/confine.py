"""Takes system calls away from this process and everything it starts, before student code runs. See seccomp(2).

The filter is an allow-list. It starts from the calls that moby's default profile allows in a container
(``syscalls.json``, made by ``autograder/box/syscall_list.py``). Our own rules come on top, each with its reason below.
They close what neither namespaces nor limits bound:

* Memory that no process has mapped: memory files, nameless shared memory, System V and POSIX queues, semaphores, pages
  given to pipes and sockets, huge pages, and datagrams. Only unix streams are allowed as sockets. ipykernel's children
  print over TCP, so ours use a unix socket (kernel.py).
* What the kernel counts for a real user or for the machine: I/O contexts, watches, waiting signals, pages of pipes,
  real-time priorities. Some are refused; others are bounded by rlimits or by the watchdog.
* Objects that carry the host's namespaces: the socket to the grader answers nothing about the host's network.
* Work that the host would do because of a box: core handlers, modules, locks, write-out, cache, merging of equal pages.

A refused call fails with "operation not permitted". A call that is newer than the list fails with "not implemented",
because the C library then falls back to an older one. A pretended call answers "done" and does nothing.
"""

import ctypes
import errno
import functools
import json
import platform
import struct
from dataclasses import dataclass
from pathlib import Path

CALLS = Path(__file__).with_name("syscalls.json")
AUDIT_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

ALLOW, KILL, FAIL = 0x7FFF0000, 0x80000000, 0x00050000  # FAIL carries an error number; 0 is "done"
DONE, NOT_PERMITTED, NOT_IMPLEMENTED = FAIL, FAIL | errno.EPERM, FAIL | errno.ENOSYS
NO_TERMINAL, NO_OPTION = FAIL | errno.ENOTTY, FAIL | errno.ENOPROTOOPT
NO_MEMORY, INVALID = FAIL | errno.ENOMEM, FAIL | errno.EINVAL

# Reason -> calls.
REFUSED_BECAUSE = {
    "it keeps memory that no process has mapped, so that the watchdog would not see it": (
        "memfd_create memfd_secret shmget shmat shmctl shmdt msgget msgsnd msgrcv msgctl semget semop semtimedop "
        "semctl mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr splice tee vmsplice "
        "landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp modify_ldt remap_file_pages"
    ),
    "the kernel counts it for the whole machine or for a real user": (
        "io_setup io_destroy io_submit io_getevents io_pgetevents io_cancel "
        "inotify_init inotify_init1 inotify_add_watch inotify_rm_watch fanotify_mark"
    ),
    "it sets the access list of a device node, see below": (
        "setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr"
    ),
}
PRETENDED_BECAUSE = {
    # A notebook copies files with their modes and times, and nothing in a box depends on these.
    "where root started the grader, the machine's device nodes belong to the box's user": (
        "chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes futimesat utimensat"
    ),
    "a lock on a file that is only readable here holds up the host's programs that lock it": "flock",
    "it writes the host's files out, or drops them from its cache": "sync syncfs sync_file_range fadvise64 readahead",
}
REFUSED = [name for names in REFUSED_BECAUSE.values() for name in names.split()]
PRETENDED = [name for names in PRETENDED_BECAUSE.values() for name in names.split()]


@dataclass(frozen=True)
class When:
    """An answer that depends on 32 bits of an argument.

    Attributes:
        argument: Index of the argument.
        values: Bits for which ``then`` is the answer; for others it is ``otherwise``.
        mask: Which of the 32 bits are looked at.
        upper: Look at the upper 32 bits of the argument instead of the lower ones.
    """

    argument: int
    values: tuple[int, ...]
    then: "Answer"
    otherwise: "Answer"
    mask: int = 0xFFFFFFFF
    upper: bool = False


Answer = int | When

NEW_NAMESPACES = 0x7E020000  # clone(2): CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
UNIX = 1  # address family
# fcntl(2): duplicate, flags, owner of a signal, size of a pipe. Not: leases and watches, write hints of the host's
# files, larger pipes (the kernel counts their pages for the real user).
FCNTL = (0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 15, 16, 36, 1024 + 6, 1024 + 8, 1024 + 10)
RECORD_LOCKS = (6, 7, 37, 38)  # F_SETLK, F_SETLKW and the same for open file descriptions
# prctl(2): signal of the parent's end, names, timer slack, subreaper, no_new_privs, huge pages off, names of mappings,
# and reading. Not: PR_SET_DUMPABLE, which hides descriptors from the watchdog; PR_SCHED_CORE, which idles the
# neighbours' threads; more filters.
PRCTL = (1, 2, 3, 7, 15, 16, 21, 23, 27, 29, 30, 36, 37, 38, 39, 40, 41, 42, 50, 51, 52, 55, 56, 0x53564D41, 0x59616D61)
# ioctl(2): terminals and what they share a range with (FIONREAD, FIONBIO, FIOCLEX). Not: network interfaces of the
# host, which a socket from outside still leads to; TIOCSTI and TIOCLINUX, which type for others; TIOCSETD, for which
# the host loads modules.
TERMINAL_IOCTLS, NOT_THESE = 0x5400, (0x5412, 0x541C, 0x541D, 0x5423)
# socket(7): reuse, type, error, buffers, credentials, time-outs. Not: devices of the host's network (SO_BINDTODEVICE,
# SO_BINDTOIFINDEX), socket filters, a descriptor of the process at the other end.
SOCKET_LEVEL, SOCKET_OPTIONS = 1, (2, 3, 4, 6, 7, 8, 9, 12, 13, 15, 16, 17, 18, 19, 20, 21, 30, 38, 39, 42, 66, 67)
SEND_BUFFER = 7  # SO_SNDBUF: larger ones would hold more of the kernel's memory than is reckoned with
# What waits in a datagram to be sent, other descriptors among it, is held by nobody and counted by nobody.
STREAM = 1
STREAMS_OF_UNIX = When(0, (UNIX,), When(1, (STREAM,), ALLOW, NOT_PERMITTED, mask=0xF), NOT_PERMITTED)
# clone(2) and close_range(2): a thread with descriptors of its own would hide them, /proc/PID/fd shows the first one's.
THREAD, SAME_FILES, CLOSE_ON_EXEC = 0x10000, 0x400, 4
SHARED_NAMELESS = 0x21  # mmap(2): pages of MAP_SHARED | MAP_ANONYMOUS stay when no process has them any more
HUGE_PAGES = 0x40000  # mmap(2): MAP_HUGETLB takes from a pool of the whole machine, and counts as nobody's memory
# madvise(2): MADV_MERGEABLE makes the host compare pages; COLD, PAGEOUT, COLLAPSE work on the host's page cache.
MADVISE = (12, 20, 21, 25)
CORE = 4  # RLIMIT_CORE must stay 1: with 0 the kernel starts a core handler as root (see core(5), "piping")
PERSONALITIES = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)  # as moby's profile

BY_ARGUMENT: dict[str, Answer] = {
    "clone": When(
        0, (0,), When(0, (THREAD,), NOT_PERMITTED, ALLOW, mask=THREAD | SAME_FILES), NOT_PERMITTED, mask=NEW_NAMESPACES
    ),
    "close_range": When(2, (0, CLOSE_ON_EXEC), ALLOW, INVALID),
    "clone3": NOT_IMPLEMENTED,  # its flags lie in memory, where a filter cannot look
    "fcntl": When(1, FCNTL, ALLOW, When(1, RECORD_LOCKS, DONE, NOT_PERMITTED)),
    "getsockopt": When(1, (SOCKET_LEVEL,), When(2, SOCKET_OPTIONS, ALLOW, NO_OPTION), NO_OPTION),
    "ioctl": When(1, NOT_THESE, NO_TERMINAL, When(1, (TERMINAL_IOCTLS,), ALLOW, NO_TERMINAL, mask=0xFF00)),
    "madvise": When(2, MADVISE, INVALID, ALLOW),
    "mmap": When(
        3, (0,), When(3, (SHARED_NAMELESS,), NO_MEMORY, ALLOW, mask=SHARED_NAMELESS), NO_MEMORY, mask=HUGE_PAGES
    ),
    "personality": When(0, PERSONALITIES, ALLOW, NOT_PERMITTED),
    "prctl": When(0, PRCTL, ALLOW, NOT_PERMITTED),
    "prlimit64": When(
        1,
        (CORE,),
        When(2, (0,), When(2, (0,), ALLOW, NOT_PERMITTED, upper=True), NOT_PERMITTED),  # only asked for, not set
        ALLOW,
    ),
    "sendfile": NOT_IMPLEMENTED,  # a socket counts the bytes that it is given, and holds whole pages of a deleted file
    "setrlimit": When(0, (CORE,), NOT_PERMITTED, ALLOW),
    "setsockopt": When(
        1, (SOCKET_LEVEL,), When(2, (SEND_BUFFER,), DONE, When(2, SOCKET_OPTIONS, ALLOW, NO_OPTION)), NO_OPTION
    ),
    "socket": STREAMS_OF_UNIX,  # buffers of TCP, UDP and netlink have one store for the machine
    "socketpair": STREAMS_OF_UNIX,  # another family is made first and refused then
}

LOAD, AND, JUMP, JUMP_EQUAL, JUMP_AT_LEAST, RETURN = 0x20, 0x54, 0x05, 0x15, 0x35, 0x06
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16  # where struct seccomp_data has them; an argument is 8 bytes, low ones first
FURTHEST = 255  # lines that a conditional jump can skip
PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2

Line = tuple[int, int, int, int]


def answers(machine: str) -> dict[int, Answer]:
    """Number of a call -> its answer, of all calls that are not simply refused on a machine.

    Raises:
        OSError: There is no list for this kind of machine.
    """
    if machine not in AUDIT_ARCHITECTURES:
        raise OSError(f"There is no list of system calls for {machine}; expected {' or '.join(AUDIT_ARCHITECTURES)}.")
    listed = json.loads(CALLS.read_text())
    numbers: dict[str, int] = listed["numbers"][machine]
    by_name: dict[str, Answer] = dict.fromkeys(listed["allowed"], ALLOW)
    by_name |= dict.fromkeys(PRETENDED, DONE) | BY_ARGUMENT
    return {numbers[name]: answer for name, answer in by_name.items() if name in numbers and name not in REFUSED}


@functools.cache
def program(machine: str) -> bytes:
    """The filter for a machine: an array of struct sock_filter.

    Raises:
        OSError: There is no list for this kind of machine.
    """
    by_number = answers(machine)
    newest = max(json.loads(CALLS.read_text())["numbers"][machine].values())
    ranges: list[tuple[int, Answer]] = []  # first number, answer
    for number in range(newest + 1):
        answer = by_number.get(number, NOT_PERMITTED)
        if not ranges or ranges[-1][1] != answer:
            ranges.append((number, answer))
    ranges.append((newest + 1, NOT_IMPLEMENTED))  # x32's second set of numbers for the same calls lies here too
    lines = [
        (LOAD, 0, 0, ARCHITECTURE),
        (JUMP_EQUAL, 1, 0, AUDIT_ARCHITECTURES[machine]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
        *_search(ranges),
    ]
    return b"".join(struct.pack("HBBI", *line) for line in lines)


def _search(ranges: list[tuple[int, Answer]]) -> list[Line]:
    """Halve the ranges until one is left: older kernels run the filter for every call, and newer for some."""
    if len(ranges) == 1:
        return _answered(ranges[0][1])
    middle = len(ranges) // 2
    below, above = _search(ranges[:middle]), _search(ranges[middle:])
    first = ranges[middle][0]
    if len(below) <= FURTHEST:
        return [(JUMP_AT_LEAST, len(below), 0, first), *below, *above]
    return [(JUMP_AT_LEAST, 0, 1, first), (JUMP, 0, 0, len(below)), *below, *above]


def _answered(answer: Answer) -> list[Line]:
    if isinstance(answer, int):
        return [(RETURN, 0, 0, answer)]
    then, otherwise = _answered(answer.then), _answered(answer.otherwise)
    word = ARGUMENTS + 8 * answer.argument + 4 * answer.upper
    count = len(answer.values)
    tests = [(JUMP_EQUAL, count - 1 - index + len(otherwise), 0, value) for index, value in enumerate(answer.values)]
    return [(LOAD, 0, 0, word), (AND, 0, 0, answer.mask), *tests, *otherwise, *then]


def confine() -> None:
    """Put the filter in force for this thread and all that come from it; it cannot be taken off again.

    Raises:
        OSError: The kernel does not take it, or there is none for this kind of machine.
    """
    code = ctypes.create_string_buffer(program(platform.machine()))
    length = (len(code) - 1) // 8

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    libc = ctypes.CDLL(None, use_errno=True)
    filtered = Program(length, ctypes.addressof(code))
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)  # bubblewrap has set it in a box; the kernel takes no filter without
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(filtered), 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, "The kernel does not take the filter of system calls")
