"""What the kernel in a box relies on in ipykernel, tried on the ipykernel that is installed."""

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest
import zmq
from ipykernel import iostream, kernelapp
from small_course import ROOT

from autograder.inside.kernel import SenderWithoutTcp

CHILD_SPEAKS = """
import os, psutil, zmq
from autograder.inside.kernel import SenderWithoutTcp

context = zmq.Context()
out, heard = context.socket(zmq.PUB), context.socket(zmq.SUB)
out.bind("inproc://out")
heard.connect("inproc://out")
heard.subscribe(b"")
sender = SenderWithoutTcp(out, pipe=True)
sender.start()
if os.fork() == 0:
    sender.send_multipart([b"the child speaks"])
    os._exit(0)
print(heard.recv_multipart() if heard.poll(10_000) else "nothing", psutil.Process().net_connections("tcp"), flush=True)
os._exit(0)
"""


class Recorder:
    """Stands in for a socket, and remembers the address it was bound to."""

    def bind(self, address: str) -> None:
        self.address = address


def test_a_channel_is_bound_to_a_path_that_ends_with_its_port() -> None:
    socket = Recorder()
    kernelapp.IPKernelApp(transport="ipc", ip="@kernel")._bind_socket(socket, 3)

    assert socket.address == "ipc://@kernel-3"


def test_the_kernel_looks_its_sender_of_output_up_when_it_starts() -> None:
    assert kernelapp.IOPubThread is iostream.IOPubThread
    assert "IOPubThread" in kernelapp.IPKernelApp.init_iopub.__code__.co_names


def test_what_a_forked_child_prints_comes_without_tcp() -> None:
    command = [sys.executable, "-c", CHILD_SPEAKS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)

    assert done.stdout.strip() == "[b'the child speaks'] []", done.stderr


@pytest.mark.parametrize("internal", ["_setup_pipe_in", "_setup_pipe_out"])
def test_what_the_sender_replaces_is_still_there_and_called(internal: str) -> None:
    assert internal in vars(SenderWithoutTcp)
    assert f"self.{internal}()" in inspect.getsource(iostream.IOPubThread)


def test_output_waits_for_an_interval_that_can_be_set() -> None:
    assert 0 < iostream.OutStream.flush_interval < 1
    assert "self.flush_interval" in inspect.getsource(iostream.OutStream)


def test_a_name_that_begins_with_an_at_makes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with zmq.Context() as context, context.socket(zmq.ROUTER) as socket:
        socket.bind(f"ipc://@nowhere-{os.getpid()}")

        assert list(tmp_path.iterdir()) == []
