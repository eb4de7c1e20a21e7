"""Takes system calls away from this process and everything it starts, before student code runs.

What is taken away has no use in a notebook and each a reason: memory that no process maps (memfd, System V segments),
so that the watchdog would not see it; keyrings, which no namespace separates; and interfaces of the kernel that have
let programs out of boxes before (io_uring, bpf, userfaultfd, perf, ptrace). A call then fails with "operation not
permitted". See seccomp(2) for the filter's form.
"""

import ctypes
import platform
import struct

# name: (x86_64, aarch64)
DENIED = {
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "io_uring_setup": (425, 425),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "ptrace": (101, 117),
}
ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

LOAD, JUMP_EQUAL, JUMP_AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW, DENY, KILL = 0x7FFF0000, 0x00050000 | 1, 0x80000000  # DENY carries EPERM
X32 = 0x40000000  # x86_64's second set of numbers for the same calls
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2


def program(machine: str) -> bytes:
    """The filter for a machine: an array of struct sock_filter."""
    column, architecture = ARCHITECTURES[machine]
    numbers = sorted(pair[column] for pair in DENIED.values())
    lines = [(LOAD, 0, 0, 4), (JUMP_EQUAL, 1, 0, architecture), (RETURN, 0, 0, KILL), (LOAD, 0, 0, 0)]
    lines += [(JUMP_AT_LEAST, len(numbers) + 1, 0, X32)]
    lines += [(JUMP_EQUAL, len(numbers) - index, 0, number) for index, number in enumerate(numbers)]
    lines += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, DENY)]
    return b"".join(struct.pack("HBBI", *line) for line in lines)


def confine() -> None:
    """Put the filter in force for this thread and all that come from it; it cannot be taken off again.

    Raises:
        OSError: The kernel does not take it.
    """
    if platform.machine() not in ARCHITECTURES:
        return  # `autograder doctor` then finds that memory can be hidden
    code = ctypes.create_string_buffer(program(platform.machine()))
    length = (len(code) - 1) // 8

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    libc = ctypes.CDLL(None, use_errno=True)
    filtered = Program(length, ctypes.addressof(code))
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(filtered), 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, "The kernel does not take the filter of system calls")
