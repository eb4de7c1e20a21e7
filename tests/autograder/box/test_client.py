"""The client of a kernel in a box: when it waits, and what it leaves out."""

import asyncio
import threading

import pytest
from jupyter_client.channels import HBChannel
from one_cell import run

from autograder.box.manager import BoxedKernelManager
from autograder.config import Settings


def test_when_the_kernel_dies_before_it_is_ready_then_waiting_ends(settings: Settings) -> None:
    async def session() -> None:
        manager = BoxedKernelManager(settings)
        await manager.start_kernel()
        client = manager.client()
        client.start_channels()
        try:
            await manager.provisioner.kill()
            await client.wait_for_ready()
        finally:
            client.stop_channels()
            await manager.end()

    with pytest.raises(RuntimeError, match="Kernel died before it was ready"):
        asyncio.run(session())


def test_no_thread_opens_sockets_next_to_ours(settings: Settings) -> None:
    """jupyter_client's heartbeat opens one each second where nobody answers. libzmq ends its context when the last one
    is closed. Nobody closed one that was opened in that moment, so the grader waited for ever for a box."""
    beating: list[threading.Thread] = []
    run(settings, "1", then=lambda _: beating.extend(t for t in threading.enumerate() if isinstance(t, HBChannel)))

    assert beating == []
