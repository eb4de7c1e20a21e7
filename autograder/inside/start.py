"""First program in the box: gives up what it may not use, then becomes the kernel.

Reads one JSON object from its standard input: the connection info of the kernel, the descriptor of the listening
socket for each port, and the rlimits. Until the kernel is ready, whatever goes wrong is written to standard error; the
grader reads it when a box does not start.
"""

import contextlib
import json
import os
import resource
import sys
import traceback
from collections.abc import Iterator


def main() -> None:
    """Take the orders and run."""
    spec = json.load(sys.stdin)
    give_up(spec["rlimits"], confined=spec["confined"])
    run(spec)


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


def run(spec: dict) -> None:
    """Adopt the sockets and run the kernel until it ends."""
    # The parent set this for kernels in its own pid namespace; here the number names nobody and the kernel would quit.
    os.environ.pop("JPY_PARENT_PID", None)

    import zmq

    sockets = {int(port): descriptor for port, descriptor in spec["sockets"].items()}
    bind = zmq.Socket.bind

    def bind_adopted(self: zmq.Socket, address: str) -> object:
        port = address.rpartition("-")[2]
        # The path in the address lies outside the box; libzmq listens on the descriptor and never touches the path.
        if address.startswith("ipc://") and port.isdecimal():
            self.setsockopt(zmq.USE_FD, sockets.pop(int(port)))
        return bind(self, address)

    zmq.Socket.bind = bind_adopted  # type: ignore[method-assign,assignment]

    connection = os.path.join(os.environ["TMPDIR"], "kernel.json")
    with open(connection, "w") as file:
        json.dump(spec["connection"], file)

    from ipykernel import iostream, kernelapp

    from .children import SenderWithoutTcp

    kernelapp.IOPubThread = SenderWithoutTcp
    iostream.OutStream.flush_interval = 0.05  # seconds; in 0.2 a loop that prints fills a message larger than is taken
    app = kernelapp.IPKernelApp.instance()
    with quiet_but_for_failure():
        app.initialize(["-f", connection, "--IPKernelApp.log_level=50", "--HistoryManager.enabled=False"])
    zmq.Socket.bind = bind  # type: ignore[method-assign]
    os.unlink(connection)
    app.start()


@contextlib.contextmanager
def quiet_but_for_failure() -> Iterator[None]:
    """Take standard error away before ipykernel keeps a copy of it, which student code would find; report failures."""
    grader = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
    except BaseException:
        os.write(grader, traceback.format_exc().encode("utf-8", "replace"))
        raise
    finally:
        os.close(grader)


if __name__ == "__main__":
    main()
