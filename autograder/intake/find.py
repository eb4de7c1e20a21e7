"""Finds the submissions in an nbgrader tree, a flat folder, a zip of either, or a single notebook.

Nothing is unpacked: a zip's members are read one by one, in memory and within bounds, so no name in it can reach a
path of ours. Links are never followed.
"""

import itertools
import re
import stat
import unicodedata
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from autograder.errors import BadSubmission, UsageError
from autograder.results import Verdict

MAX_MEMBERS = 200_000
IGNORED = {"__MACOSX", ".ipynb_checkpoints"}


@dataclass(frozen=True)
class Found:
    """One submission and where it lies.

    Attributes:
        student: Identifier, safe to be a file name and an nbgrader student id.
        source: The folder or the zip it was found in.
        member: Path inside ``source``; None when a folder was handed in without a notebook.
        notes: What had to be assumed.
    """

    student: str
    source: Path
    member: PurePosixPath | None
    notes: tuple[str, ...] = ()

    def read(self, max_bytes: int) -> bytes:
        """The submitted file.

        Raises:
            BadSubmission: It is missing, not a plain file, larger than ``max_bytes``, or damaged inside its zip.
        """
        if self.member is None:
            raise BadSubmission("The folder handed in holds no notebook.", Verdict.EMPTY)
        if self.source.is_dir():
            return _read_file(self.source / self.member, max_bytes)
        return _read_member(self.source, str(self.member), max_bytes)


def find_submissions(path: Path, assignment: str) -> list[Found]:
    """All submissions under ``path``, by student.

    Args:
        path: ``<student>/<assignment>/<assignment>.ipynb`` or ``<student>.ipynb`` in a folder or zip, or one notebook.
        assignment: Name of the assignment.

    Raises:
        UsageError: Nothing is there, nothing in it is a submission, or one student appears twice.
    """
    if not path.exists():
        raise UsageError(f"There is no {path}. Give a folder of submissions, a zip of one, or a notebook.")
    if path.is_dir():
        source, names = path, _files_below(path)
    elif zipfile.is_zipfile(path):
        source, names = path, _members(path)
    elif path.suffix == ".ipynb":
        source, names = path.parent, [PurePosixPath(path.name)]
    else:
        raise UsageError(f"{path} is neither a folder, nor a zip, nor a notebook.")

    names = [name for name in names if not any(part in IGNORED or part.startswith(".") for part in name.parts)]
    found = _by_student(source, names, assignment) or _by_student(source, names, assignment, skip_top_folder=True)
    if not found:
        raise UsageError(
            f"No submission was found in {path}. Expected <student>/{assignment}/{assignment}.ipynb or "
            "<student>.ipynb in a folder, or a zip of either."
        )
    return found


def _by_student(
    source: Path, names: list[PurePosixPath], assignment: str, *, skip_top_folder: bool = False
) -> list[Found]:
    """Submissions among ``names``; with ``skip_top_folder`` below the one folder they all share."""
    base = PurePosixPath()
    if skip_top_folder:
        tops = {name.parts[0] for name in names if len(name.parts) > 1}
        if len(tops) != 1:
            return []
        base = PurePosixPath(tops.pop())
    candidates: dict[str, list[PurePosixPath]] = {}
    for name in names:
        if base not in name.parents:
            continue
        parts = name.relative_to(base).parts
        notebook = name.suffix == ".ipynb"
        if len(parts) == 1 and notebook:
            candidates.setdefault(name.stem, []).append(name)
        elif len(parts) == 2 and notebook and parts[1].startswith(assignment):
            candidates.setdefault(parts[0], []).append(name)
        elif len(parts) == 3 and parts[1] == assignment:
            candidates.setdefault(parts[0], []).extend([name] if notebook else [])
    taken: set[str] = set()
    return [_choose(source, student, files, assignment, taken) for student, files in sorted(candidates.items())]


