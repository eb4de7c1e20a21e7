"""A folder, a zip or a notebook -> the hand-ins of a class: for each student one file, or a sentence why there is none.

Everything in the class is accounted for: it is somebody's hand-in, or it is listed as not recognised, or it is junk
that a platform or a system made. Who an entry belongs to is read in its name (platforms.py), never in its content, and
never depends on who else is there. A folder in a class is one student's, whatever lies in it: the names in there are
the student's choice, so nobody else is read out of them.
"""

import contextlib
import re
import unicodedata
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from autograder.errors import BadSubmission, UsageError
from autograder.intake import entries
from autograder.intake.entries import FILE, FOLDER, LINK, UNREADABLE, Entry, Listing, is_zip
from autograder.intake.identity import identifier
from autograder.intake.platforms import OWN_FILES, Name, Told, gradescope_members, names
from autograder.intake.what import by_name, instead_of_a_notebook
from autograder.results import Handin, NotRecognised, Verdict

MAX_DEPTH = 3  # zips in zips
MAX_ARCHIVES = 20  # that are looked into for one student
MAX_COMPARED = 20  # notebooks of one student that are read to tell which is meant
MAX_OWN_FILE = 32 << 20  # bytes of a file that a platform wrote; Gradescope's holds histories of results
MAX_COMPARED_BYTES = 16 << 20
TO_SHOW = 5  # file names in a sentence
NOTEBOOK = re.compile(r"\.ipynb(\.txt|\.json)?$", re.IGNORECASE)  # some browsers add an ending
# Folders that nbgrader and Gradescope put around a class. A student's name is none of these.
AROUND = re.compile(r"submitted|downloaded|archive|assignment_\d+_export")
BESIDE = {"source", "release", "autograded", "feedback", "gradebook.db", "nbgrader_config.py", "extracted"}


@dataclass(frozen=True)
class Found:
    """One submission and where it lies.

    Attributes:
        student: Identifier, safe to be a file name and an nbgrader student id.
        source: The folder or the zip it was found in.
        members: Paths inside ``source``, perhaps through zips, of the notebooks that could be meant: one, or the
            submission is refused.
        notes: What had to be assumed.
        handin: What the platform says of it.
        instead: What is in the place of a notebook, as a sentence; "" if nothing is.
    """

    student: str
    source: Path
    members: tuple[PurePosixPath, ...]
    notes: tuple[str, ...] = ()
    handin: Handin | None = None
    instead: str = ""

    def read(self, max_bytes: int) -> bytes:
        """The submitted file.

        Raises:
            BadSubmission: There is none or more than one, it is not a plain file, larger than ``max_bytes``, damaged
                inside its zip, or evidently something else than a notebook.
        """
        if self.instead:
            raise BadSubmission(self.instead)
        if not self.members:
            raise BadSubmission("The folder handed in holds no notebook.", Verdict.EMPTY)
        if len(self.members) > 1:
            raise BadSubmission(f"More than one notebook was handed in: {_shown(self.members)}. Keep one of them.")
        data = entries.read(self.source, self.members[0], max_bytes)
        if what := instead_of_a_notebook(data):
            raise BadSubmission(f"{self.members[0].name} is {what}. Hand in the notebook itself.")
        return data


@dataclass(frozen=True)
class Class:
    """What was found.

    Attributes:
        found: The submissions, by student.
        not_recognised: Entries that could not be told to be anybody's.
        remarks: What the instructor should know of how it was read.
        around: The folder in a zip that was taken for one around the class; "" if there is none.
    """

    found: tuple[Found, ...]
    not_recognised: tuple[NotRecognised, ...] = ()
    remarks: tuple[str, ...] = ()
    around: str = ""


@dataclass(frozen=True)
class _Top:
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
class _Choice:
    """What is graded of one hand-in, and what is not."""

    members: tuple[PurePosixPath, ...] = ()
    notes: tuple[str, ...] = ()
    instead: str = ""
    files: tuple[PurePosixPath, ...] = ()


