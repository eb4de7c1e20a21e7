"""What a box may send: whole messages within bounds, whatever their frames, and nothing else."""

import asyncio
import time
from pathlib import Path

import psutil
import pytest
from small_course import settings_for

from autograder.box import proof
from autograder.box.proof import printed_in_a_box
from autograder.box.relay import COMMAND, GREETING, LONG, MORE, PER_FRAME, Frames, Relay, TooMuch
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
    with pytest.raises(TooMuch, match="more than 4000 bytes"):
        Frames(4000).feed(HELLO + message)


@pytest.mark.parametrize("greeting", [b"\x01\x00" * 32, HELLO[:10] + b"\x01" + HELLO[11:], b"GET / HTTP/1.1\r\n" * 4])
def test_when_another_protocol_is_spoken_then_it_is_refused(greeting: bytes) -> None:
    with pytest.raises(TooMuch, match="greeting"):
        Frames(4000).feed(greeting)


def test_when_a_box_sends_too_much_on_one_channel_then_the_relay_hangs_up_on_all(tmp_path: Path) -> None:
    async def session() -> list[bytes]:
        async def box(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            order = await reader.readexactly(1)
            writer.write(HELLO + (frame(1 << 20) if order == b"!" else frame(10)))
            await reader.read()
            writer.close()

        for port in (1, 2):
            await asyncio.start_unix_server(box, str(tmp_path / f"b-{port}"))
        relay = Relay(tmp_path, {1: 4000, 2: 4000})
        await relay.start()
        calm, loud = [await asyncio.open_unix_connection(str(tmp_path / f"k-{port}")) for port in (1, 2)]
        calm[1].write(b".")
        got = [await calm[0].readexactly(GREETING + 12)]
        loud[1].write(b"!")
        got += [await asyncio.wait_for(one[0].read(), 5) for one in (loud, calm)]
        relay.close()
        return got

    assert [len(got) for got in asyncio.run(session())] == [GREETING + 12, 0, 0]


@pytest.mark.slow
def test_when_a_box_sends_a_message_of_many_frames_then_the_grader_stays_small(
    small_course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On every socket that the kernel listens on: sixty frames of 32 MiB in one message."""
    code = """
import gc, zmq
for one in [one for one in gc.get_objects() if isinstance(one, zmq.Socket) and not one.closed]:
    try:
        plain = zmq.Socket.shadow(one.underlying)
        if plain.type == zmq.ROUTER:
            continue  # it wants a peer's name
        for _ in range(60):
            plain.send(b'x' * (32 << 20), zmq.SNDMORE | zmq.NOBLOCK)
        plain.send(b'', zmq.NOBLOCK)
    except zmq.ZMQError:
        pass
import time; time.sleep(3)
"""
    monkeypatch.setattr(proof, "CELL_S", 15)  # once the relay hung up, there will be no answer
    settings = settings_for(small_course, tmp_path, memory_bytes=4 << 30)
    own, most = psutil.Process(), 0
    before = own.memory_info().rss

    async def watched() -> int:
        nonlocal most
        running = asyncio.get_running_loop().run_in_executor(None, _tried, code, settings)
        while not running.done():
            most = max(most, own.memory_info().rss)
            await asyncio.sleep(0.05)
        return most

    def _tried(code: str, settings) -> None:  # type: ignore[no-untyped-def]
        try:
            printed_in_a_box(code, settings)
        except BoxUnavailable:
            time.sleep(0)  # the relay hung up, as it should

    asyncio.run(watched())

    assert most - before < 400 << 20
