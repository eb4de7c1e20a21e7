"""Bounds on what a box may send: how many bytes, and how many lists and objects a message may hold.

The relay counts the bytes. Lists and objects are counted here before a message is parsed, because they take far more
memory than bytes. More than that of either ends the box as OUTPUT_LIMIT. At most eight messages wait unread at one of
our sockets (manager.py).
"""

import json
import re
from typing import Any

from autograder.config import MIB, Limits

CHANNELS = ("shell", "iopub", "stdin", "control", "hb")
REPLY = 8 * MIB  # bytes of a message that holds no output; an honest error may be some megabytes long
MAX_CONTAINERS = 200_000  # lists and objects in one message; each takes some 100 bytes once read
# The strings of a JSON text. Possessive (`*+`), so that no text makes it try again and again.
STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)


class TooManyContainers(ValueError):
    """A message that would take far more memory than it has bytes; the text says what it is."""


def message_bytes(limits: Limits) -> dict[int, int]:
    """Port -> bytes that one message of a box may have. Output and evidence come over iopub."""
    iopub = max(REPLY, limits.output_bytes) + limits.evidence_bytes // 4
    return {port: iopub if channel == "iopub" else REPLY for port, channel in enumerate(CHANNELS, start=1)}


def all_bytes(limits: Limits) -> int:
    """Bytes that a box may send in all: far more than an honest one, because JSON may take six for a character.

    Four times as much again: on a busy machine the interrupt of a flood comes late. What is sent until then must not
    end the box, because the other tasks are still to be judged.
    """
    return 4 * (REPLY + 6 * limits.output_bytes + limits.evidence_bytes)


def unpack(text: bytes | str) -> Any:
    """A part of a message; a few megabytes of brackets would take a gigabyte here.

    Raises:
        TooManyContainers: It holds too many, or too deep in each other.
        ValueError: It is not JSON.
    """
    raw = text.encode() if isinstance(text, str) else bytes(text)
    # A printed list is text. To leave out the strings takes longer than to count, so it is done where it matters.
    if _brackets(raw) > MAX_CONTAINERS and _brackets(STRINGS.sub(b"", raw)) > MAX_CONTAINERS:
        raise TooManyContainers(f"a message with more than {MAX_CONTAINERS:,} lists and objects")
    try:
        return json.loads(raw)
    except RecursionError:
        raise TooManyContainers("a message with lists and objects too deep in each other") from None


def _brackets(raw: bytes) -> int:
    return raw.count(b"[") + raw.count(b"{")