def find_class(
    path: Path,
    assignment: str,
    platform: str | None = None,
    grade_ids: frozenset[str] = frozenset(),
    others: Iterable[str] = (),
) -> Class:
    """The hand-ins of a class.

    Args:
        path: A folder or a zip: what a learning platform gave out, an nbgrader tree
            (``<student>/<assignment>/<assignment>.ipynb``), or files and folders named after students. Or one notebook.
        assignment: Name of the assignment.
        platform: A name in :data:`autograder.intake.platforms.PLATFORMS`, to read names in this way only.
        grade_ids: nbgrader's ids of the assignment's cells; of several notebooks the one that holds them is meant.
        others: Names of the course's other assignments, whose folders in an nbgrader tree are not looked into.

    Raises:
        UsageError: Nothing is there, or nothing in it is a submission.
    """
    if not path.exists():
        raise UsageError(f"There is no {path}. Give a folder of submissions, a zip of one, or a notebook.")
    if path.is_file() and path.suffix.lower() == ".ipynb":
        return _one_notebook(path, assignment, platform)
    if not path.is_dir() and not (path.is_file() and zipfile.is_zipfile(path)):
        raise UsageError(f"{path} is neither a folder, nor a zip, nor a notebook.")
    listing = entries.listed(path)
    tops, remarks, around = _tops(path, listing, assignment)
    told = _told(path, tops, assignment, listing.repositories)
    held: dict[str, list[tuple[Name, _Top]]] = {}
    unknown = [NotRecognised(name, "its name leads out of the zip") for name in listing.astray]
    elsewhere = 0
    for top in tops:
        if top.inside and top.inside <= set(others):
            elsewhere += 1
            continue
        named = names(top.name, told, platform)
        for name in named:
            held.setdefault(identifier(name.student), []).append((name, top))
        if not named and not OWN_FILES.fullmatch(top.name):
            unknown.append(NotRecognised(str(top.path), _what(top)))
    if platform in (None, "gradescope"):  # also those of whom the export names no file
        for name in (one for people in gradescope_members(told).values() for one in people):
            held.setdefault(identifier(name.student), [(name, _Top(PurePosixPath(), name.student))])
    if not held:
        seen = f" Found: {_shown(one.name for one in unknown)}." if unknown else ""
        raise UsageError(
            f"No submission was found in {path}. Expected <student>/{assignment}/{assignment}.ipynb or "
            f"<student>.ipynb in a folder, a learning platform's download, or a zip of any of these.{seen}"
        )
    found = tuple(_student(student, path, held[student], assignment, grade_ids) for student in sorted(held))
    if elsewhere:
        remarks.append(f"{elsewhere} students handed in only another assignment.")
    if listing.junk:
        remarks.append(f"{listing.junk} entries that platforms, editors or systems make are left out.")
    if listing.code_page:
        remarks.append(f"The zip does not say how its names are written; they are read as {listing.code_page}.")
    if len(tops) == 1 and tops[0].kind == FOLDER and len(found[0].members) > 1:
        what = f"taken for one student's; if it is a folder around a class, grade {path / str(tops[0].path)}"
        unknown.append(NotRecognised(str(tops[0].path), what))
    return Class(found, tuple(unknown), tuple(remarks), around)


def _one_notebook(path: Path, assignment: str, platform: str | None) -> Class:
    """A class of one: a notebook by its own path."""
    whole = path.resolve()
    if whole.parent.name == assignment:
        source, student = whole.parents[2], whole.parents[1].name
        told = Told(assignment, folders={student: frozenset({assignment})})
    else:
        source, student, told = path.parent, path.name, Told(assignment)
    name = (names(student, told, platform) or (Name(path.stem, Handin("flat", id=path.stem)),))[0]
    member = PurePosixPath(whole.relative_to(source) if whole.parent.name == assignment else path.name)
    handin = replace(name.handin, source=source.resolve().name, file=str(member))
    return Class((Found(identifier(name.student), source, (member,), _renamed(name.student), handin),))


def _tops(path: Path, listing: Listing, assignment: str) -> tuple[list[_Top], list[str], str]:
    """The entries of a class, each with what lies below it; what had to be assumed; and ``Class.around``."""
    rows, roots = list(listing.entries), [PurePosixPath()]
    remarks: list[str] = []
    while True:
        tops = _grouped(rows, roots)
        here = [top for top in tops if top.name not in BESIDE]
        if len(here) != 1 or here[0].kind != FOLDER:
            return tops, remarks, ""
        (lone,) = here
        if AROUND.fullmatch(lone.name) or (lone.name == assignment and "archive" in lone.inside):
            roots = [lone.path]
            if beside := sorted(top.name for top in tops if top.name in BESIDE):
                remarks.append(f"nbgrader's own files are left out: {', '.join(beside)}.")
            if lone.name == "archive":  # zip_collect's: a platform's zips as they came
                zips = [one for one in lone.entries if one.path.parent == lone.path and is_zip(one)]
                inner = {one.path: _inside(path, one) for one in zips}
                roots += [zipped for zipped, lie_in in inner.items() if lie_in]
                rows += [one for lie_in in inner.values() for one in lie_in]
        elif lone.name == assignment and len(tops) == 1:  # the folder of one student was given
            return [_Top(lone.path.parent, path.resolve().name.removesuffix(".zip"), lone.entries)], remarks, ""
        elif not path.is_dir() and len(tops) == 1 and _holds_a_class(lone, assignment, listing):
            remarks.append(f"The one folder in {path.name}, {lone.name!r}, is taken for a folder around the class.")
            return _grouped(rows, [lone.path]), remarks, lone.name
        else:
            return tops, remarks, ""


