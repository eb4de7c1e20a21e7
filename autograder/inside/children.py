"""Output of the kernel's children (multiprocessing, data loaders) over a unix socket.

ipykernel lets a forked child send what it prints over TCP, which a box has not.
"""

import os

import zmq
from ipykernel.iostream import IOPubThread


class SenderWithoutTcp(IOPubThread):
    """ipykernel's sender of output, with another address for its children."""

    def _setup_pipe_in(self) -> None:
        self._path = f"@children.{os.getpid()}"  # abstract: no file stands in the student's folder
        usual = zmq.Socket.bind_to_random_port
        zmq.Socket.bind_to_random_port = lambda socket, _: zmq.Socket.bind(socket, f"ipc://{self._path}")  # type: ignore
        try:
            super()._setup_pipe_in()
        finally:
            zmq.Socket.bind_to_random_port = usual  # type: ignore[method-assign]

    def _setup_pipe_out(self) -> tuple[zmq.Context, zmq.Socket]:
        context = zmq.Context()  # a new one: this runs in a child
        pipe = context.socket(zmq.PUSH)
        pipe.linger = 3000  # milliseconds, as in ipykernel
        pipe.connect(f"ipc://{self._path}")
        return context, pipe
