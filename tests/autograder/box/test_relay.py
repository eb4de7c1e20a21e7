"""What a box may send: whole messages within bounds, whatever their frames, and nothing else."""

import asyncio
import functools
from pathlib import Path
from typing import Any

import psutil
import pytest
from small_course import settings_for

from autograder.box import provisioner, run_once
from autograder.box.relay import COMMAND, GREETING, LONG, MAX_COMMANDS, MORE, PER_FRAME, Frames, Relay, TooMuch
from autograder.box.run_once import printed_in_a_box
from autograder.errors import BoxUnavailable

HELLO = bytes([0xFF, *[0] * 8, 0x7F, 3, 1, *b"NULL".ljust(20, b"\0"), *[0] * 32])


def frame(size: int, flags: int = 0) -> bytes:
    header = bytes([flags | LONG]) + size.to_bytes(8, "big") if size > 255 else bytes([flags, size])
    return header + b"x" * size


def test_the_greeting_is_of_the_right_length() -> None:
    assert len(HELLO) == GREETING


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_messages_within_the_limit_pass_however_they_are_cut(step: int) -> None:
    stream = HELLO + frame(30, COMMAND) + (frame(400, MORE) + frame(0, MORE) + frame(200)) * 20
    frames = Frames(600 + 3 * PER_FRAME)
    for start in range(0, len(stream), step):
        frames.feed(stream[start : start + step])


@pytest.mark.parametrize(
    "message",
    [
        frame(5000),
        frame(400, MORE) * 20,
        frame(0, MORE) * 20,
        bytes([LONG]) + b"\xff" * 8,
        frame(400, MORE) + frame(9, COMMAND) + frame(4000),
    ],
)
def test_when_a_message_is_larger_in_all_its_frames_then_it_is_refused(message: bytes) -> None:
    with pytest.raises(TooMuch, match="more than 4,000 bytes"):
        Frames(4000).feed(HELLO + message)


@pytest.mark.parametrize("greeting", [b"\x01\x00" * 32, HELLO[:10] + b"\x01" + HELLO[11:], b"GET / HTTP/1.1\r\n" * 4])
def test_when_another_protocol_is_spoken_then_it_is_refused(greeting: bytes) -> None:
    with pytest.raises(TooMuch, match="greeting"):
        Frames(4000).feed(greeting)


def talk(folder: Path, limit: int, calm: dict[int, bytes], loud: dict[int, bytes]) -> tuple[Relay, dict[int, int]]:
    """The relay, and the bytes a client got on each port, where a box sends the calm ones first, then the loud ones."""

    async def session() -> tuple[Relay, dict[int, int]]:
        sends = {port: HELLO + frames for port, frames in (calm | loud).items()}

        async def box(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readexactly(1)
            writer.write(sends[port])
            await reader.read()
            writer.close()

        for port in sends:
            await asyncio.start_unix_server(functools.partial(box, port), str(folder / f"b-{port}"))
        relay = Relay(folder, dict.fromkeys(sends, 4000), limit)
        await relay.start()
        clients = {port: await asyncio.open_unix_connection(str(folder / f"k-{port}")) for port in sends}
        got = dict.fromkeys(sends, 0)
        for port in calm:
            clients[port][1].write(b"!")
            got[port] = len(await clients[port][0].readexactly(len(sends[port])))
        for port in loud:
            clients[port][1].write(b"!")
        for port in sends:
            got[port] += len(await asyncio.wait_for(clients[port][0].read(), 5))
        relay.close()
        return relay, got

    return asyncio.run(session())


def test_when_a_box_sends_too_much_on_one_channel_then_the_relay_hangs_up_on_all(tmp_path: Path) -> None:
    relay, got = talk(tmp_path, 1 << 30, {1: frame(10)}, {2: frame(1 << 20)})

    assert got == {1: GREETING + 12, 2: 0}
    assert relay.broken == "a message of more than 4,000 bytes"


def test_when_a_connection_holds_many_commands_then_it_is_refused() -> None:
    """A command comes between messages: it costs the relay time, and is no part of what a message may have."""
    frames = Frames(4000)
    frames.feed(HELLO + (frame(1, COMMAND) + frame(10)) * MAX_COMMANDS)

    with pytest.raises(TooMuch, match="more than 100 commands"):
        frames.feed(frame(1, COMMAND))


def test_when_a_box_sends_too_much_over_all_channels_then_the_relay_hangs_up_on_all(tmp_path: Path) -> None:
    relay, got = talk(tmp_path, 10_000, {1: frame(200) * 20, 2: frame(200) * 20}, {3: frame(200) * 20})

    assert got == {1: 4104, 2: 4104, 3: 0}
    assert relay.broken == "more than 10,000 bytes in all"


@pytest.mark.slow
def test_when_a_box_sends_a_message_of_many_frames_then_the_grader_stays_small(
    small_course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the socket for output: sixty frames of 32 MiB in one message. One block of memory serves them all, or the box
    would be ended for its memory before it has sent any."""
    code = """
import time, zmq
output = zmq.Socket.shadow(get_ipython().kernel.iopub_thread.socket.underlying)
block = b"x" * (32 << 20)
for _ in range(60):
    output.send(block, zmq.SNDMORE, copy=False)
output.send(b"")
time.sleep(3)
"""
    monkeypatch.setattr(run_once, "CELL_S", 15)  # once the relay hung up, there will be no answer
    relays: list[Relay] = []

    def noted(*words: Any) -> Relay:
        relays.append(Relay(*words))
        return relays[-1]

    monkeypatch.setattr(provisioner, "Relay", noted)
    settings = settings_for(small_course, tmp_path, memory_bytes=4 << 30)
    own, most = psutil.Process(), 0
    before = own.memory_info().rss

    def _tried() -> None:
        with pytest.raises(BoxUnavailable, match="Nothing could be run in a box"):
            printed_in_a_box(code, settings)

    async def watched() -> int:
        nonlocal most
        running = asyncio.get_running_loop().run_in_executor(None, _tried)
        while not running.done():
            most = max(most, own.memory_info().rss)
            await asyncio.sleep(0.05)
        await running
        return most

    asyncio.run(watched())

    assert [relay.broken.partition(" than")[0] for relay in relays] == ["a message of more"]
    assert most - before < 400 << 20