def _grouped(rows: list[Entry], roots: list[PurePosixPath]) -> list[_Top]:
    """Entries by what they lie in, directly below the nearest root."""
    tops: dict[PurePosixPath, list[Entry]] = {}
    for one in rows:
        root = next((root for root in reversed(roots) if root in one.path.parents), None)
        if root is not None and one.path not in roots:
            tops.setdefault(PurePosixPath(*one.path.parts[: len(root.parts) + 1]), []).append(one)
    return [_Top(path, path.name, tuple(sorted(below, key=lambda one: one.path))) for path, below in tops.items()]


def _inside(path: Path, archive: Entry) -> list[Entry]:
    """What lies in a zip in a class; nothing if it cannot be read: it is then an entry of the class like any other."""
    try:
        return list(entries.listed_inside(path, archive.path).entries)
    except BadSubmission:
        return []


def _holds_a_class(lone: _Top, assignment: str, listing: Listing) -> bool:
    """Whether the one folder in a zip lies around several students, as programs that pack a folder make it.

    Never asked of a folder: there the instructor can see, and give, the right one.
    """
    told = Told(assignment, {}, {}, frozenset(path.name for path in listing.repositories))
    if assignment in lone.inside or names(lone.name, told):
        return False
    students = _grouped(list(lone.entries), [lone.path])
    return sum(any(NOTEBOOK.search(one.path.name) or is_zip(one) for one in top.entries) for top in students) > 1


def _told(path: Path, tops: list[_Top], assignment: str, repositories: frozenset[PurePosixPath]) -> Told:
    """What the class says beyond the names of its entries."""
    folders = {top.name: top.inside for top in tops if top.kind == FOLDER}
    folders |= {top.name: frozenset() for top in tops if top.kind == LINK and _leads_to_a_folder(path / str(top.path))}
    texts = {}
    for top in tops:
        stamp = top.path / assignment / "timestamp.txt"
        for one in top.entries:
            if one.kind == FILE and (one.path == stamp or (one.path == top.path and OWN_FILES.fullmatch(top.name))):
                with contextlib.suppress(BadSubmission):
                    text = entries.read(path, one.path, MAX_OWN_FILE).decode("utf-8", "replace")
                    texts[PurePosixPath(top.name, *one.path.relative_to(top.path).parts)] = text
    return Told(assignment, texts, folders, frozenset(top.name for top in tops if top.path in repositories))


def _leads_to_a_folder(link: Path) -> bool:
    try:
        return link.is_dir()
    except OSError:  # its name is too long, or where it leads may not be looked at
        return False


def _what(top: _Top) -> str:
    return {FILE: by_name(top.name), FOLDER: "a folder", LINK: "a link"}.get(top.kind, f"a {top.kind}")


def _student(
    student: str, source: Path, held: list[tuple[Name, _Top]], assignment: str, grade_ids: frozenset[str]
) -> Found:
    """The submission of one student: the newest hand-in that holds a notebook."""
    by_attempt: dict[tuple[str, str], list[tuple[Name, _Top]]] = {}
    for name, top in held:
        by_attempt.setdefault((name.handin.platform, name.handin.attempt), []).append((name, top))
    ordered = len({platform for platform, _ in by_attempt}) == 1 and all(attempt for _, attempt in by_attempt)
    rounds = [by_attempt[key] for key in sorted(by_attempt, key=_in_time, reverse=True)] if ordered else [held]
    choices = [_chosen(source, one, assignment, grade_ids) for one in rounds]
    n = next((n for n, choice in enumerate(choices) if choice.members), 0)
    if held[0][0].handin.platform == "canvas":  # whose files come one by one, also those of one hand-in
        n = _with_tasks(source, choices, grade_ids, n)
    choice, (name, top) = choices[n], rounds[n][0]
    notes = _renamed(name.student)
    if len(rounds) > 1:
        rest = _shown(top.name for m, one in enumerate(rounds) if m != n for _, top in one)
        notes += (f"of {len(rounds)} hand-ins the newest with a notebook is graded; not used: {rest}",)
    if name.handin.team:
        alone = name.handin.team == name.handin.name
        notes += (f"handed in by {'the team ' if alone else ''}{name.handin.team}",)
        notes += ("the names do not say who is in the team",) if alone else ()
    if name.handin.platform == "gradescope" and not name.handin.name:
        notes += ("the export does not say whose submission this is: its submission_metadata.yml is missing",)
    unused = tuple(str(file) for one in choices for file in one.files if file not in choice.members[:1])
    file = str(choice.members[0]) if len(choice.members) == 1 else ""
    handin = replace(name.handin, source=source.resolve().name, file=file, unused=unused)
    return Found(student, source, choice.members, notes + choice.notes, handin, choice.instead)


