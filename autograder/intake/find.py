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
MAX_NAME = 100  # bytes; a file name ends at 255, and ours get additions
IGNORED = {"__MACOSX", ".ipynb_checkpoints"}


@dataclass(frozen=True)
class Found:
    """One submission and where it lies.

    Attributes:
        student: Identifier, safe to be a file name and an nbgrader student id.
        source: The folder or the zip it was found in.
        members: Paths inside ``source`` of the notebooks that could be meant: one, or the submission is refused.
        notes: What had to be assumed.
    """

    student: str
    source: Path
    members: tuple[PurePosixPath, ...]
    notes: tuple[str, ...] = ()

    def read(self, max_bytes: int) -> bytes:
        """The submitted file.

        Raises:
            BadSubmission: There is none or more than one, it is not a plain file, larger than ``max_bytes``, or
                damaged inside its zip.
        """
        if not self.members:
            raise BadSubmission("The folder handed in holds no notebook.", Verdict.EMPTY)
        if len(self.members) > 1:
            names = ", ".join(map(str, self.members))
            raise BadSubmission(f"More than one notebook was handed in: {names}. Keep one of them.")
        if self.source.is_dir():
            return _read_file(self.source / self.members[0], max_bytes)
        return _read_member(self.source, self.members[0], max_bytes)


def find_submissions(path: Path, assignment: str) -> list[Found]:
    """All submissions under ``path``, by student.

    Args:
        path: ``<student>/<assignment>/<assignment>.ipynb`` or ``<student>.ipynb`` in a folder or zip, or one notebook.
        assignment: Name of the assignment.

    Raises:
        UsageError: Nothing is there, or nothing in it is a submission.
    """
    if not path.exists():
        raise UsageError(f"There is no {path}. Give a folder of submissions, a zip of one, or a notebook.")
    if path.is_dir():
        source, names = path, _files_below(path, assignment)
    elif path.is_file() and path.suffix.lower() == ".ipynb":
        in_tree = path.resolve().parent.name == assignment
        source = path.resolve().parents[2] if in_tree else path.parent
        names = [PurePosixPath(path.resolve().relative_to(source.resolve()) if in_tree else path.name)]
    elif path.is_file() and zipfile.is_zipfile(path):
        source, names = path, list(_members(path))
    else:
        raise UsageError(f"{path} is neither a folder, nor a zip, nor a notebook.")

    found = _by_student(source, names, assignment)
    if not found or (len(found) == 1 and len(found[0].members) > 1):  # perhaps one folder around the whole class
        found = _by_student(source, names, assignment, skip_top_folder=True) or found
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
        tops = {name.parts[0] for name in names if not _litter(name.parts[0])}
        if len(tops) != 1:
            return []
        base = PurePosixPath(tops.pop())
    candidates: dict[str, list[PurePosixPath]] = {}
    for name in names:
        parts = name.relative_to(base).parts if base in name.parents else ()
        if not parts or _litter(parts[0]):
            continue
        notebook = name.suffix.lower() == ".ipynb" and not any(map(_litter, parts))
        if len(parts) == 1 and notebook:
            candidates.setdefault(name.stem, []).append(name)
        elif len(parts) == 2 and notebook and parts[1].startswith(assignment):
            candidates.setdefault(parts[0], []).append(name)
        elif len(parts) in (2, 3) and parts[1] == assignment:  # also without a notebook: nobody is forgotten
            candidates.setdefault(parts[0], []).extend([name] if notebook and len(parts) == 3 else [])
    taken: set[str] = set()
    # Those whose name stays as it is come first, so that nobody can take another's by a name that is made safe.
    in_order = sorted(candidates, key=lambda raw: (_safe_name(raw) != raw, raw))
    found = [_choose(source, student, candidates[student], assignment, taken) for student in in_order]
    return sorted(found, key=lambda one: one.student)


