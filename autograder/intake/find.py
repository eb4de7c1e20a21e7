"""A folder, a zip or a notebook -> the hand-ins of a class: for each student one file, or a sentence why there is none.

Everything in the class is accounted for: it is somebody's hand-in, or it is listed as not recognised, or it is junk
that a platform or a system made. Who an entry belongs to is read in its name (platforms.py), never in its content, and
never depends on who else is there. A folder in a class is one student's, whatever lies in it: the names in there are
the student's choice, so nobody else is read out of them.
"""

import contextlib
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from autograder.errors import BadSubmission, UsageError
from autograder.intake import entries
from autograder.intake.composed import composed
from autograder.intake.entries import FILE, FOLDER, LINK, UNREADABLE, Entry, Listing, is_zip
from autograder.intake.identity import identifier
from autograder.intake.meant import MAX_COMPARED, NOTEBOOK, Choice, Top, chosen, shown, tasks_in
from autograder.intake.platforms import (
    OWN_FILES,
    Name,
    Told,
    gradescope_members,
    gradescope_problem,
    is_known,
    names,
    unclear,
)
from autograder.intake.what import by_name, instead_of_a_notebook
from autograder.results import Handin, NotRecognised, Verdict

MAX_OWN_FILE = 32 << 20  # bytes of a file that a platform wrote; Gradescope's holds histories of results
MAX_HEAD = 4096  # characters that are kept of any other; it may hold what a student commented
MAX_UNUSED = 1000  # files whose names are kept
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
            raise BadSubmission(f"More than one notebook was handed in: {shown(self.members)}. Keep one of them.")
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
    listing, downloads, doubts = _with_downloads(path, entries.listed(path), assignment)
    tops, remarks, around = _tops(path, listing, assignment, downloads)
    remarks += doubts
    told = _told(path, tops, assignment, listing.repositories)
    held: dict[str, list[tuple[Name, Top]]] = {}
    unknown = [NotRecognised(name, "its name leads out of the zip") for name in listing.astray]
    unknown += [NotRecognised(name, "it is nested too deeply or has too long a name") for name in listing.too_deep]
    nobodys, elsewhere = [], 0
    lies_in = {top.path: download for top in tops for download in downloads if download in top.path.parents}
    for top in sorted(tops, key=lambda top: top.path in lies_in):
        if top.inside and top.inside <= set(others):
            elsewhere += 1
            continue
        named = names(top.name, told, platform)
        for name in named:
            outside = [one for _, one in held.get(identifier(name.student), []) if one.path not in lies_in]
            if top.path in lies_in and outside:
                what = f"names a student who has {outside[0].name} beside {lies_in[top.path].name}; keep one of them"
                unknown.append(NotRecognised(str(top.path), what))
                continue
            held.setdefault(identifier(name.student), []).append((name, top))
        if not named and platform is None and (why := unclear(top.name, told)):
            unknown.append(NotRecognised(str(top.path), why))
        elif not named:
            nobodys.append(top)
    present = {name.handin.platform for one in held.values() for name, _ in one}
    for top in nobodys:
        alone = all(one.path == top.path for one in top.entries)  # in a zip a file may also be a folder
        own = OWN_FILES.fullmatch(top.name) if alone else None
        if own is None or own.lastgroup not in present:
            unknown.append(NotRecognised(str(top.path), _what(top)))
    if platform in (None, "gradescope"):  # also those of whom the export names no file
        for name in (one for people in gradescope_members(told).values() for one in people):
            held.setdefault(identifier(name.student), [(name, Top(PurePosixPath(), name.student))])
    if not held:
        seen = f" Found: {shown(repr(one.name) for one in unknown)}." if unknown else ""
        if why := next((one.what for one in unknown if "--from" in one.what), ""):
            seen += f" The first of these that are not clear {why}."
        raise UsageError(
            f"No submission was found in {path}. Expected <student>/{assignment}/{assignment}.ipynb or "
            f"<student>.ipynb in a folder, a learning platform's download, or a zip of any of these.{seen}"
        )
    found = tuple(_student(student, path, held[student], assignment, grade_ids) for student in sorted(held))
    if platform in (None, "gradescope") and (why := gradescope_problem(told)):
        remarks.append(f"submission_metadata.yml, which says who handed in, is not used: {why}.")
    if elsewhere:
        remarks.append(f"Folders that hold only another assignment: {elsewhere}.")
    if listing.junk:
        remarks.append(f"Left out because platforms, editors or systems make them: {listing.junk} files or folders.")
    if listing.code_page:
        remarks.append(f"The zip does not say how its names are written; they are read as {listing.code_page}.")
    if len(tops) == 1 and tops[0].kind == FOLDER and _holds_a_class(tops[0], assignment, listing):
        what = f"taken for one student's; if it is a folder around a class, grade {path / str(tops[0].path)}"
        if len(found[0].members) > 1:
            unknown.append(NotRecognised(str(tops[0].path), what))
        else:
            remarks.append(f"The one folder in {path.name}, {tops[0].name!r}, is {what}.")
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


