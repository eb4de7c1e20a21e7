"""First program in the box: gives up what it may not use, then becomes the kernel.

Reads one JSON object from its standard input: the connection info of the kernel, the descriptor of the listening
socket for each port, and the rlimits.
"""

import json
import os
import resource
import sys


def main() -> None:
    """Take the orders and run."""
    run(json.load(sys.stdin))


def run(spec: dict) -> None:
    """Set the rlimits, adopt the sockets, run the kernel until it ends."""
    for name, value in spec["rlimits"].items():
        resource.setrlimit(getattr(resource, name), (value, value))

    if spec["confined"]:
        from .confine import confine

        confine()

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
    app.initialize(["-f", connection, "--IPKernelApp.log_level=50", "--HistoryManager.enabled=False"])
    zmq.Socket.bind = bind  # type: ignore[method-assign]
    os.unlink(connection)
    app.start()


if __name__ == "__main__":
    main()
