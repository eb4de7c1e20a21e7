"""Whatever lies in the folder or the zip of a class: students with plain names, each with a file or a refusal.

And every entry is accounted for: it is graded, kept as unused by its student, or listed as not recognised.
"""

import contextlib
import io
import os
import shutil
import tempfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

from fuzz import bounded, damaged, tiers
from hypothesis import given
from hypothesis import strategies as st
from platform_classes import zipped

from autograder.errors import BadSubmission, UsageError
from autograder.intake.entries import FOLDER, is_junk, listed
from autograder.intake.find import Class, Found, find_class
from autograder.intake.identity import MAX_NAME
from autograder.intake.platforms import OWN_FILES
from autograder.results import Verdict

PARTS = [
    *("early_exit", "early_exit.ipynb", "ann", "Ann", "ann.ipynb", "bob.ipynb", "x" * 300, "-rf", "=1+1", "@a", "*"),
    *(".", "..", "", " ", "a b", "ä", "a\u0308", "名", "\u202e", "a\nb", "a\x1bb", "'\"", "C:", "\\", "a\\b", "%2e"),
    *("__MACOSX", ".ipynb_checkpoints", ".ipynb", "a.ipynb.zip", "early_exit-Copy1.ipynb", "\udcff.ipynb"),
    *(
        "doejane_12_34_early_exit.ipynb",
        "doejane_LATE_12_35_a.pdf",
        "anon_a1_9_x.zip",
        "roster.csv",
        ".git",
        "mine.zip",
    ),
    *("Jane Doe_7_assignsubmission_file", "Team_assignsubmission_file", "Jane Doe_7_assignsubmission_file_b.ipynb"),
    *("hw_j_doe_attempt_2026-01-30-15-30-10_b.ipynb", "hw_j_doe_attempt_2026-01-30-15-30-10.txt", "index.html"),
    *("12-34 - Jane Doe - Sep 24, 2026 926 PM", "submission_1", "submission_metadata.yml", "timestamp.txt"),
    *("early-exit-octocat", "submitted", "archive", "assignment_3_export"),
]


def inner_zip(*names: str) -> bytes:
    return zipped(dict.fromkeys(names, b'{"cells": []}'))


names = st.lists(st.sampled_from(PARTS) | st.text(max_size=8), min_size=1, max_size=4).map("/".join)
contents = st.sampled_from(
    [
        *(b"", b"{}", b'{"cells": []}', b"\xff" * 3_000, b"%PDF-1.7", b"<html>", b"<<<<<<< HEAD\n{"),
        *(inner_zip("early_exit.ipynb"), inner_zip("a/b.ipynb", "../c.ipynb", "d.txt"), inner_zip()),
        b"submission_1: {':submitters': [{':name': Jane, ':sid': '1'}, {':name': Bo, ':email': b@x}]}",
    ]
)


def assert_students(path: Path, entries: list[str]) -> int:
    """What is found there: one sentence, or students that can be written to disk and to a page; how many entries."""
    try:
        found = find_class(path, "early_exit")
    except UsageError as refusal:
        assert str(refusal)
        return 0
    assert len({one.student for one in found.found}) == len(found.found) > 0
    for one in found.found:
        assert_plain(one)
        try:
            assert len(one.read(2_000)) <= 2_000
        except BadSubmission as refusal:
            assert refusal.verdict in (Verdict.BAD_FILE, Verdict.EMPTY)
            str(refusal).encode()
    return assert_accounted(found, entries)


def assert_accounted(found: Class, entries: list[str]) -> int:
    """Each entry of the class is somebody's, or named as nobody's; how many there were."""
    used = {str(member) for one in found.found for member in one.members}
    used |= {name for one in found.found if one.handin for name in one.handin.unused}
    unknown = [one.name for one in found.not_recognised]
    platforms = {one.handin.platform for one in found.found if one.handin}
    count = 0
    for name in entries:
        parts = PurePosixPath(name).parts
        own = OWN_FILES.fullmatch(parts[-1])
        if any(map(is_junk, parts)) or (own and own.lastgroup in platforms):
            continue
        count += 1
        below = [str(PurePosixPath(*parts[:n])) for n in range(1, len(parts) + 1)]
        in_it = any(one.startswith(f"{name}/") for one in [*used, *unknown])  # a zip that was looked into
        assert name in used or in_it or {name, *below} & set(unknown), (name, used, unknown)
    return count


def in_folder(root: Path) -> list[str]:
    """Every file, link and pipe below a folder, as another walk finds them."""
    return [str(path.relative_to(root)) for path in root.rglob("*") if path.is_symlink() or not path.is_dir()]


def in_zip(path: Path) -> list[str]:
    """Every file and link in a zip; nothing where it cannot be read."""
    try:
        listing = listed(path)
        with zipfile.ZipFile(path) as file:
            names = {info.filename for info in file.infolist()}
    except (UsageError, zipfile.BadZipFile, UnicodeDecodeError):
        return []
    assert len(names) <= len(listing.entries) + len(listing.astray) + listing.junk + 3  # "", ".", "./"
    return [*listing.astray, *(str(one.path) for one in listing.entries if one.kind != FOLDER)]


def assert_plain(one: Found) -> None:
    assert 0 < len(one.student.encode()) <= MAX_NAME + 9
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


@tiers(quick=60, slow=1000)
def test_any_zip_gives_students_or_a_sentence(examples: int, tmp_path: Path) -> None:
    path, counts = tmp_path / "class.zip", [0]

    @bounded(examples)
    @given(zips())
    def holds(data: bytes) -> None:
        path.write_bytes(data)
        counts.append(assert_students(path, in_zip(path)))

    holds()
    assert sum(counts) > examples  # or it would have looked at nothing


@tiers(quick=40, slow=600)
def test_any_folder_gives_students_or_a_sentence(examples: int, tmp_path: Path) -> None:
    kinds = st.sampled_from(["file", "file", "file", "folder", "link", "loop", "pipe", "secret"])
    counts = [0]

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
        counts.append(assert_students(root, in_folder(root)))
        shutil.rmtree(root)

    holds()
    assert sum(counts) > examples  # or it would have looked at nothing