def _with_downloads(path: Path, listing: Listing, assignment: str) -> tuple[Listing, list[PurePosixPath], list[str]]:
    """The listing with what lies in a platform's zips in zip_collect's ``archive``, where these are, and remarks.

    Such a folder also holds zips of single students, who choose the names in them. So a zip is a download only if a
    platform made all names in it, of two students or more.
    """
    archives = {"archive", f"{assignment}/archive", f"downloaded/{assignment}/archive"}
    archives |= {"."} if path.resolve().name == "archive" else set()
    downloads, remarks = [], []
    for one in listing.entries:
        if not is_zip(one) or str(one.path.parent) not in archives or is_known(one.path.name, Told(assignment)):
            continue
        try:
            inner = entries.listed_inside(path, one.path)
        except BadSubmission:
            continue  # it is an entry of the class like any other
        students, all_known = _students_in(_grouped(list(inner.entries), [one.path]), inner, assignment)
        if students > 1 and all_known:
            listing = listing.and_inside(inner)
            downloads.append(one.path)
        elif students:
            remarks.append(
                f"{one.path.name} is taken for one student's, though names in it are like a platform's. "
                "If it is a download of a class, grade it alone."
            )
    return listing, downloads, remarks


def _students_in(tops: list[Top], listing: Listing, assignment: str) -> tuple[int, bool]:
    """How many students a platform named in a zip, and whether it made all names in there."""
    while len(tops) == 1 and tops[0].kind == FOLDER and AROUND.fullmatch(tops[0].name):
        tops = _grouped(list(tops[0].entries), [tops[0].path])
    told = Told(assignment, {}, {top.name: top.inside for top in tops}, frozenset(p.name for p in listing.repositories))
    known = [top.name for top in tops if is_known(top.name, told)]
    students = {identifier(name.student) for one in known for name in names(one, told)}
    others = [top.name for top in tops if top.name not in {*known, *BESIDE} and not OWN_FILES.fullmatch(top.name)]
    return len(students), not others


def _tops(
    path: Path, listing: Listing, assignment: str, downloads: list[PurePosixPath]
) -> tuple[list[Top], list[str], str]:
    """The entries of a class, each with what lies below it; what had to be assumed; and ``Class.around``."""
    rows, root = list(listing.entries), PurePosixPath()
    remarks: list[str] = []
    while True:
        tops = _grouped(rows, [root, *(download for download in downloads if download.parent == root)])
        here = [top for top in tops if top.name not in BESIDE]
        if len(here) != 1 or here[0].kind != FOLDER:
            return tops, remarks, ""
        (lone,) = here
        if AROUND.fullmatch(lone.name) or (lone.name == assignment and "archive" in lone.inside):
            root = lone.path
            if beside := sorted(top.name for top in tops if top.name in BESIDE):
                remarks.append(f"nbgrader's own files are left out: {', '.join(beside)}.")
        elif lone.name == assignment and len(tops) == 1:  # the folder of one student was given
            return [Top(lone.path.parent, path.resolve().name.removesuffix(".zip"), lone.entries)], remarks, ""
        elif not path.is_dir() and len(tops) == 1 and _holds_a_class(lone, assignment, listing):
            remarks.append(f"The one folder in {path.name}, {lone.name!r}, is taken for a folder around the class.")
            return _grouped(rows, [lone.path]), remarks, lone.name
        else:
            return tops, remarks, ""


def _grouped(rows: list[Entry], roots: list[PurePosixPath]) -> list[Top]:
    """Entries by what they lie in, directly below the nearest root."""
    tops: dict[PurePosixPath, list[Entry]] = {}
    for one in rows:
        root = next((root for root in reversed(roots) if root in one.path.parents), None)
        if root is not None and one.path not in roots:
            tops.setdefault(PurePosixPath(*one.path.parts[: len(root.parts) + 1]), []).append(one)
    return [Top(path, path.name, tuple(sorted(below, key=lambda one: one.path))) for path, below in tops.items()]


def _holds_a_class(lone: Top, assignment: str, listing: Listing) -> bool:
    """Whether the one folder in a zip lies around several students, as programs that pack a folder make it.

    Never asked of a folder: there the instructor can see, and give, the right one.
    """
    told = Told(assignment, {}, {lone.name: lone.inside}, frozenset(path.name for path in listing.repositories))
    if f"{assignment}.ipynb" in lone.inside or is_known(lone.name, told):
        return False
    students = _grouped(list(lone.entries), [lone.path])
    return sum(any(NOTEBOOK.search(one.path.name) or is_zip(one) for one in top.entries) for top in students) > 1