def _choose(source: Path, raw_student: str, files: list[PurePosixPath], assignment: str, taken: set[str]) -> Found:
    """The notebook of a student; several only where it cannot be told which is meant."""
    student = _safe_name(raw_student)
    while student.casefold() in taken:  # two names that differ only in what is unsafe, or in case
        student += "_"
    taken.add(student.casefold())
    notes = [] if student == raw_student else [f"the name {raw_student!r} was changed to {student!r}"]
    exact = [file for file in files if file.name == f"{assignment}.ipynb"]
    in_own_folder = all(raw_student in file.parts for file in files)
    chosen = [max(exact, key=lambda file: len(file.parts))] if exact and in_own_folder else sorted(files)
    if len(files) > 1 and len(chosen) == 1:
        notes.append(f"of {len(files)} notebooks handed in, {assignment}.ipynb is graded")
    elif len(chosen) == 1 and not exact and len(chosen[0].parts) > 1:
        notes.append(f"the notebook was handed in as {chosen[0].name!r}")
    return Found(student, source, tuple(chosen), tuple(notes))


def _litter(part: str) -> bool:
    """Whether an editor or an operating system put this name there."""
    return part in IGNORED or part.startswith(".")


def _safe_name(name: str) -> str:
    """``name`` with everything that means something to a shell, a glob or a path replaced by an underscore.

    At its start also what makes a formula of a cell in a table of grades, and an option of a word in a command.
    """
    plain = re.sub(r"[^\w .@+-]", "_", unicodedata.normalize("NFC", name)).strip(" .")
    plain = re.sub(r"^[@+-]", "_", plain)
    return plain.encode("utf-8", "replace")[:MAX_NAME].decode("utf-8", "ignore").strip(" .") or "_"


def _files_below(folder: Path, assignment: str) -> list[PurePosixPath]:
    """Entries up to three levels down, links listed but not followed."""
    names: list[PurePosixPath] = []
    level: Iterable[Path] = [folder]
    for _ in range(3):
        entries = sorted(entry for parent in level for entry in _entries(parent))
        names += [PurePosixPath(entry.relative_to(folder).as_posix()) for entry in entries]
        links = [entry for entry in entries if entry.parent == folder and entry.is_symlink() and entry.is_dir()]
        names += [PurePosixPath(entry.name, assignment) for entry in links]  # not entered, but its student counts
        level = [entry for entry in entries if entry.is_dir() and not entry.is_symlink()]
    return names


def _entries(folder: Path) -> list[Path]:
    try:
        return list(itertools.islice(folder.iterdir(), MAX_MEMBERS))
    except OSError as error:
        raise UsageError(f"{folder} cannot be read: {error.strerror}.") from None


def _members(archive: Path) -> dict[PurePosixPath, zipfile.ZipInfo]:
    """Every entry of a zip by a path that cannot lead out of it; of two with one name the later counts."""
    try:
        with zipfile.ZipFile(archive) as file:
            infos = file.infolist()
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError, OSError) as error:
        raise UsageError(f"{archive} is not a readable zip: {error}.") from None
    if len(infos) > MAX_MEMBERS:
        raise UsageError(f"{archive} has {len(infos)} entries; expected at most {MAX_MEMBERS}.")
    named = {PurePosixPath(info.filename.replace("\\", "/")): info for info in infos}
    return {
        name: info for name, info in named.items() if name.parts and not name.is_absolute() and ".." not in name.parts
    }


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


def _read_member(archive: Path, name: PurePosixPath, max_bytes: int) -> bytes:
    info = _members(archive).get(name)
    if info is None:
        raise BadSubmission(f"{name} is no longer in the zip.")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise BadSubmission(f"{name} is a link inside the zip; hand in the file itself.")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # The other methods are unpacked whole before a byte is given out, however few are asked for.
        raise BadSubmission(f"{name} is packed by an unusual method; pack it as a plain zip.")
    try:
        # The size in the directory can lie: read one byte more than allowed and no further.
        with zipfile.ZipFile(archive) as file, file.open(info) as member:
            data = member.read(max_bytes + 1)
    except Exception as error:  # zipfile and zlib raise a dozen kinds on damaged or locked data
        raise BadSubmission(f"{name} cannot be read from the zip: {error}.") from None
    return _bounded(data, name.name, max_bytes)


def _bounded(data: bytes, name: str, max_bytes: int) -> bytes:
    if len(data) > max_bytes:
        raise BadSubmission(f"{name} is larger than {max_bytes} bytes; clear its outputs and hand it in again.")
    return data
