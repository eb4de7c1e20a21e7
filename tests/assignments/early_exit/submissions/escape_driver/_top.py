import ctypes
import os
import socket

libc = ctypes.CDLL(None, use_errno=True)
PIDFD_OPEN, PIDFD_GETFD, PTRACE_ATTACH = 434, 438, 16


def write_its_memory(pid):
    with open(f"/proc/{pid}/maps") as maps:
        begin = next(int(line.split("-")[0], 16) for line in maps if " rw-p " in line)
    with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
        memory.seek(begin)
        memory.write(b"x")


def take_its_sockets(pid):
    pidfd = libc.syscall(PIDFD_OPEN, pid, 0)
    taken = [libc.syscall(PIDFD_GETFD, pidfd, number, 0) for number in range(64)]
    if max(taken) < 0:
        raise OSError
    socket.socket(fileno=max(taken)).getpeername()


def open_its_sockets(pid):
    for number in os.listdir(f"/proc/{pid}/fd"):
        if os.readlink(f"/proc/{pid}/fd/{number}").startswith("socket:"):
            os.close(os.open(f"/proc/{pid}/fd/{number}", os.O_RDWR))
            return
    raise OSError


def attach(pid):
    if libc.ptrace(PTRACE_ATTACH, pid, 0, 0) != 0:
        raise OSError


ways = []
others = [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]
for pid in others:
    for way in (write_its_memory, take_its_sockets, open_its_sockets, attach):
        try:
            way(pid)
            ways.append(f"{way.__name__} of {pid}")
        except (OSError, StopIteration):
            pass
assert len(others) >= 2  # the first process of the box, and the driver
print(f"{len(ways)} ways into another process", *ways)
