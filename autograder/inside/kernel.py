"""ipykernel in a box: on abstract unix sockets, and without TCP.

What we rely on in ipykernel, next to its documented interface; tests/autograder/inside/test_kernel.py fails when one of
these changes:

* ``IPKernelApp`` binds each channel to ``ipc://<ip>-<port>``, and libzmq takes a name that begins with ``@`` as an
  abstract one: no file appears in the student's folder.
* ``kernelapp.IOPubThread`` is the class of the sender of output, looked up when the kernel starts.
* That class calls ``_setup_pipe_in`` once, which binds one socket by ``bind_to_random_port``, and in a forked child
  ``_setup_pipe_out``, which gives a context and a socket. A forked child sends what it prints over TCP, which a
  box does not have; here it is an abstract unix socket.
* ``IPKernelApp.init_iopub`` makes the socket that outputs take from the context it is given. Where a thousand messages
  wait, ZeroMQ drops the next, and an idle status with them: a cell that prints in a loop would seem never to end.
* ``shell.exit_now`` is set by ``exit()`` and by an order to shut down. Left alone, ipykernel ends a tenth of a second
  later, when another cell runs and is taken for the one at fault.
* ``pylabtools.select_figure_formats(shell, formats, ...)`` is what every way of choosing a format for figures calls.
* ``OutStream.flush_interval`` is the time in seconds after which what was printed is sent.
"""

import contextlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import zmq
from ipykernel import iostream, kernelapp
from IPython.core import pylabtools

FLUSH_S = 0.05  # in ipykernel's 0.2 a loop that prints fills a message larger than is taken


def run(connection: dict, bound: Callable[[], None]) -> None:
    """Run the kernel until it ends.

    Args:
        connection: What a connection file holds.
        bound: Called when the kernel listens, before any cell runs.
    """
    # The parent set this for kernels in its own pid namespace; here the number names nobody and the kernel would quit.
    os.environ.pop("JPY_PARENT_PID", None)
    path = os.path.join(os.environ["TMPDIR"], "kernel.json")
    with open(path, "w") as file:
        json.dump(connection, file)
    kernelapp.IOPubThread = SenderWithoutTcp
    iostream.OutStream.flush_interval = FLUSH_S
    pylabtools.select_figure_formats = PicturesOnly(pylabtools.select_figure_formats)
    app = KernelThatDropsNothing.instance()
    with quiet_but_for_failure():
        app.initialize(["-f", path, "--IPKernelApp.log_level=50", "--HistoryManager.enabled=False"])
    os.unlink(path)
    app.shell.observe(lambda _: os._exit(0), "exit_now")
    sys.path.insert(0, "")  # as every kernel has it: a student may write a module and import it
    bound()
    app.start()


class PicturesOnly:
    """Chooses PNG where a notebook asks for figures that nobody is shown, because they can hold programs."""

    def __init__(self, select: Callable[..., None]) -> None:
        self._select = select

    def __call__(self, shell: Any, formats: Iterable[str], **more: Any) -> None:
        """As IPython's function; see there."""
        asked = {formats} if isinstance(formats, str) else set(formats)
        self._select(shell, {"png" if one in ("svg", "pdf") else one for one in asked}, **more)


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


class KernelThatDropsNothing(kernelapp.IPKernelApp):
    """ipykernel's application, which waits where its driver falls behind."""

    def init_iopub(self, context: zmq.Context) -> None:
        """Make the socket for outputs; see ipykernel."""
        context.setsockopt(zmq.XPUB_NODROP, 1)
        super().init_iopub(context)


class SenderWithoutTcp(iostream.IOPubThread):
    """ipykernel's sender of output, with another address for its children."""

    def _setup_pipe_in(self) -> None:
        self._path = f"@children.{os.getpid()}"  # abstract: no file appears in the student's folder
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
