"""Listing and reading folders and zips: one entry that cannot be read never keeps the others from being listed."""

import io
import os
import tracemalloc
import zipfile
from pathlib import Path, PurePosixPath

import pytest
from platform_classes import zipped

from autograder.errors import BadSubmission
from autograder.intake import entries
from autograder.intake.entries import FILE, FOLDER, UNREADABLE, listed, listed_inside, read
from autograder.intake.find import find_class


def empty(*names: str) -> bytes:
    """A zip of notebooks with nothing in them."""
    return zipped(dict.fromkeys(names, b"{}"))


def hand_in(folder: Path, **zips: bytes) -> Path:
    for student, data in zips.items():
        (folder / f"{student}.zip").write_bytes(data)
    return folder


def refusal(folder: Path, student: str) -> str:
    (found,) = [one for one in find_class(folder, "early_exit").found if one.student == student]
    with pytest.raises(BadSubmission) as refused:
        found.read(1000)
    return str(refused.value)


def test_a_folder_that_may_not_be_read_is_one_students(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """unzip restores such rights. As root nothing is forbidden, so the system's answer is given here."""
    for place in ("ann", "bob", "cem/early_exit", "dan"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "early_exit.ipynb").write_bytes(b"{}")
    forbidden, scandir = {str(tmp_path / "bob"), str(tmp_path / "cem" / "early_exit")}, os.scandir

    def refusing(path: str | Path) -> object:
        if str(path) in forbidden:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)

    assert [one.student for one in find_class(tmp_path, "early_exit").found] == ["ann", "bob", "cem", "dan"]
    assert refusal(tmp_path, "bob") == (
        "No notebook was found: bob cannot be read: Permission denied. Hand in early_exit.ipynb."
    )
    assert "early_exit cannot be read: Permission denied" in refusal(tmp_path, "cem")


@pytest.mark.parametrize("link", ["a" * 250, "/etc/shadow", "/root", "..", "ann"])
def test_a_link_stops_nobody(tmp_path: Path, link: str):
    for student in ("ann", "mallory"):
        (tmp_path / student / "early_exit").mkdir(parents=True)
        (tmp_path / student / "early_exit" / "early_exit.ipynb").write_bytes(b"{}")
    (tmp_path / "mallory" / "early_exit" / "data").symlink_to(link)
    (tmp_path / "late").symlink_to(f"{link}/{'b' * 250}")

    found = find_class(tmp_path, "early_exit")
    assert [(one.student, one.read(100)) for one in found.found] == [("ann", b"{}"), ("mallory", b"{}")]
    assert [(one.name, one.what) for one in found.not_recognised] == [("late", "a link")]


def test_too_many_files_of_one_student_are_refused_and_stop_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(entries, "MAX_BELOW", 5)
    for n in range(9):
        for place in (f"bob/{n % 2}", "dan"):
            (tmp_path / place).mkdir(parents=True, exist_ok=True)
            (tmp_path / place / f"{n}.txt").touch()
    hand_in(tmp_path, ann=empty("early_exit.ipynb"), cem=empty(*map(str, range(9))))

    assert find_class(tmp_path, "early_exit").found[0].read(10) == b"{}"
    for student in ("bob", "dan"):
        assert "there are more than 5 files" in refusal(tmp_path, student)
    assert "cem.zip has 9 entries; expected at most 5" in refusal(tmp_path, "cem")


def test_a_zip_whose_directory_would_fill_the_memory_is_not_opened(tmp_path: Path):
    large = bytearray(empty("early_exit.ipynb"))
    large[-10:-6] = (1 << 31).to_bytes(4, "little")
    zip64 = empty("early_exit.ipynb")
    zip64 = zip64[:-22] + b"PK\6\7" + bytes(16) + zip64[-22:]
    hand_in(tmp_path, ann=empty("early_exit.ipynb"), bob=bytes(large), cem=zip64)

    for student in ("bob", "cem"):
        assert f"{student}.zip has too many entries; expected at most 20000" in refusal(tmp_path, student)


@pytest.mark.parametrize("name", ["a/" * 101 + "x.ipynb", "a" * 5000 + "/x.ipynb", "a/" * 30_000 + "x.ipynb"])
def test_a_name_that_is_too_deep_or_too_long_is_told_and_costs_no_memory(tmp_path: Path, name: str):
    hand_in(tmp_path, ann=empty("early_exit.ipynb"), bob=empty(name))
    tracemalloc.start()
    assert "is nested too deeply or has too long a name. Hand in early_exit.ipynb." in refusal(tmp_path, "bob")
    assert tracemalloc.get_traced_memory()[1] < 20 << 20
    tracemalloc.stop()

    (tmp_path / "class.zip").write_bytes(empty("ann.ipynb", name))
    whole = find_class(tmp_path / "class.zip", "early_exit")
    assert [one.student for one in whole.found] == ["ann"]
    assert [one.what for one in whole.not_recognised] == ["it is nested too deeply or has too long a name"]
    assert len(whole.not_recognised[0].name) < 100


