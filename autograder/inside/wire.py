"""Messages between a box and the grader, as the box sends and receives them: four bytes of length, then JSON.

The grader believes nothing of what it reads; its side is ``autograder/box/stream.py``.
"""

import json
import socket
from typing import Any

LENGTH = 4  # bytes, the most significant first


def packed(message: object) -> bytes:
    """A message as bytes, its length included."""
    text = json.dumps(message, ensure_ascii=False).encode("utf-8", "replace")
    return len(text).to_bytes(LENGTH, "big") + text


def receive(stream: socket.socket) -> Any:
    """The next order; None when the grader hung up."""
    size = int.from_bytes(_exactly(stream, LENGTH), "big")
    text = _exactly(stream, size)
    return json.loads(text) if text else None


def _exactly(stream: socket.socket, size: int) -> bytes:
    """So many bytes; fewer when the grader hung up."""
    data = bytearray()
    while len(data) < size and (part := stream.recv(min(size - len(data), 1 << 20))):
        data += part
    return bytes(data)


def weight(content: Any) -> int:
    """Characters in a message's content, however deep its parts lie in each other."""
    total, parts = 0, [content]
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            parts += [*part, *part.values()]
        elif isinstance(part, list):
            parts += part
        else:
            total += len(part) if isinstance(part, str) else 8
    return total
