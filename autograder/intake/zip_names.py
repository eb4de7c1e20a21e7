"""The names in a zip as their packer meant them: UTF-8 where it says so or reads so, else the likeliest code page.

Only the names are looked at. A zip has one packer, so all its names are read by one code page. Called by entries.py.
"""

import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

UTF8_FLAG = 0x800
UNICODE_PATH = 0x7075  # Info-ZIP's extra field: https://libzip.org/specifications/extrafld.txt


@dataclass(frozen=True)
class CodePage:
    """What names in a code page look like.

    Attributes:
        everyday: Whether a character is one that names are made of; given as the bytes and the text of it.
        next_to_ascii: Whether letters of this writing stand between ASCII letters: always (True), never (False), or
            either way (None).
        first: What half of the names begin with; "" for no matter what. GBK reads any Korean name as everyday Chinese.
    """

    everyday: Callable[[bytes, str], bool]
    next_to_ascii: bool | None = None
    first: str = ""


def _within(first: int, last: int, trail: int = 0) -> Callable[[bytes, str], bool]:
    """Two bytes in the part of a code page where its most used characters are."""
    return lambda data, _: len(data) == 2 and first <= int.from_bytes(data, "big") <= last and data[1] >= trail


def _one_of(letters: str) -> Callable[[bytes, str], bool]:
    return lambda _, char: char in letters


CYRILLIC = _one_of("".join(map(chr, range(0x410, 0x450))) + "ёЁ№")
LATIN = _one_of("ÀÁÂÃÄÅÆÇÈÉÊËÍÎÑÒÓÔÕÖØÙÚÛÜßàáâãäåæçèéêëíîïñòóôõöøùúûüšŠžŽœ")
KOREAN_FAMILIES = "김이박최정강조윤장임한오서신권황안송류유전홍고문양손배백허남심노하곽성차주우구민진나지엄원천방공"
# The first of equally good ones counts.
CODE_PAGES = {
    "cp932": CodePage(lambda data, char: "\u3040" <= char <= "\u30ff" or _within(0x889F, 0x9872)(data, char)),
    "cp949": CodePage(_within(0xB0A1, 0xC8FE, 0xA1), first=KOREAN_FAMILIES),
    "gbk": CodePage(_within(0xB0A1, 0xD7F9, 0xA1)),
    "big5": CodePage(_within(0xA440, 0xC67E)),
    "cp1251": CodePage(CYRILLIC, next_to_ascii=False),
    "cp866": CodePage(CYRILLIC, next_to_ascii=False),
    "cp1252": CodePage(LATIN, next_to_ascii=True),
    "cp850": CodePage(LATIN, next_to_ascii=True),
}


def names_in(infos: Iterable[zipfile.ZipInfo]) -> tuple[dict[int, str], str]:
    """Names of a zip's members, and how they were read.

    Returns:
        Place in ``infos`` -> name; and the code page that was guessed, "" where none had to be.
    """
    infos = list(infos)
    names = {n: said for n, info in enumerate(infos) if (said := _said(info)) is not None}
    raw = {n: info.orig_filename.encode("cp437") for n, info in enumerate(infos) if n not in names}
    try:
        return names | {n: data.decode("utf-8") for n, data in raw.items()}, ""
    except UnicodeDecodeError:
        code = _likeliest(list(raw.values()))
        return names | {n: data.decode(code) for n, data in raw.items()}, code


def _said(info: zipfile.ZipInfo) -> str | None:
    """The name, where the zip says in which way it is written."""
    if info.flag_bits & UTF8_FLAG or info.orig_filename.isascii():
        return info.orig_filename
    extra, raw = info.extra, info.orig_filename.encode("cp437", "replace")
    while len(extra) >= 4:
        kind, size = struct.unpack("<HH", extra[:4])
        field, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == UNICODE_PATH and field[1:5] == struct.pack("<L", zlib.crc32(raw)):
            try:
                return field[5:].decode("utf-8")
            except UnicodeDecodeError:
                return None
    return None


def _likeliest(names: list[bytes]) -> str:
    """The code page in which the names have most everyday characters; cp437, which reads anything, if none fits."""
    best, share = "cp437", 0.0
    for code, page in CODE_PAGES.items():
        try:
            texts = [name.decode(code) for name in names]
        except UnicodeDecodeError:
            continue
        odd = [text for text in texts if not text.isascii()]
        if page.first and 2 * sum(text[0] in page.first for text in odd) < len(odd):
            continue
        marks = [mark for text in odd for mark in _everyday(text, code, page)]
        if marks and sum(marks) / len(marks) > share:
            best, share = code, sum(marks) / len(marks)
    return best


def _everyday(text: str, code: str, page: CodePage) -> list[bool]:
    """For each byte of characters that are not ASCII, whether they look like part of a name."""
    marks = []
    for before, char, after in zip(" " + text, text, text[1:] + " ", strict=False):
        if not char.isascii():
            data = char.encode(code, "replace")
            touches = any(one.isascii() and one.isalpha() for one in (before, after))
            fits = page.next_to_ascii is None or page.next_to_ascii == touches
            marks += [fits and page.everyday(data, char)] * len(data)
    return marks
