"""The pictures in the text of a cell -> marks at their places, and the pictures apart.

Colab keeps a pasted picture as a data URI in the text, Jupyter as an attachment of the cell. Either would count as
words of the answer, thousands of them. A mark is short text, ``[picture 3]``; the graded notebook puts the picture
there. A picture that cannot be shown leaves its reason in its place.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from urllib.parse import quote

from autograder.intake.composed import composed
from autograder.pictures import MAX_BYTES, MIB, Picture, picture

MAX_PICTURES = 60  # of one notebook
MAX_SUM = 4 * MAX_BYTES  # bytes of base64, of one notebook: pages carry them
MAX_ADDRESSES = 20_000  # of one notebook that are looked at; the others stay text
MAX_ATTACHMENTS = 100  # of one cell that are looked at
MAX_NAME = 300  # characters of the name of an attachment
BEFORE = 300  # characters in which the beginning of a picture's Markdown or HTML is looked for
MARK = re.compile(r"\[(?:picture [1-9]\d*|a picture was left out: [^\[\]\n]*)\]")
# SVG as text may hold rotate(45). Nothing is given back once it is read: to remember each step costs gigabytes.
DATA = r"(?:[^\s()\"'<>]++|\([^\s()\"'<>]{0,200}\))*+"
ADDRESS = re.compile(rf"data:(?P<mime>image/[\w.+-]{{1,40}})(?P<how>[;\w=.-]{{0,60}}),(?P<data>{DATA})|attachment:")
ENDS = re.compile(r'>?(?:[ \t]+"[^"\n]{0,200}")?[ \t]*\)')  # of Markdown's picture, behind the address
NAME = re.compile(r"[^\s()<>]*")
TAG_ENDS = re.compile(r"[\"']?[^<>]{0,300}>")


class Album:
    """The pictures in the texts of one notebook, by their marks."""

    def __init__(self) -> None:
        self.pictures: dict[str, Picture] = {}
        self.addresses = MAX_ADDRESSES  # that are still looked at
        self._tried = 0
        self._room = MAX_SUM

    def mark(self, claimed: str, text: str) -> str:
        """What stands in the place of a picture."""
        if self._tried == MAX_PICTURES:
            return _left_out(f"the notebook has more than {MAX_PICTURES}")
        self._tried += 1
        found = picture(claimed, text)
        if isinstance(found, str):
            return _left_out(found)
        if len(found.base64) > self._room:
            return _left_out(f"those of the notebook are larger than {MAX_SUM // MIB} MiB together")
        self._room -= len(found.base64)
        mark = f"[picture {len(self.pictures) + 1}]"
        self.pictures[mark] = found
        return mark


def marked(source: str, attachments: Mapping[str, Mapping[str, str]], album: Album) -> str:
    """The text of a cell with marks in place of its pictures.

    Args:
        attachments: Name -> MIME type -> base64.
        album: Takes the pictures.
    """
    parts, done = [], 0
    named = [(name, bundle) for name, bundle in islice(attachments.items(), MAX_ATTACHMENTS) if bundle]
    named = [(name, bundle) for name, bundle in named if 0 < len(name) <= MAX_NAME]
    named += [(quote(name), bundle) for name, bundle in named]
    for found in islice(ADDRESS.finditer(source), album.addresses):
        album.addresses -= 1
        if found.start() < done:
            continue
        window = source[max(done, found.start() - BEFORE) : found.start()]
        begin = _begin(window)
        if found["mime"]:
            mark = album.mark(found["mime"], found["data"] if "base64" in found["how"] else "")
            end = found.end()
        elif begin < 0:
            continue  # the word in a sentence
        else:
            attached, end = _attached(source, found.end(), named)
            mark = album.mark(*attached) if attached else _left_out("the cell has no such attachment")
        if begin >= 0:
            ends = (TAG_ENDS if window[begin] == "<" else ENDS).match(source, end)
            begin, end = (begin, ends.end()) if ends else (len(window), end)
        else:
            begin = len(window)
        parts += [source[done : found.start() - len(window) + begin], mark]
        done = end
    return "".join([*parts, source[done:]])


def without_marks(source: str) -> str:
    """The text alone."""
    return MARK.sub("", source)


def released_text(source: str) -> str:
    """The text of a released cell, to be compared with what :func:`marked` makes of a student's."""
    return without_marks(composed(marked(source, {}, Album())))


def _begin(window: str) -> int:
    """Where in the text before an address its picture begins; -1 if it is no picture's."""
    markdown = window.rfind("![")
    if markdown >= 0 and re.search(r"\]\([ \t]*<?$", window) and "\n\n" not in window[markdown:]:
        return markdown
    tag = window.rfind("<img")
    return tag if tag >= 0 and re.search(r"src=[\"']?$", window) and ">" not in window[tag:] else -1


def _attached(
    source: str, at: int, named: Sequence[tuple[str, Mapping[str, str]]]
) -> tuple[tuple[str, str] | None, int]:
    """The attachment that is named at a place, as MIME type and base64, and where its name ends."""
    for name, bundle in named:
        if source.startswith(name, at):
            known = [mime for mime in ("image/png", "image/jpeg", "image/gif") if mime in bundle]
            mime = known[0] if known else next(iter(bundle))
            return (mime, bundle[mime]), at + len(name)
    return None, NAME.search(source, at).end()  # type: ignore[union-attr]  # "" is a name too


def _left_out(why: str) -> str:
    return f"[a picture was left out: {why}]"
