"""Passes bytes between the client's sockets and a box's, and hangs up when a box sends too much.

Three things are bounded: one message, everything that a box sends, and the commands between messages. If one bound
is exceeded, all channels are cut off (OUTPUT_LIMIT). The bounds follow from the limits, see message_bounds.py.

libzmq bounds the size of a frame and the number of waiting messages. It does not bound the frames of a message, which
it holds whole: a message of sixty frames took gigabytes of the grader. So the frames are counted before they reach
libzmq. All bytes are counted too, because each costs the grader time, even if it is dropped. See the
specification of ZMTP 3.1 (rfc.zeromq.org/spec/37), "Framing".
"""

import asyncio
import contextlib
import functools
from collections.abc import Callable, Mapping
from pathlib import Path

CHUNK = 1 << 16
GREETING = 64  # bytes before the first frame
SIGNATURE = (0, 0xFF), (9, 0x7F)  # position, byte
OLDEST = 3  # major version; before it frames had another form
MORE, LONG, COMMAND = 1, 2, 4  # flags of a frame
MAX_COMMANDS = 100  # in a connection; an honest one sends one, READY
PER_FRAME = 256  # bytes that the receiver keeps for a frame in addition to its content


class TooMuch(Exception):
    """More than is allowed, or bytes that are no ZMTP; the text says what was sent."""


class Frames:
    """Follows the frames in a stream.

    Args:
        limit: Bytes that a message may have in all its frames.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._greeting = b""
        self._header = b""
        self._body = 0  # bytes of the current frame still to come
        self._message = 0  # bytes of the current message, announced so far
        self._commands = 0

    def feed(self, data: bytes) -> None:
        """Follow some more bytes.

        Raises:
            TooMuch: They announce more than a message may have, hold too many commands, or are of another protocol.
        """
        position = 0
        if len(self._greeting) < GREETING:
            position = GREETING - len(self._greeting)
            self._greeting += data[:position]
            if len(self._greeting) == GREETING:
                known = all(self._greeting[at] == byte for at, byte in SIGNATURE)
                if not known or self._greeting[10] < OLDEST:
                    raise TooMuch("not a greeting of ZMTP 3")
        while position < len(data):
            if self._body:
                step = min(self._body, len(data) - position)
                self._body -= step
                position += step
                continue
            self._header += data[position : position + 1]
            position += 1
            if len(self._header) == (9 if self._header[0] & LONG else 2):
                self._announced(self._header[0], int.from_bytes(self._header[1:], "big"))
                self._header = b""

    def _announced(self, flags: int, size: int) -> None:
        self._body = size
        self._message += size + PER_FRAME
        if self._message > self._limit:
            raise TooMuch(f"a message of more than {self._limit:,} bytes")
        if not flags & (MORE | COMMAND):
            self._message = 0
        elif flags & COMMAND:
            self._message -= size + PER_FRAME  # a command comes between messages, and nobody keeps it
            self._commands += 1
            if self._commands > MAX_COMMANDS:
                raise TooMuch(f"more than {MAX_COMMANDS} commands in a connection")


class Relay:
    """Listens where the client connects, and connects to where the box listens, as often as the client does.

    Args:
        folder: Folder of the sockets: ``k-<port>`` for the client, ``b-<port>`` of the box.
        limits: Port -> bytes of a message that comes from the box.
        in_all: Bytes that may come from the box over all ports.

    Attributes:
        broken: What the box sent that made the relay hang up; "" while it has not.
    """

    def __init__(self, folder: Path, limits: Mapping[int, int], in_all: int) -> None:
        self._folder = folder
        self._limits = limits
        self._in_all = in_all
        self._left = in_all
        self.broken = ""
        self._servers: list[asyncio.Server] = []
        self._serving: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to listen, in the running loop."""
        for port in self._limits:

            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int = port) -> None:
                task = asyncio.current_task()
                assert task is not None
                self._serving.add(task)
                with contextlib.suppress(asyncio.CancelledError):  # asyncio would report it as an error of ours
                    await self._serve(port, reader, writer)
                self._serving.discard(task)

            path = str(self._folder / f"k-{port}")
            self._servers.append(await asyncio.start_unix_server(serve, path, limit=CHUNK))

    def close(self) -> None:
        """Hang up everywhere, and listen no more."""
        for server in self._servers:
            server.close()
        for task in self._serving:
            task.cancel()

    async def _serve(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers = [writer]
        pumps: list[asyncio.Task[None]] = []
        try:
            from_box, to_box = await asyncio.open_unix_connection(str(self._folder / f"b-{port}"), limit=CHUNK)
            writers.append(to_box)
            look = functools.partial(self._look, Frames(self._limits[port]))
            pumps.append(asyncio.create_task(_pump(from_box, writer, look)))
            pumps.append(asyncio.create_task(_pump(reader, to_box)))
            done, _ = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for error in (one.exception() for one in done):
                if isinstance(error, TooMuch):
                    self.broken = self.broken or str(error)
                    self.close()
        except OSError:
            pass  # the box is gone
        finally:
            for pump in pumps:
                pump.cancel()
            for one in writers:
                one.close()

    def _look(self, frames: Frames, data: bytes) -> None:
        """Count what came from the box.

        Raises:
            TooMuch: It is more than allowed, alone or with what came before.
        """
        self._left -= len(data)
        if self._left < 0:
            raise TooMuch(f"more than {self._in_all:,} bytes in all")
        frames.feed(data)


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, look: Callable[[bytes], None] = lambda data: None
) -> None:
    with contextlib.suppress(OSError, asyncio.CancelledError):
        while data := await reader.read(CHUNK):
            look(data)
            writer.write(data)
            await writer.drain()
