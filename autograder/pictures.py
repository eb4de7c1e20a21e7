"""Base64 text -> a picture that people may be shown, or the reason why not.

The text comes from a student's file or kernel. A picture is never decoded here, because decoders are attacked by
pictures. Its first bytes say what it is, whatever it claims, and how large it would be on a page; its last ones say
whether all of it is there. SVG can hold programs, so it is never shown.
"""

import base64
import binascii
from dataclasses import dataclass

MIB = 1 << 20
MAX_BYTES = 4 * MIB  # of one picture
MAX_PIXELS = 25_000_000  # a browser keeps four bytes for each
PNG = b"\x89PNG\r\n\x1a\n"
NO_FRAME = {0xC4, 0xC8, 0xCC}  # of JPEG's markers C0 to CF, those that begin no frame: tables, and one reserved
ENDS = {"image/png": b"IEND\xaeB`\x82", "image/jpeg": b"\xff\xd9", "image/gif": b"\x3b"}


@dataclass(frozen=True)
class Picture:
    """A picture that may be shown.

    Attributes:
        mime: "image/png", "image/jpeg" or "image/gif", by its content.
        base64: Its bytes, encoded anew: nothing else can hide in the text.
    """

    mime: str
    base64: str


def picture(claimed: str, text: str) -> Picture | str:
    """The picture in ``text``, or why it is left out, as the second half of a sentence.

    Args:
        claimed: The MIME type that came with it.
        text: Base64; characters that do not belong to it are passed over.
    """
    if claimed.lower().startswith("image/svg"):
        return "it is SVG"
    if len(text) > 2 * MAX_BYTES:
        return f"it is larger than {MAX_BYTES // MIB} MiB"
    try:
        raw = base64.b64decode(text, validate=False)
    except (binascii.Error, ValueError):
        return "it is damaged"
    mime, pixels = _kind(raw)
    if not mime:
        return "it is not PNG, JPEG or GIF"
    if pixels > MAX_PIXELS:
        return f"it has more than {MAX_PIXELS // 10**6} million pixels"
    end = raw.rfind(ENDS[mime])
    if end < 0 or not pixels:
        return "it is damaged"
    raw = raw[: end + len(ENDS[mime])]
    if len(raw) > MAX_BYTES:
        return f"it is larger than {MAX_BYTES // MIB} MiB"
    return Picture(mime, base64.b64encode(raw).decode())


def _kind(raw: bytes) -> tuple[str, int]:
    """What its first bytes are, "" if no picture, and width times height, 0 where these are cut off."""
    if raw.startswith(PNG):  # behind the signature stand the length and the name of the first chunk
        return "image/png", _area(raw[16:20], raw[20:24])
    if raw.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif", _area(raw[7:5:-1], raw[9:7:-1])  # the lower byte comes first
    if raw.startswith(b"\xff\xd8\xff"):
        return "image/jpeg", _jpeg_area(raw)
    return "", 0


def _jpeg_area(raw: bytes) -> int:
    """Width times height in the header of the first frame, which stands behind segments of other kinds."""
    at = 2
    while raw[at : at + 1] == b"\xff" and at + 4 <= len(raw):
        marker = raw[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in NO_FRAME:
            return _area(raw[at + 5 : at + 7], raw[at + 7 : at + 9])
        # A segment begins with its length; before a marker there may be more bytes of 255.
        at += 1 if marker == 0xFF else 2 + max(int.from_bytes(raw[at + 2 : at + 4], "big"), 2)
    return 0


def _area(width: bytes, height: bytes) -> int:
    """Their product; 0 where a byte is missing."""
    return int.from_bytes(width, "big") * int.from_bytes(height, "big") if len(width) == len(height) > 1 else 0
