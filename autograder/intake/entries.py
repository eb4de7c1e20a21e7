"""Everything that lies in a folder or a zip, as a list; and the bytes of one file in it.

A path may lead through zips as through folders. Nothing is unpacked to disk: members are read in memory and within
bounds, so no name can reach a path of ours. Links are never followed. Where one entry cannot be read, that is said of
this entry, and the others are listed. What platforms, editors and systems put there is counted and left out.

Knows nothing of students or of notebooks.
"""

import functools
import io
import itertools
import os
import stat
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from autograder.errors import BadSubmission, UsageError
from autograder.intake.zip_names import names_in

MAX_MEMBERS = 200_000  # of a class
MAX_BELOW = 20_000  # of one entry of a class, or of a zip in it
MAX_DEPTH = 100  # folders around a file; each of them becomes a path of its own, so memory grows with the square
MAX_NAME = 4096  # characters of a name in a zip
TO_SHOW = 60  # characters of a longer one
END_RECORD = 22  # bytes of a zip's last record, which may have a comment of up to 65,535 behind it
MAX_ARCHIVE = 128 << 20  # bytes of a zip inside a zip, which is read into memory
FILE, FOLDER, LINK, OTHER, UNREADABLE = "file", "folder", "link", "pipe or device", "unreadable"
JUNK = {"__MACOSX", "__pycache__", "Thumbs.db", "desktop.ini", "node_modules", "venv"}


@dataclass(frozen=True)
class Entry:
    """One thing in a folder or a zip.

    Attributes:
        path: From the folder or zip that was listed.
        kind: ``FILE``, ``FOLDER``, ``LINK``, ``OTHER`` or ``UNREADABLE``.
        why: Why it is unreadable.
    """

    path: PurePosixPath
    kind: str
    why: str = ""


@dataclass(frozen=True)
class Listing:
    """What lies in a folder or a zip.

    Attributes:
        entries: By path.
        junk: How many entries were made by a platform, an editor or a system.
        astray: Names in a zip that lead out of it.
        too_deep: Beginnings of names in a zip that are nested too deeply, or too long.
        repositories: Folders that hold ``.git``.
        code_page: In which the names of a zip had to be guessed; "" where they say it.
    """

    entries: tuple[Entry, ...]
    junk: int = 0
    astray: tuple[str, ...] = ()
    repositories: frozenset[PurePosixPath] = frozenset()
    code_page: str = ""
    too_deep: tuple[str, ...] = ()

    def and_inside(self, inner: "Listing") -> "Listing":
        """This, and what lies in a zip in it."""
        return Listing(
            (*self.entries, *inner.entries),
            self.junk + inner.junk,
            (*self.astray, *inner.astray),
            self.repositories | inner.repositories,
            self.code_page or inner.code_page,
            (*self.too_deep, *inner.too_deep),
        )


def is_junk(part: str) -> bool:
    """Whether a platform, an editor or a system puts files or folders of this name there."""
    hidden = part.startswith(".") and not part.lower().endswith(".ipynb")
    return hidden or part in JUNK or part.startswith(("._", ".~", "~$"))


def is_zip(entry: Entry) -> bool:
    """Whether an entry is called a zip."""
    return entry.kind == FILE and entry.path.suffix.lower() == ".zip"


def listed(source: Path) -> Listing:
    """Everything in a folder or a zip.

    Raises:
        UsageError: It cannot be read at all.
    """
    if source.is_dir():
        return _folder(source)
    try:
        return _zip(source, MAX_MEMBERS)
    except BadSubmission as refusal:
        raise UsageError(str(refusal)) from None


def listed_inside(source: Path, path: PurePosixPath) -> Listing:
    """Everything in a zip that lies at ``path`` in a folder or a zip; its entries' paths begin with ``path``.

    Raises:
        BadSubmission: It is damaged, too large, or no zip.
    """
    place = source.joinpath(*path.parts)
    on_disk = source.is_dir() and stat.S_ISREG(_mode(place))
    archive = place if on_disk else io.BytesIO(read(source, path, MAX_ARCHIVE))
    _check_size(archive, path.name)
    inner = _zip(archive, MAX_BELOW, path.name)
    return Listing(
        tuple(Entry(path / entry.path, entry.kind, entry.why) for entry in inner.entries),
        inner.junk,
        tuple(f"{path}/{name}" for name in inner.astray),
        frozenset(path / folder for folder in inner.repositories),
        inner.code_page,
        tuple(f"{path}/{name}" for name in inner.too_deep),
    )


