"""Tries to get out of a box. Its text is run inside one; it knows nothing of the grader and prints one JSON object.

Each entry is the name of a property and whether it held. ``argv[1]`` is JSON with what the host prepared as bait.
"""

import contextlib
import ctypes
import json
import os
import platform
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import partial

KEYCTL = 250 if platform.machine() == "x86_64" else 219


def blocked(action: Callable[[], object]) -> bool:
    """Whether ``action`` raised OSError."""
    try:
        action()
    except OSError:
        return True
    return False


def connects(family: int, address: tuple[str, int] | str) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(2)
        client.connect(address)


def write(path: str) -> None:
    with open(path, "a") as file:
        file.write("x")


def fill(path: str, size: int) -> None:
    try:
        with open(path, "wb") as file:
            for _ in range(0, size, 1 << 20):
                file.write(b"\0" * (1 << 20))
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path)


def pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def main() -> None:
    bait = json.loads(sys.argv[1])
    if bait["confined"]:
        from inside.confine import confine  # as start.py does before student code runs

        confine()
    with open("/proc/self/status") as file:
        status = file.read()
    libc = ctypes.CDLL(None, use_errno=True)
    held = {
        "no way to a server of this machine over TCP": blocked(
            lambda: connects(socket.AF_INET, ("127.0.0.1", bait["tcp_port"]))
        ),
        "no way to an abstract unix socket of this machine": blocked(
            lambda: connects(socket.AF_UNIX, "\0" + bait["abstract_socket"])
        ),
        "no network interface but its own loopback": [name for _, name in socket.if_nameindex()] == ["lo"],
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
        "no process outside can be seen": max(pids()) < 100 and bait["pid"] not in pids(),
        "no process outside can be signalled": blocked(lambda: os.kill(bait["pid"], 0)),
        "no variable of the environment comes through": bait["variable"] not in os.environ,
        "no capability": "CapEff:\t0000000000000000" in status,
        "no new privileges": "NoNewPrivs:\t1" in status,
        "no new user namespace": libc.unshare(0x10000000) != 0,
        "no mount": libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) != 0,
        "no memory file that the watchdog cannot see": blocked(lambda: os.memfd_create("hidden")),
        "no memory segment that the watchdog cannot see": libc.shmget(0, 4096, 0o600) < 0,
        "no keyring of the host": libc.syscall(KEYCTL, 0, -3, 0) < 0,
        "scratch ends at its limit": blocked(lambda: fill("/tmp/fill", bait["scratch_bytes"] + (8 << 20))),
        "shared memory ends at its limit": blocked(lambda: fill("/dev/shm/fill", bait["scratch_bytes"] + (8 << 20))),
    }
    # A daemon in a session of its own; the host looks whether it outlives the box.
    subprocess.Popen(
        [sys.executable, "-c", f"import time, signal; signal.signal({int(signal.SIGTERM)}, signal.SIG_IGN); "
         f"time.sleep(60)  # {bait['marker']}"],
        start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    print(json.dumps(held))


if __name__ == "__main__":
    main()