def _choose(source: Path, raw_student: str, files: list[PurePosixPath], assignment: str, taken: set[str]) -> Found:
    """The one notebook of a student."""
    student = _safe_name(raw_student)
    while student.casefold() in taken:  # two names that differ only in what is unsafe, or in case
        student += "_"
    taken.add(student.casefold())
    notes = [] if student == raw_student else [f"the name {raw_student!r} was changed to {student!r}"]
    exact = [file for file in files if file.name == f"{assignment}.ipynb"]
    chosen = exact or files
    if len(chosen) > 1:
        raise UsageError(
            f"{raw_student} handed in more than one notebook: {', '.join(map(str, sorted(chosen)))}. Keep one of them."
        )
    if chosen and not exact and len(chosen[0].parts) > 1:
        notes.append(f"the notebook was handed in as {chosen[0].name!r}")
    return Found(student, source, chosen[0] if chosen else None, tuple(notes))


def _safe_name(name: str) -> str:
    """``name`` with everything that means something to a shell, a glob or a path replaced by an underscore."""
    plain = re.sub(r"[^\w .@+-]", "_", unicodedata.normalize("NFC", name)).strip(" .")[:100]
    return plain or "_"


def _files_below(folder: Path) -> list[PurePosixPath]:
    """Entries up to three levels down, links listed but not followed."""
    names: list[PurePosixPath] = []
    level: Iterable[Path] = [folder]
    for _ in range(3):
        entries = sorted(entry for parent in level for entry in _entries(parent))
        names += [PurePosixPath(entry.relative_to(folder).as_posix()) for entry in entries]
        level = [entry for entry in entries if entry.is_dir() and not entry.is_symlink()]
    return [*names, *_empty_assignments(folder, names)]


def _entries(folder: Path) -> list[Path]:
    try:
        return list(itertools.islice(folder.iterdir(), MAX_MEMBERS))
    except OSError as error:
        raise UsageError(f"{folder} cannot be read: {error.strerror}.") from None


def _empty_assignments(folder: Path, names: list[PurePosixPath]) -> list[PurePosixPath]:
    """A made-up file name in each empty ``<student>/<assignment>`` folder, so that its student is not forgotten."""
    return [
        name / "nothing"
        for name in names
        if len(name.parts) == 2 and (folder / name).is_dir() and not any((folder / name).iterdir())
    ]


def _members(archive: Path) -> list[PurePosixPath]:
    try:
        with zipfile.ZipFile(archive) as file:
            infos = file.infolist()
    except (zipfile.BadZipFile, OSError) as error:
        raise UsageError(f"{archive} is not a readable zip: {error}.") from None
    if len(infos) > MAX_MEMBERS:
        raise UsageError(f"{archive} has {len(infos)} entries; expected at most {MAX_MEMBERS}.")
    names = dict.fromkeys(PurePosixPath(info.filename) for info in infos if not info.is_dir())
    return [name for name in names if not name.is_absolute() and ".." not in name.parts]


def _read_file(path: Path, max_bytes: int) -> bytes:
    try:
        mode = path.lstat().st_mode
        if not stat.S_ISREG(mode):
            raise BadSubmission(
                f"{path.name} is not a plain file (a link, a pipe or a device); hand in the file itself."
            )
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise BadSubmission(f"{path.name} cannot be read: {error.strerror}.") from None
    return _bounded(data, path.name, max_bytes)


def _read_member(archive: Path, name: str, max_bytes: int) -> bytes:
    try:
        with zipfile.ZipFile(archive) as file:
            info = file.getinfo(name)
            if stat.S_ISLNK(info.external_attr >> 16):
                raise BadSubmission(f"{name} is a link inside the zip; hand in the file itself.")
            # The size in the directory can lie: read one byte more than allowed and no further.
            with file.open(info) as member:
                data = member.read(max_bytes + 1)
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        KeyError,
        OSError,
        EOFError,
        RuntimeError,
        NotImplementedError,
    ) as error:
        raise BadSubmission(f"{name} cannot be read from the zip: {error}.") from None
    except Exception as error:  # zlib, bz2 and lzma each raise their own on damaged data
        raise BadSubmission(f"{name} is damaged inside the zip: {error}.") from None
    return _bounded(data, name, max_bytes)


def _bounded(data: bytes, name: str, max_bytes: int) -> bytes:
    if len(data) > max_bytes:
        raise BadSubmission(f"{name} is larger than {max_bytes} bytes; clear its outputs and hand it in again.")
    return data