def _in_time(key: tuple[str, str]) -> tuple[int, str]:
    """Attempts in order: numbers by their value, times as they are written."""
    return (int(key[1]), "") if key[1].isdecimal() and key[1].isascii() else (0, key[1])


def _renamed(name: str) -> tuple[str, ...]:
    student = identifier(name)
    if student == unicodedata.normalize("NFC", name):
        return ()
    return (f"the name {name!r} was changed to {student!r}",)


def _with_tasks(source: Path, choices: list[_Choice], grade_ids: frozenset[str], n: int) -> int:
    """The newest choice that holds tasks of the assignment; ``n`` if none does."""
    several = [m for m, choice in enumerate(choices) if choice.members]
    if len(several) < 2:
        return n
    return next((m for m in several[:MAX_COMPARED] if _tasks(source, choices[m].members[0], grade_ids)), n)


def _chosen(source: Path, held: list[tuple[Name, _Top]], assignment: str, grade_ids: frozenset[str]) -> _Choice:
    """The notebook of one hand-in; several only where it cannot be told which is meant."""
    files = [_File(one, _called(name, top, one)) for name, top in held for one in top.entries if one.kind != FOLDER]
    files = [file for file in files if not OWN_FILES.fullmatch(file.called)]
    problems = [f"{file.called} cannot be read: {file.entry.why}" for file in files if file.entry.kind == UNREADABLE]
    notebooks = [file for file in files if file.is_notebook and file.entry.kind == FILE]
    archives, depth = [file for file in files if is_zip(file.entry)], 0
    while archives and not notebooks and depth < MAX_DEPTH:
        inner, more = _unpacked(source, archives[:MAX_ARCHIVES])
        files, problems, depth = files + inner, problems + more, depth + 1
        notebooks = [file for file in inner if file.is_notebook and file.entry.kind == FILE]
        archives = [file for file in inner if is_zip(file.entry)]
    paths = tuple(file.entry.path for file in files)
    if not notebooks:
        notebooks = [file for file in files if file.is_notebook][:1]  # a link or a pipe: read() says so
    if not notebooks:
        folders = [top for _, top in held if top.kind == FOLDER and NOTEBOOK.search(top.name) and not files]
        if folders:
            return _Choice((folders[0].path,))
        return _Choice(instead=_instead(files, problems, assignment), files=paths)
    meant, why = _meant(source, notebooks, held, assignment, grade_ids)
    notes = tuple(f"not looked at: {problem}" for problem in problems[:TO_SHOW])
    if len(meant) == 1:
        called, alone = meant[0].called, len(held) == 1 and held[0][1].path == meant[0].entry.path
        if len(notebooks) > 1:
            notes = (f"of {len(notebooks)} notebooks handed in, {called} is graded: {why}", *notes)
        elif called != f"{assignment}.ipynb" and not (alone and held[0][0].handin.platform == "flat"):
            notes = (f"the notebook was handed in as {called!r}", *notes)
    return _Choice(tuple(file.entry.path for file in meant), notes, "", paths)


def _called(name: Name, top: _Top, one: Entry) -> str:
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
    return files, problems


def _meant(
    source: Path,
    notebooks: list[_File],
    held: list[tuple[Name, _Top]],
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
    counts = [_tasks(source, file.entry.path, grade_ids) for file in pool]
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


def _tasks(source: Path, path: PurePosixPath, grade_ids: frozenset[str]) -> int:
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
    return "a zip archive without a notebook" if is_zip(file.entry) else by_name(file.called)


def _shown(names: Iterable[object]) -> str:
    """Some names in a sentence, and how many more there are."""
    texts = [str(name) for name in names]
    return ", ".join(texts[:TO_SHOW]) + (f" and {len(texts) - TO_SHOW} more" if len(texts) > TO_SHOW else "")
