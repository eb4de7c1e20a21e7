"""First program in a cold box, and first process of every box: it starts the kernel and its driver.

The grader's first message is the order to start: the rlimits, what to import, how much may be sent. The process gives
up what it may not use, imports what a notebook needs, and forks twice: the kernel runs student code, the driver
(driver.py) alone speaks with the grader. When one of the two ends, so does the box.

Until the kernel is ready, whatever goes wrong is written to standard error; the grader reads it when a box does not
start.
"""

import contextlib
import os
import resource
import secrets
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from typing import Any

from . import wire

CHANNELS = ("shell", "iopub", "stdin", "control", "hb")


def main() -> None:
    """In a cold box: take the order from standard input, which is the stream, and carry it out."""
    stream = socket.socket(fileno=os.dup(0))
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    if (spec := wire.receive(stream)) is None:
        return
    give_up(spec["rlimits"], confined=spec["confined"])
    from .preload import preload  # only now: little is to run before the limits and the filter are in force

    try:
        preload(**spec["preload"])
    except Exception as error:
        stream.sendall(wire.packed({"failed": f"{type(error).__name__}: {error}"}))
        return
    run(spec, stream)


def give_up(rlimits: dict[str, int], *, confined: bool) -> None:
    """Set the rlimits, and take away programs and system calls; in this order, because the filter guards the limits.

    Raises:
        OSError: The kernel does not take it.
    """
    for name, value in rlimits.items():
        resource.setrlimit(getattr(resource, name), (value, value))
    if confined:
        from .confine import confine
        from .programs import start_only_installed_programs

        start_only_installed_programs()
        confine()


def run(spec: dict[str, Any], stream: socket.socket) -> None:
    """Start the kernel, then the driver, which the grader tells apart by this order; end both when one ends.

    The caller has one thread and has imported what both need.
    """
    from . import driver, kernel

    # Abstract names, which only the box's own network namespace has; without a box they must differ from all others.
    connection: dict[str, Any] = {f"{channel}_port": port for port, channel in enumerate(CHANNELS, start=1)}
    connection |= {"transport": "ipc", "ip": f"@kernel-{secrets.token_hex(8)}"}
    connection |= {"key": secrets.token_hex(32), "signature_scheme": "hmac-sha256"}
    listens, tell = os.pipe()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)

    def be_the_kernel() -> None:
        stream.close()
        os.close(listens)
        os.setsid()  # a group of its own: an interrupt reaches what the notebook started too
        import numpy as np

        np.random.seed(None)  # a fork inherits its state
        sys.argv = [__file__]
        kernel.run(connection, lambda: os.close(tell))

    def be_the_driver() -> None:
        os.close(tell)  # nothing comes through the pipe: the kernel closes its end when it listens
        driver.run(stream, connection, spec, lambda: os.read(listens, 1))

    children = {_forked(be_the_kernel), _forked(be_the_driver)}
    stream.close()
    for descriptor in (listens, tell):
        os.close(descriptor)
    os.dup2(0, 2)  # student code can open what this process has open
    ended = None
    while ended not in children:
        ended = os.wait()[0]
    for child in children - {ended}:  # the end of a pid namespace ends it too, but not every box has one
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


def _forked(work: Callable[[], None]) -> int:
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)  # whatever happened: nothing of the parent's may run here
    return child


if __name__ == "__main__":
    main()
