"""Names in zips that do not say how they are written."""

import struct
import zipfile
import zlib
from pathlib import Path

import pytest

from autograder.intake.find import find_class
from autograder.intake.zip_names import names_in

CLASSES = {
    "cp932": ["山田 太郎.ipynb", "表 ソフィ.ipynb", "佐藤花子.ipynb", "鈴木一郎/early_exit.ipynb"],
    "gbk": ["王伟.ipynb", "李娜.ipynb", "张敏.ipynb", "刘洋/early_exit.ipynb"],
    "cp949": ["김민준.ipynb", "이서연.ipynb", "박지훈.ipynb"],
    "big5": ["陳怡君.ipynb", "林志明.ipynb", "黃淑芬.ipynb"],
    "cp1251": ["Иван Петров.ipynb", "Мария Иванова.ipynb"],
    "cp866": ["Иван Петров.ipynb", "Мария Иванова.ipynb"],
    "cp1252": ["José García.ipynb", "Jürgen Müller.ipynb", "Zoë.ipynb"],
    "cp850": ["José García.ipynb", "Jürgen Müller.ipynb", "Zoë.ipynb"],
    "utf-8": ["José.ipynb", "王伟.ipynb"],
}


def info(raw: bytes, extra: bytes = b"", flags: int = 0) -> zipfile.ZipInfo:
    """An entry as zipfile reads it from a directory."""
    made = zipfile.ZipInfo("x")
    made.orig_filename, made.extra, made.flag_bits = raw.decode("cp437"), extra, flags
    return made


def unflagged(path: Path, names: list[bytes]) -> Path:
    """A zip with these names, byte for byte, and no word on how they are written."""
    with zipfile.ZipFile(path, "w") as file:
        for n, raw in enumerate(names):
            file.writestr("#" * (len(raw) - 3) + f"{n:03}", b'{"cells": []}')
    data = path.read_bytes()
    for n, raw in enumerate(names):
        data = data.replace(b"#" * (len(raw) - 3) + b"%03d" % n, raw)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("code", CLASSES)
def test_names_are_read_by_the_code_page_that_they_were_written_in(code: str, alone: bool):
    for names in [[name] for name in CLASSES[code]] if alone else [CLASSES[code]]:
        read, page = names_in(info(name.encode(code)) for name in names)

        assert list(read.values()) == names
        assert page == ("" if code == "utf-8" else code)


@pytest.mark.parametrize("code", ["cp932", "gbk", "utf-8"])
def test_nobody_is_lost_in_a_zip_of_windows(tmp_path: Path, code: str):
    """In cp932 the second byte of 表 is a backslash: it is none, whoever reads bytes before letters."""
    found = find_class(unflagged(tmp_path / "class.zip", [name.encode(code) for name in CLASSES[code]]), "early_exit")

    assert {one.student for one in found.found} == {name.split("/")[0].removesuffix(".ipynb") for name in CLASSES[code]}
    assert all(one.read(100) for one in found.found)
    assert found.remarks == (
        () if code == "utf-8" else (f"The zip does not say how its names are written; they are read as {code}.",)
    )


def test_names_that_no_code_page_fits_are_still_names():
    read, page = names_in([info(b"\xb0\xb1.ipynb"), info(b"\x80\xff\xfe.ipynb")])

    assert len(set(read.values())) == 2
    assert page


def test_a_name_that_says_how_it_is_written_is_taken_at_its_word():
    names = {"flagged": info(b"x", flags=0x800), "plain": info(b"plain.ipynb")}
    names["flagged"].orig_filename = "王.ipynb"
    raw, said = "Ж.ipynb".encode("cp866"), "Ж.ipynb".encode()
    field = b"\1" + struct.pack("<L", zlib.crc32(raw)) + said

    unicode_path = info(raw, struct.pack("<HH", 0x7075, len(field)) + field)
    assert names_in([names["flagged"], names["plain"], unicode_path]) == (
        {0: "王.ipynb", 1: "plain.ipynb", 2: "Ж.ipynb"},
        "",
    )


@pytest.mark.parametrize("field", [b"", b"\1", b"\1\0\0\0\0Bob", b"\1%s\xff\xfe"])
def test_an_extra_field_of_another_name_changes_nothing(field: bytes):
    raw = "José.ipynb".encode("cp1252")
    field = field.replace(b"%s", struct.pack("<L", zlib.crc32(raw)))

    assert names_in([info(raw, struct.pack("<HH", 0x7075, len(field)) + field)]) == ({0: "José.ipynb"}, "cp1252")
