"""Whatever lies in the folder or the zip of a class: students with plain names, each with a file or a refusal."""

import contextlib
import io
import os
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from fuzz import bounded, damaged, tiers
from hypothesis import given
from hypothesis import strategies as st

from autograder.errors import BadSubmission, UsageError
from autograder.intake.find import MAX_NAME, Found, find_submissions
from autograder.results import Verdict

PARTS = [
    *("early_exit", "early_exit.ipynb", "ann", "Ann", "ann.ipynb", "bob.ipynb", "x" * 300, "-rf", "=1+1", "@a", "*"),
    *(".", "..", "", " ", "a b", "ä", "a\u0308", "名", "\u202e", "a\nb", "a\x1bb", "'\"", "C:", "\\", "a\\b", "%2e"),
    *("__MACOSX", ".ipynb_checkpoints", ".ipynb", "a.ipynb.zip", "early_exit-Copy1.ipynb", "\udcff.ipynb"),
]
names = st.lists(st.sampled_from(PARTS) | st.text(max_size=8), min_size=1, max_size=4).map("/".join)
contents = st.sampled_from([b"", b"{}", b'{"cells": []}', b"\xff" * 3_000])


def assert_students(path: Path) -> None:
    """What is found there: one sentence, or students that can be written to disk and to a page."""
    try:
        found = find_submissions(path, "early_exit")
    except UsageError as refusal:
        assert str(refusal)
        return
    assert len({one.student.casefold() for one in found}) == len(found) > 0
    for one in found:
        assert_plain(one)
        try:
            assert len(one.read(2_000)) <= 2_000
        except BadSubmission as refusal:
            assert refusal.verdict in (Verdict.BAD_FILE, Verdict.EMPTY)
            str(refusal).encode()


def assert_plain(one: Found) -> None:
    assert 0 < len(one.student.encode()) <= MAX_NAME + 5
    assert one.student[0] not in ".-=+@~ "
    assert not set(one.student) & set("/\\\0\n\r\t*?[]'\"$%<>|;:&")
    for note in one.notes:
        note.encode()


@st.composite
def zips(draw: Any) -> bytes:
    """A zip with odd names, kinds and flags, perhaps damaged."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name in draw(st.lists(names, max_size=6)):
            info = zipfile.ZipInfo("x")
            info.filename = name.encode("utf-8", "replace").decode()[:60_000]
            info.compress_type = draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2]))
            info.external_attr = draw(st.sampled_from([0, 0o120777 << 16, 0o040755 << 16, 0o010644 << 16, 0xFFFFFFFF]))
            file.writestr(info, draw(contents))
            info.flag_bits |= draw(st.sampled_from([0, 0, 0, 1, 0x800, 0x2000]))
    return draw(damaged(stream.getvalue())) if draw(st.booleans()) else stream.getvalue()


@tiers(quick=150, slow=1000)
def test_any_zip_gives_students_or_a_sentence(examples: int, tmp_path: Path) -> None:
    @bounded(examples)
    @given(zips())
    def holds(data: bytes) -> None:
        (tmp_path / "class.zip").write_bytes(data)
        assert_students(tmp_path / "class.zip")

    holds()


@tiers(quick=80, slow=600)
def test_any_folder_gives_students_or_a_sentence(examples: int, tmp_path: Path) -> None:
    kinds = st.sampled_from(["file", "file", "file", "folder", "link", "loop", "pipe", "secret"])

    @bounded(examples)
    @given(st.lists(st.tuples(kinds, names, contents), max_size=6))
    def holds(entries: list[tuple[str, str, bytes]]) -> None:
        root = Path(tempfile.mkdtemp(dir=tmp_path))
        for kind, name, content in entries:
            parts = [part for part in name.replace("\0", "").split("/") if part not in ("", "..")]
            path = root.joinpath(*parts)
            with contextlib.suppress(OSError, UnicodeEncodeError):  # a name that this file system does not take
                path.parent.mkdir(parents=True, exist_ok=True)
                if path.is_symlink() or path.exists():
                    continue  # writing into a pipe would wait for ever
                if kind == "folder":
                    path.mkdir()
                elif kind == "link":
                    path.symlink_to("/etc/passwd")
                elif kind == "loop":
                    path.symlink_to(root)
                elif kind == "pipe":
                    os.mkfifo(path)
                else:
                    path.write_bytes(content)
                    path.chmod(0 if kind == "secret" else 0o644)
        assert_students(root)
        shutil.rmtree(root)

    holds()