def read(source: Path, path: PurePosixPath, max_bytes: int) -> bytes:
    """The bytes of the file at ``path`` in a folder or a zip.

    Raises:
        BadSubmission: It is not a plain file, larger than ``max_bytes``, gone, or damaged inside its zip.
    """
    if not source.is_dir():
        return _read_member(source, source.name, path, max_bytes)
    place = source
    try:
        for n, part in enumerate(path.parts, start=1):
            place /= part
            mode = place.lstat().st_mode
            if stat.S_ISDIR(mode) and n < len(path.parts):
                continue
            if not stat.S_ISREG(mode):
                raise BadSubmission(
                    f"{place.name} is not a plain file (a link, a pipe or a device); hand in the file itself."
                )
            if n < len(path.parts):
                return _read_member(place, place.name, PurePosixPath(*path.parts[n:]), max_bytes)
            with place.open("rb") as file:
                return _bounded(file.read(max_bytes + 1), place.name, max_bytes)
    except OSError as error:
        raise BadSubmission(f"{place.name} cannot be read: {error.strerror}.") from None
    raise BadSubmission(f"{place.name} is a folder, not a file.")


def _folder(source: Path) -> Listing:
    """A class in a folder: what lies deep in one entry of it cannot keep the others from being listed."""
    try:
        with os.scandir(source) as rows:
            tops = sorted(itertools.islice(rows, MAX_MEMBERS + 1), key=lambda row: row.name)
    except OSError as error:
        raise UsageError(f"{source} cannot be read: {error.strerror}.") from None
    if len(tops) > MAX_MEMBERS:
        raise UsageError(f"{source} has too many entries; expected at most {MAX_MEMBERS}.")
    entries: list[Entry] = []
    junk, repositories = 0, set()
    for top in tops:
        waiting, below = [top], 0
        while waiting:
            row = waiting.pop()
            path = PurePosixPath(os.path.relpath(row.path, source))
            if row.name == ".git":
                repositories.add(path.parent)
            if is_junk(row.name):
                junk += 1
                continue
            kind, why, inside = _looked_at(row)
            if inside and len(path.parts) > MAX_DEPTH:
                kind, why, inside = UNREADABLE, f"it lies in more than {MAX_DEPTH} folders", []
            below += len(inside)
            if below > MAX_BELOW:
                kind, why, inside, waiting = UNREADABLE, f"there are more than {MAX_BELOW} files", [], []
            waiting += inside
            entries.append(Entry(path, kind, why))
    return Listing(tuple(entries), junk, (), frozenset(repositories))


def _looked_at(row: os.DirEntry) -> tuple[str, str, list[os.DirEntry]]:
    """What kind an entry of a folder is, why it is unreadable, and what lies directly in it, last name first."""
    try:
        if row.is_symlink():
            return LINK, "", []
        if not row.is_dir(follow_symlinks=False):
            return FILE if row.is_file(follow_symlinks=False) else OTHER, "", []
        with os.scandir(row.path) as rows:
            inside = itertools.islice(rows, MAX_BELOW + 1)
            return FOLDER, "", sorted(inside, key=lambda one: one.name, reverse=True)
    except OSError as error:
        return UNREADABLE, error.strerror or "it is damaged", []


def _mode(place: Path) -> int:
    """The kind and rights of a file, 0 where there is none."""
    try:
        return place.lstat().st_mode
    except OSError:
        return 0


@dataclass(frozen=True)
class _Zip:
    """An opened zip.

    Attributes:
        members: Path -> entry and its kind. Of two entries with one path the later, as unpacking would leave it.
        astray: Names that would lead out of the zip.
        too_deep: Beginnings of names that are nested too deeply, or too long.
    """

    file: zipfile.ZipFile
    members: Mapping[PurePosixPath, tuple[zipfile.ZipInfo, str]]
    astray: tuple[str, ...]
    code_page: str
    too_deep: tuple[str, ...] = ()


def _zip(archive: Path | io.BytesIO, most: int, called: str = "") -> Listing:
    opened = _opened(archive, called)
    if len(opened.file.infolist()) > most:
        raise BadSubmission(f"{called or archive} has {len(opened.file.infolist())} entries; expected at most {most}.")
    kinds = {path: kind for path, (_, kind) in opened.members.items()}
    for path in list(kinds):  # folders that are only in the names of what lies in them
        kinds |= {parent: FOLDER for parent in path.parents if parent.parts and parent not in kinds}
        if len(kinds) > 2 * most:
            raise BadSubmission(f"{called or archive} has more than {2 * most} files and folders; hand in fewer.")
    repositories = {PurePosixPath(*path.parts[: path.parts.index(".git")]) for path in kinds if ".git" in path.parts}
    kept = [Entry(path, kind) for path, kind in sorted(kinds.items()) if not any(map(is_junk, path.parts))]
    return Listing(
        tuple(kept), len(kinds) - len(kept), opened.astray, frozenset(repositories), opened.code_page, opened.too_deep
    )


