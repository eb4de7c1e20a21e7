"""One hand-in -> the notebook in it that is meant, or a sentence on what is there in its place.

The only notebook is meant, at any depth, in zips too, and whatever it is called. Of several, the one with the released
name; else the one that holds the assignment's tasks; else nobody can tell, and the hand-in is refused.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from autograder.errors import BadSubmission
from autograder.intake import entries
from autograder.intake.entries import FILE, FOLDER, UNREADABLE, Entry, is_zip
from autograder.intake.platforms import OWN_FILES, Name
from autograder.intake.what import by_name

MAX_DEPTH = 3  # zips in zips
MAX_ARCHIVES = 20  # that are looked into for one hand-in
MAX_COMPARED = 20  # notebooks that are read to tell which is meant
MAX_COMPARED_BYTES = 16 << 20
TO_SHOW = 5  # file names in a sentence
NOTEBOOK = re.compile(r"\.ipynb(\.txt|\.json)?$", re.IGNORECASE)  # some browsers add an ending


@dataclass(frozen=True)
class Top:
    """One entry of a class, and everything below it.

    Attributes:
        entries: Itself first, where it is listed.
    """

    path: PurePosixPath
    name: str
    entries: tuple[Entry, ...] = ()

    @property
    def kind(self) -> str:
        listed = self.entries and self.entries[0].path == self.path
        return self.entries[0].kind if listed else FOLDER

    @property
    def inside(self) -> frozenset[str]:
        """Names of what lies directly in it."""
        depth = len(self.path.parts)
        return frozenset(one.path.parts[depth] for one in self.entries if len(one.path.parts) > depth)


@dataclass(frozen=True)
class _File:
    """One file of a student.

    Attributes:
        called: Its name as the student gave it.
    """

    entry: Entry
    called: str

    @property
    def is_notebook(self) -> bool:
        return NOTEBOOK.search(self.called) is not None


@dataclass(frozen=True)
class Choice:
    """What is graded of one hand-in, and what is not."""

    members: tuple[PurePosixPath, ...] = ()
    notes: tuple[str, ...] = ()
    instead: str = ""
    files: tuple[PurePosixPath, ...] = ()


def chosen(source: Path, held: list[tuple[Name, Top]], assignment: str, grade_ids: frozenset[str]) -> Choice:
    """The notebook of one hand-in; several only where it cannot be told which is meant."""
    files = [
        _File(one, _called(name, top, one))
        for name, top in held
        for one in top.entries
        if one.kind != FOLDER and not _is_platforms_own(name, top, one, assignment)
    ]
    problems = [f"{file.called} cannot be read: {file.entry.why}" for file in files if file.entry.kind == UNREADABLE]
    notebooks = [file for file in files if file.is_notebook and file.entry.kind == FILE]
    archives, depth = [file for file in files if is_zip(file.entry)], 0
    while archives and not notebooks and depth < MAX_DEPTH:
        inner, more = _unpacked(source, archives[:MAX_ARCHIVES])
        if len(archives) > MAX_ARCHIVES:
            more.append(f"only {MAX_ARCHIVES} of {len(archives)} zips are looked into")
        files, problems, depth = files + inner, problems + more, depth + 1
        notebooks = [file for file in inner if file.is_notebook and file.entry.kind == FILE]
        archives = [file for file in inner if is_zip(file.entry)]
    paths = tuple(file.entry.path for file in files)
    if not notebooks:
        notebooks = [file for file in files if file.is_notebook][:1]  # a link or a pipe: read() says so
    if not notebooks:
        folders = [top for _, top in held if top.kind == FOLDER and NOTEBOOK.search(top.name) and not files]
        if folders:
            return Choice((folders[0].path,))
        return Choice(instead=_instead(files, problems, assignment), files=paths)
    meant, why = _meant(source, notebooks, held, assignment, grade_ids)
    notes = tuple(f"not looked at: {problem}" for problem in problems[:TO_SHOW])
    if len(meant) == 1:
        called, alone = meant[0].called, len(held) == 1 and held[0][1].path == meant[0].entry.path
        if len(notebooks) > 1:
            notes = (f"of {len(notebooks)} notebooks handed in, {called} is graded: {why}", *notes)
        elif called != f"{assignment}.ipynb" and not (alone and held[0][0].handin.platform == "flat"):
            notes = (f"the notebook was handed in as {called!r}", *notes)
    return Choice(tuple(file.entry.path for file in meant), notes, "", paths)


def _is_platforms_own(name: Name, top: Top, one: Entry, assignment: str) -> bool:
    """Whether the platform wrote this file, and not the student."""
    own = OWN_FILES.fullmatch(one.path.name)
    where_it_writes = one.path in (top.path, top.path / assignment / "timestamp.txt")
    return own is not None and own.lastgroup == name.handin.platform and where_it_writes


def _called(name: Name, top: Top, one: Entry) -> str:
    """The name that the student gave a file."""
    return name.file or one.path.name if one.path == top.path else one.path.name


def _unpacked(source: Path, archives: list[_File]) -> tuple[list[_File], list[str]]:
    files, problems = [], []
    for archive in archives:
        try:
            inner = entries.listed_inside(source, archive.entry.path)
        except BadSubmission as refusal:
            problems.append(str(refusal).rstrip("."))
            continue
        files += [_File(one, one.path.name) for one in inner.entries if one.kind != FOLDER]
        problems += [f"{name} leads out of the zip" for name in inner.astray]
        problems += [f"{name} is nested too deeply or has too long a name" for name in inner.too_deep]
    return files, problems


def _meant(
    source: Path,
    notebooks: list[_File],
    held: list[tuple[Name, Top]],
    assignment: str,
    grade_ids: frozenset[str],
) -> tuple[list[_File], str]:
    """Which of a student's notebooks is meant, and why; several where it cannot be told."""
    if len(notebooks) == 1:
        return notebooks, ""
    if len(held) > 1 and held[0][0].handin.platform in ("flat", "nbgrader", "github"):
        return notebooks, ""  # two entries of one name: perhaps two students
    if held[0][0].handin.platform == "nbgrader":
        place = held[0][1].path / assignment / f"{assignment}.ipynb"
        if exact := [file for file in notebooks if file.entry.path == place]:
            return exact, "it is in nbgrader's place"
    named = [file for file in notebooks if file.called == f"{assignment}.ipynb"]
    if len(named) == 1:
        return named, "it has the name that was given out"
    pool = (named or notebooks)[: MAX_COMPARED + 1]
    if len(pool) > MAX_COMPARED:
        return notebooks, ""
    counts = [tasks_in(source, file.entry.path, grade_ids) for file in pool]
    best = [file for file, count in zip(pool, counts, strict=True) if count == max(counts)]
    if len(best) == 1:
        return best, "it holds the tasks"
    contents = {_content(source, file.entry.path) for file in best}
    if len(contents) == 1 and None not in contents:
        return best[:1], "the others are copies of it"
    return best, ""


