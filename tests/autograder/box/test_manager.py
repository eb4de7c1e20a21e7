"""The sockets and the key of a kernel in a box."""

import asyncio
import os
from pathlib import Path

import zmq
from one_cell import run

from autograder.box.manager import BoxedKernelManager
from autograder.box.message_bounds import message_bytes
from autograder.config import Settings


def test_every_socket_of_ours_bounds_what_the_box_can_send(settings: Settings) -> None:
    manager = BoxedKernelManager(settings)
    client = manager.client()

    assert client.context is manager.context
    with client.context.socket(zmq.DEALER) as socket:
        assert socket.getsockopt(zmq.MAXMSGSIZE) == max(message_bytes(settings.limits).values())
        assert socket.getsockopt(zmq.RCVHWM) < 10
    asyncio.run(manager.end())


def test_the_signing_key_stands_on_no_command_line(settings: Settings) -> None:
    seen: list[str] = []

    def look(manager: BoxedKernelManager) -> None:
        lines = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in filter(str.isdigit, os.listdir("/proc"))]
        seen.extend(line.decode(errors="replace") for line in lines if manager.session.key in line)

    run(settings, "1", then=look)

    assert seen == []