def _opened(archive: Path | io.BytesIO, called: str) -> _Zip:
    try:
        if isinstance(archive, Path):
            about = archive.stat()
            return _opened_on_disk(archive, about.st_size, about.st_mtime_ns)
        return _read_directory(zipfile.ZipFile(archive))
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, OverflowError) as error:
        raise BadSubmission(f"{called or archive} is not a readable zip: {error}.") from None


@functools.lru_cache(maxsize=2)
def _opened_on_disk(archive: Path, size: int, changed: int) -> _Zip:
    """The zip of a class, which is read from for each student; threads may share it."""
    return _read_directory(zipfile.ZipFile(archive))


def _read_directory(file: zipfile.ZipFile) -> _Zip:
    infos = file.infolist()
    names, code_page = names_in(infos)
    members: dict[PurePosixPath, tuple[zipfile.ZipInfo, str]] = {}
    astray, too_deep = [], []
    for n, info in enumerate(infos):
        name = names[n].partition("\0")[0].replace("\\", "/")
        if name.count("/") > MAX_DEPTH or len(name) > MAX_NAME:  # before any path is made of it
            too_deep.append(f"{name[:TO_SHOW]}...")
            continue
        path = PurePosixPath(name)
        kind = LINK if stat.S_ISLNK(info.external_attr >> 16) else FOLDER if name.endswith("/") else FILE
        if path.is_absolute() or ".." in path.parts:
            astray.append(name)
        elif path.parts:
            members[path] = info, kind
    return _Zip(file, members, tuple(dict.fromkeys(astray)), code_page, tuple(dict.fromkeys(too_deep)))


def _check_size(archive: Path | io.BytesIO, called: str) -> None:
    """Refuse a student's zip whose directory alone would fill the memory: zipfile reads that before it is asked.

    Raises:
        BadSubmission: It holds too much, or is of the format for zips beyond 4 GiB.
    """
    with archive.open("rb") if isinstance(archive, Path) else io.BytesIO(archive.getvalue()) as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - END_RECORD - 0xFFFF))
        tail = file.read()
    for at in {len(tail) - END_RECORD, tail.rfind(b"PK\5\6")} & set(range(len(tail) - END_RECORD + 1)):
        size = int.from_bytes(tail[at + 12 : at + 16], "little")
        if tail[at : at + 4] == b"PK\5\6" and (size > MAX_BELOW * 256 or tail[max(0, at - 20) :][:4] == b"PK\6\7"):
            raise BadSubmission(f"{called} has too many entries; expected at most {MAX_BELOW}.")


def _read_member(archive: Path | io.BytesIO, called: str, path: PurePosixPath, max_bytes: int) -> bytes:
    opened = _opened(archive, called)
    if path in opened.members:
        return _unpacked(opened.file, *opened.members[path], path, max_bytes)
    for parent in path.parents:
        if parent in opened.members and opened.members[parent][1] == FILE:
            inner = io.BytesIO(_unpacked(opened.file, *opened.members[parent], parent, MAX_ARCHIVE))
            return _read_member(inner, parent.name, path.relative_to(parent), max_bytes)
    raise BadSubmission(f"{path} is no longer in the zip.")


def _unpacked(file: zipfile.ZipFile, info: zipfile.ZipInfo, kind: str, path: PurePosixPath, max_bytes: int) -> bytes:
    if kind == LINK:
        raise BadSubmission(f"{path} is a link inside the zip; hand in the file itself.")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # The other methods are unpacked whole before a byte is given out, however few are asked for.
        raise BadSubmission(f"{path} is packed by an unusual method; pack it as a plain zip.")
    if info.flag_bits & 1:
        raise BadSubmission(f"{path} cannot be read from the zip: it is encrypted. Pack it without a password.")
    try:
        # The size in the directory can lie: read one byte more than allowed and no further.
        with file.open(info) as member:
            data = member.read(max_bytes + 1)
    except Exception as error:  # zipfile and zlib raise a dozen kinds on damaged or locked data
        raise BadSubmission(f"{path} cannot be read from the zip: {error}.") from None
    return _bounded(data, path.name, max_bytes)


def _bounded(data: bytes, name: str, max_bytes: int) -> bytes:
    if len(data) > max_bytes:
        raise BadSubmission(f"{name} is larger than {max_bytes} bytes; clear its outputs and hand it in again.")
    return data
