"""What may be shown as a picture: whole PNG, JPEG and GIF of bounded size, told by their content."""

import struct

import pytest
from drawn import drawn, text

from autograder.pictures import ENDS, MAX_BYTES, MAX_PIXELS, PNG, Picture, picture

HEADER = PNG + struct.pack(">I4sII", 13, b"IHDR", 4, 3)


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif"])
@pytest.mark.parametrize("claimed", ["image/png", "image/jpeg", "application/x-unknown", ""])
def test_a_real_picture_is_shown_as_what_it_is_whatever_it_claims(kind: str, claimed: str) -> None:
    assert picture(claimed, text(drawn(kind))) == Picture(f"image/{kind}", text(drawn(kind)))


def test_a_photo_with_a_preview_in_its_head_is_measured_by_its_own_frame() -> None:
    """Cameras put a small JPEG into a segment before the large one."""
    raw, small = drawn("jpeg"), drawn("jpeg")
    segment = b"\xff\xe1" + (len(small) + 2).to_bytes(2, "big") + small

    assert isinstance(picture("image/jpeg", text(raw[:2] + segment + b"\xff\xff" + raw[2:])), Picture)


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_a_picture_that_breaks_off_is_damaged(kind: str, share: float) -> None:
    raw = drawn(kind)
    cut = raw[: max(int(share * len(raw)), 12)].replace(ENDS[f"image/{kind}"], b"")

    assert picture("image/png", text(cut)) == "it is damaged"


def test_what_follows_a_picture_is_cut_off() -> None:
    assert picture("image/png", text(drawn("png") + b"<script>")) == Picture("image/png", text(drawn("png")))


@pytest.mark.parametrize(
    ("claimed", "raw", "why"),
    [
        ("image/svg+xml", b"<svg/>", "it is SVG"),
        ("image/SVG+xml", PNG, "it is SVG"),
        ("image/png", b"", "it is not PNG, JPEG or GIF"),
        ("image/png", b"<html>", "it is not PNG, JPEG or GIF"),
        ("image/webp", b"RIFF\0\0\0\0WEBP", "it is not PNG, JPEG or GIF"),
        ("image/png", PNG[:-1], "it is not PNG, JPEG or GIF"),
        ("image/png", PNG, "it is damaged"),
        ("image/png", PNG + ENDS["image/png"], "it is damaged"),
        ("image/png", HEADER, "it is damaged"),
        ("image/gif", b"GIF89a", "it is damaged"),
        ("image/jpeg", b"\xff\xd8\xff", "it is damaged"),
        ("image/jpeg", b"\xff\xd8\xff" + b"\xff" * 1000, "it is damaged"),
        ("image/jpeg", b"\xff\xd8\xff\xe0\0\0" * 1000, "it is damaged"),
        ("image/png", HEADER + bytes(MAX_BYTES) + ENDS["image/png"], "it is larger than 4 MiB"),
        ("image/png", HEADER + bytes(2 * MAX_BYTES), "it is larger than 4 MiB"),
    ],
)
def test_anything_else_is_left_out_with_its_reason(claimed: str, raw: bytes, why: str) -> None:
    assert picture(claimed, text(raw)) == why


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif"])
def test_a_small_file_that_would_fill_a_browser_is_left_out(kind: str) -> None:
    raw = bytearray(drawn(kind))
    side = {"png": 4, "jpeg": 2, "gif": 2}[kind]
    order = "little" if kind == "gif" else "big"
    at = {"png": 16, "gif": 6, "jpeg": raw.find(b"\xff\xc0") + 5}[kind]
    raw[at : at + 2 * side] = 2 * (60_000).to_bytes(side, order)

    assert MAX_PIXELS < 60_000**2
    assert picture("", text(bytes(raw))) == "it has more than 25 million pixels"


@pytest.mark.parametrize("damaged", ["A", "é" * 8, "\ud800", "AAAAA"])
def test_text_that_is_no_base64_is_damaged(damaged: str) -> None:
    assert isinstance(picture("image/png", damaged), str)
