"""What a box says: bytes of an untrusted process -> one of four messages, or the end of that box.

This is all that the grader reads from a box while it runs. A message is four bytes of length, then JSON. Everything is
bounded before it is parsed: the bytes of a message, all that a box may send, and the lists, objects and values that a
message may hold, because these take far more memory than bytes. A message may be forged: student code can take over the
process that sends (inside/driver.py), and gains nothing by it.
"""

import itertools
import json
import re
import socket
import time
from dataclasses import dataclass
from typing import Any

from autograder.config import Limits
from autograder.inside.wire import LENGTH, packed

CHUNK = 1 << 16
LEAST = 4096  # bytes that a read and a message count at least: both take the grader's time
MAX_PARTS = 100_000  # strings, lists, objects and commas in one message; each takes some 100 bytes once read
# A string of a JSON text, or what else is counted. Possessive (`*+`), so that no text makes it try again and again.
PART = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{,]', re.DOTALL)


class Broken(Exception):
    """Nothing more can be read from a box."""


class HungUp(Broken):
    """It has ended."""


class TooMuch(Broken):
    """It sent more than it may; the text says what."""


class NotAMessage(Broken):
    """It sent what is no message."""


@dataclass(frozen=True)
class Ready:
    """The kernel listens; nothing of a submission has run."""


@dataclass(frozen=True)
class Failed:
    """What the box needs cannot be imported in it."""

    reason: str


@dataclass(frozen=True)
class Flooded:
    """The notebook has shown more than it may; its cell still runs."""


@dataclass(frozen=True)
class Done:
    """A cell or a hidden call has ended.

    Attributes:
        outputs: Place of a cell -> its outputs, whatever their values are.
        error: What the cell raised; "" if nothing.
        evidence: JSON text of a hidden call, not yet read; None if there was none, or more than one.
    """

    outputs: dict[int, list[Any]]
    error: str
    evidence: str | None


Message = Ready | Failed | Flooded | Done


def message_bytes(limits: Limits) -> int:
    """Bytes that one message may have: the outputs of a cell, or the evidence of one call."""
    return max(4 * limits.output_bytes, limits.evidence_bytes // 2)


def all_bytes(limits: Limits) -> int:
    """Bytes that a box may send in all: more than an honest one, because JSON may take six for a character."""
    return 8 * limits.output_bytes + 2 * limits.evidence_bytes


class Stream:
    """The grader's end of the socket that leads into a box."""

    def __init__(self, plug: socket.socket, limits: Limits) -> None:
        self._plug = plug
        self._longest = message_bytes(limits)
        self._in_all = self._left = all_bytes(limits)
        self._read = bytearray()
        self._flooded = False

    def send(self, order: dict[str, Any], seconds: float) -> None:
        """Give an order.

        Raises:
            HungUp: The box has ended.
            TimeoutError: It does not take it.
        """
        self._plug.settimeout(seconds)
        try:
            self._plug.sendall(packed(order))
        except TimeoutError:
            raise
        except OSError:
            raise HungUp from None

    def receive(self, seconds: float) -> Message:
        """The next message.

        Raises:
            Broken: Nothing more can be read.
            TimeoutError: None came in time; the next call goes on where this one stopped.
        """
        end, asked = time.monotonic() + seconds, False
        while (text := self._whole_message()) is None:
            left = end - time.monotonic()
            if asked and left <= 0:  # bytes may come one by one
                raise TimeoutError
            asked = True
            self._plug.settimeout(max(left, 0.001))
            try:
                data = self._plug.recv(CHUNK)
            except TimeoutError:
                raise
            except OSError:
                raise HungUp from None
            if not data:
                raise HungUp
            self._read += data
            self._count(len(data))
        self._count(0)
        message = parsed(text)
        if isinstance(message, Flooded):  # said once; each time, the cell would get time to end
            if self._flooded:
                raise NotAMessage
            self._flooded = True
        return message

    def _count(self, size: int) -> None:
        self._left -= max(size, LEAST)
        if self._left < 0:
            raise TooMuch(f"more than {self._in_all:,} bytes in all")

    def _whole_message(self) -> bytes | None:
        if len(self._read) < LENGTH:
            return None
        size = int.from_bytes(self._read[:LENGTH], "big")
        if size > self._longest:
            raise TooMuch(f"a message of more than {self._longest:,} bytes")
        if len(self._read) < LENGTH + size:
            return None
        text = bytes(self._read[LENGTH : LENGTH + size])
        del self._read[: LENGTH + size]
        return text


def parsed(text: bytes) -> Message:
    """A message as a value.

    Raises:
        TooMuch: It holds too many values, or too deep in each other.
        NotAMessage: It is none.
    """
    # A printed list is text. To leave out the strings takes longer than to count bytes, so it is done where it matters.
    if sum(map(text.count, (b"[", b"{", b",", b'"'))) > MAX_PARTS and _parts(text) > MAX_PARTS:
        raise TooMuch(f"a message with more than {MAX_PARTS:,} values")
    try:
        message = json.loads(text.decode())  # bytes may be UTF-16, in which it counts otherwise
    except RecursionError:
        raise TooMuch("a message with lists and objects too deep in each other") from None
    except ValueError:
        raise NotAMessage from None
    match message:
        case {"ready": True}:
            return Ready()
        case {"failed": str(reason)}:
            return Failed(reason)
        case {"flooded": True}:
            return Flooded()
        case {"outputs": dict(outputs), "error": str(error), "evidence": str() | None as evidence}:
            if all(place.isdecimal() and len(place) < 9 and isinstance(one, list) for place, one in outputs.items()):
                return Done({int(place): one for place, one in outputs.items()}, error, evidence)
    raise NotAMessage


def _parts(text: bytes) -> int:
    """Parts of a message; no further than to one more than it may have."""
    return sum(1 for _ in itertools.islice(PART.finditer(text), MAX_PARTS + 1))