def test_folders_that_are_only_in_names_count_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(entries, "MAX_BELOW", 5)
    hand_in(tmp_path, ann=empty("early_exit.ipynb"), bob=empty("a/b/c/d/x", "e/f/g/h/x", "i/j/k/l/x"))

    assert "bob.zip has more than 10 files and folders; hand in fewer" in refusal(tmp_path, "bob")


def test_folders_in_folders_are_looked_into_up_to_a_depth(tmp_path: Path):
    place = tmp_path / "bob" / "/".join("a" * 150)
    place.mkdir(parents=True)
    (place / "early_exit.ipynb").write_bytes(b"{}")
    hand_in(tmp_path, ann=empty("early_exit.ipynb"))

    assert find_class(tmp_path, "early_exit").found[0].read(10) == b"{}"
    assert "it lies in more than 100 folders" in refusal(tmp_path, "bob")


def test_a_damaged_and_a_locked_zip_are_refused_by_name(tmp_path: Path):
    locked = bytearray(empty("early_exit.ipynb"))
    for at in (6, locked.index(b"PK\1\2") + 8):
        locked[at] |= 1
    hand_in(tmp_path, ann=empty("early_exit.ipynb"), bob=b"PK\3\4 and no more", cem=bytes(locked))

    assert "bob.zip is not a readable zip: File is not a zip file" in refusal(tmp_path, "bob")
    assert "early_exit.ipynb cannot be read from the zip: it is encrypted. Pack it without a password." in refusal(
        tmp_path, "cem"
    )


def test_a_zip_in_a_zip_is_read_up_to_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(entries, "MAX_ARCHIVE", 100)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("ann.zip", empty("early_exit.ipynb"))
        file.writestr("bob.ipynb", b"{}")
    (tmp_path / "class.zip").write_bytes(stream.getvalue())

    assert "ann.zip is larger than 100 bytes" in refusal(tmp_path / "class.zip", "ann")


def test_a_quine_of_a_zip_ends(tmp_path: Path):
    """Each zip holds one like itself, as deep as anybody looks."""
    data = empty("early_exit.ipynb")
    for _ in range(30):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as file:
            file.writestr("archive/again.zip", data)
        data = stream.getvalue()
    hand_in(tmp_path, ann=data)

    assert "No notebook was handed in, but" in refusal(tmp_path, "ann")
    find_class(tmp_path / "ann.zip", "early_exit")


def test_a_folder_is_no_file(tmp_path: Path):
    (tmp_path / "ann").mkdir()

    for path in ("ann", "."):
        with pytest.raises(BadSubmission, match=r"is not a plain file|is a folder, not a file"):
            read(tmp_path, PurePosixPath(path), 10)


def test_what_is_listed_inside_a_zip_has_the_path_of_the_zip(tmp_path: Path):
    hand_in(tmp_path, ann=empty("a/b.ipynb", "../c", "__MACOSX/._b.ipynb", "d/.git/HEAD"))
    listing = listed_inside(tmp_path, PurePosixPath("ann.zip"))

    assert [(str(one.path), one.kind) for one in listing.entries] == [
        ("ann.zip/a", FOLDER),
        ("ann.zip/a/b.ipynb", FILE),
        ("ann.zip/d", FOLDER),
    ]
    assert (listing.astray, listing.repositories) == (("ann.zip/../c",), frozenset({PurePosixPath("ann.zip/d")}))
    assert read(tmp_path, PurePosixPath("ann.zip/a/b.ipynb"), 10) == b"{}"


def test_what_others_made_is_counted_and_not_listed(tmp_path: Path):
    for name in ("ann.ipynb", ".DS_Store", "Thumbs.db", "._ann.ipynb", "~$ann.docx", ".~ann.ipynb"):
        (tmp_path / name).touch()
    (tmp_path / "bob" / ".git").mkdir(parents=True)
    (tmp_path / "bob" / ".git" / "x.ipynb").touch()

    listing = listed(tmp_path)
    assert [str(one.path) for one in listing.entries] == ["ann.ipynb", "bob"]
    assert (listing.junk, listing.repositories) == (6, frozenset({PurePosixPath("bob")}))


def test_a_path_that_is_too_long_for_the_system_is_told(tmp_path: Path):
    place = os.open(tmp_path, os.O_RDONLY)
    for _ in range(25):
        os.mkdir("x" * 200, dir_fd=place)
        inner = os.open("x" * 200, os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = inner
    os.close(place)
    (tmp_path / "ann.ipynb").write_bytes(b"{}")

    unreadable = [one for one in listed(tmp_path).entries if one.kind == UNREADABLE]
    assert [one.why for one in unreadable] == ["File name too long"]
    assert find_class(tmp_path, "early_exit").found[0].read(10) == b"{}"