def _told(path: Path, tops: list[Top], assignment: str, repositories: frozenset[PurePosixPath]) -> Told:
    """What the class says beyond the names of its entries."""
    folders = {top.name: top.inside for top in tops if top.kind in (FOLDER, UNREADABLE)}
    folders |= {top.name: frozenset() for top in tops if top.kind == LINK and _leads_to_a_folder(path / str(top.path))}
    texts = {}
    an_export = any(re.fullmatch(r"submission_\d+", top.name) for top in tops)
    for top in tops:
        if top.name == "submission_metadata.yml" and not an_export:
            continue  # a student's: it must not name others
        stamp = top.path / assignment / "timestamp.txt"
        for one in top.entries:
            if one.kind == FILE and (one.path == stamp or (one.path == top.path and OWN_FILES.fullmatch(top.name))):
                with contextlib.suppress(BadSubmission):
                    text = entries.read(path, one.path, MAX_OWN_FILE).decode("utf-8", "replace")
                    is_long = top.name.endswith(".yml")
                    name = PurePosixPath(top.name, *one.path.relative_to(top.path).parts)
                    texts[name] = text if is_long else text[:MAX_HEAD]
    return Told(assignment, texts, folders, frozenset(top.name for top in tops if top.path in repositories))


def _leads_to_a_folder(link: Path) -> bool:
    try:
        return link.is_dir()
    except OSError:  # its name is too long, or where it leads may not be looked at
        return False


def _what(top: Top) -> str:
    return {FILE: by_name(top.name), FOLDER: "a folder", LINK: "a link"}.get(top.kind, f"a {top.kind}")


def _student(
    student: str, source: Path, held: list[tuple[Name, Top]], assignment: str, grade_ids: frozenset[str]
) -> Found:
    """The submission of one student: the newest hand-in that holds a notebook."""
    platforms = {name.handin.platform for name, _ in held}
    entry = shown(f"{top.name} ({name.handin.platform})" for name, top in held)
    doubt = next((name.doubt for name, _ in held if name.doubt), "")
    if len(platforms) > 1 and not platforms <= {"flat", "nbgrader"}:
        doubt = f"Different platforms named entries after this student: {entry}. Keep those of one of them."
    elif len({name.ahead for name, _ in held}) > 1:
        doubt = f"These names can be of different users who are called {student!r} at the end: {entry}."
    if doubt:  # perhaps two persons
        handin = replace(held[0][0].handin, source=source.resolve().name)
        return Found(student, source, (), _renamed(held[0][0].student), handin, doubt)
    by_attempt: dict[tuple[str, str], list[tuple[Name, Top]]] = {}
    for name, top in held:
        by_attempt.setdefault((name.handin.platform, name.handin.attempt), []).append((name, top))
    ordered = len(platforms) == 1 and all(attempt for _, attempt in by_attempt)
    rounds = [by_attempt[key] for key in sorted(by_attempt, key=_in_time, reverse=True)] if ordered else [held]
    choices = [chosen(source, one, assignment, grade_ids) for one in rounds]
    n = next((n for n, choice in enumerate(choices) if choice.members), 0)
    if held[0][0].handin.platform == "canvas":  # whose files come one by one, also those of one hand-in
        n = _with_tasks(source, choices, grade_ids, n)
    choice, (name, _) = choices[n], rounds[n][0]
    notes = _renamed(name.student) + ((name.note,) if name.note else ())
    if len(rounds) > 1:
        rest = shown(top.name for m, one in enumerate(rounds) if m != n for _, top in one)
        notes += (f"of {len(rounds)} hand-ins the newest with a notebook is graded; not used: {rest}",)
    if name.handin.team:
        alone = name.handin.team == name.handin.name
        notes += (f"handed in by {'the team ' if alone else ''}{name.handin.team}",)
        notes += ("the names do not say who is in the team",) if alone else ()
    if name.handin.platform == "gradescope" and not name.handin.name:
        notes += (
            "the export does not say whose submission this is: its submission_metadata.yml is missing or not used",
        )
    unused = tuple(str(file) for one in choices for file in one.files if file not in choice.members[:1])
    if len(unused) > MAX_UNUSED:
        unused = (*unused[:MAX_UNUSED], f"and {len(unused) - MAX_UNUSED} more")
    file = str(choice.members[0]) if len(choice.members) == 1 else ""
    handin = replace(name.handin, source=source.resolve().name, file=file, unused=unused)
    notes = tuple(note.encode("utf-8", "replace").decode() for note in notes + choice.notes)  # they quote file names
    return Found(student, source, choice.members, notes, handin, choice.instead)


def _in_time(key: tuple[str, str]) -> tuple[int, str]:
    """Attempts in order: numbers by their value, times as they are written."""
    return (int(key[1]), "") if key[1].isdecimal() and key[1].isascii() else (0, key[1])


def _renamed(name: str) -> tuple[str, ...]:
    student = identifier(name)
    if student == composed(name):
        return ()
    return (f"the name {name!r} was changed to {student!r}",)


def _with_tasks(source: Path, choices: list[Choice], grade_ids: frozenset[str], n: int) -> int:
    """The newest choice that holds tasks of the assignment; ``n`` if none does."""
    several = [m for m, choice in enumerate(choices) if choice.members]
    if len(several) < 2:
        return n
    return next((m for m in several[:MAX_COMPARED] if tasks_in(source, choices[m].members[0], grade_ids)), n)