def _content(source: Path, path: PurePosixPath) -> bytes | None:
    try:
        return entries.read(source, path, MAX_COMPARED_BYTES)
    except BadSubmission:
        return None


def tasks_in(source: Path, path: PurePosixPath, grade_ids: frozenset[str]) -> int:
    """How many of the assignment's cells a notebook names: in their metadata, or as functions where these are lost."""
    content = _content(source, path) or b""
    return sum(grade_id.encode() in content for grade_id in grade_ids)


def _instead(files: list[_File], problems: list[str], assignment: str) -> str:
    """The sentence on a hand-in without a notebook; "" if there is nothing at all."""
    if problems:
        return f"No notebook was found: {'; '.join(problems[:TO_SHOW])}. Hand in {assignment}.ipynb."
    if not files:
        return ""
    what = [f"{file.called} ({_kind(file)})" for file in files[:TO_SHOW]]
    more = f" and {len(files) - TO_SHOW} more files" if len(files) > TO_SHOW else ""
    return f"No notebook was handed in, but {', '.join(what)}{more}. Hand in {assignment}.ipynb."


def _kind(file: _File) -> str:
    if file.entry.kind != FILE:
        return f"a {file.entry.kind}"
    return by_name(file.called)


def shown(names: Iterable[object]) -> str:
    """Some names in a sentence, and how many more there are."""
    texts = [str(name) for name in names]
    return ", ".join(texts[:TO_SHOW]) + (f" and {len(texts) - TO_SHOW} more" if len(texts) > TO_SHOW else "")
