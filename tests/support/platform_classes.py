"""A class of twelve as each learning platform gives it out: names, folders and files of its scheme, made in memory.

Two are late, one handed in twice, one a zip in place of a notebook, one a PDF. Two have names that are not ASCII, and
two handed in together. A second round has the same people with other numbers of attachments and other times.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Person:
    """A student. ``user`` is a login, ``number`` what a platform's database has."""

    name: str
    user: str
    number: int


PEOPLE = [
    Person(name, user, 4101 + 7 * n)
    for n, (name, user) in enumerate(
        [
            ("Ann Archer", "aarcher"),
            ("Ben Late", "blate"),
            ("Cem Late", "clate"),
            ("Dora Twice", "d_twice"),
            ("Emil Zipped", "ezipped"),
            ("Fred Pdf", "fpdf"),
            ("Zoë Ågren", "zagren"),
            ("王 伟", "wwang"),
            ("Hugo O'Hara", "hohara"),
            ("Ines de la Cruz", "icruz"),
            ("Jane Doe", "jdoe"),
            ("John Roe", "jroe"),
        ]
    )
]
LATE, TWICE, ZIPPED, WRONG, GROUP = (1, 2), 3, 4, 5, (10, 11)


def notebook(*said: object) -> bytes:
    """A notebook that says who handed it in, and with which hand-in."""
    cell = {"cell_type": "code", "source": f"# {said}", "metadata": {}, "outputs": [], "execution_count": None}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def zipped(files: dict[str, bytes]) -> bytes:
    """Files as a zip."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


@dataclass(frozen=True)
class Expected:
    """What must come of one student: the bytes that are graded, None for a refusal; and what the platform said."""

    graded: bytes | None
    late: bool | None = None
    id: str = ""
    team: str = ""


@dataclass(frozen=True)
class Handed:
    """One hand-in: who, which one of theirs, and its files by the names that they were given."""

    person: Person
    files: dict[str, bytes]
    late: bool = False
    attempt: int = 0
    round: int = 0


@dataclass(frozen=True)
class Scheme:
    """How a platform writes a class.

    Attributes:
        write: One hand-in -> its paths in the download.
        row: Who it is -> the student's identifier.
        id: Who it is -> the id that the platform knows them by.
        late: Whether its names mark what is late.
        attempts: Whether it gives out all hand-ins of a student.
        group: What it gives out for two who handed in together: "members", "team" or "one".
        beside: What the platform puts next to the hand-ins.
        around: A folder around everything.
    """

    write: Callable[[Handed], dict[str, bytes]]
    row: Callable[[Person], str]
    id: Callable[[Person], str]
    late: bool = False
    attempts: bool = False
    group: str = "one"
    beside: Callable[[list[Handed]], dict[str, bytes]] = field(default=lambda handed: {})
    around: str = ""


def made(
    scheme: Scheme, nth_round: int = 0, answer: Callable[..., bytes] = notebook, released: str = "early_exit.ipynb"
) -> tuple[dict[str, bytes], dict[str, Expected]]:
    """The files of the class, and what must come of each student.

    Args:
        answer: Makes a notebook of whose it is and which hand-in.
        released: The name of the notebook that was given out.
    """
    handed, expected = _class(scheme, nth_round, answer, released)
    files = {name: data for one in handed for name, data in scheme.write(one).items()} | scheme.beside(handed)
    return {scheme.around + name: data for name, data in files.items()}, expected


def each_alone(scheme: Scheme) -> list[tuple[str, dict[str, bytes]]]:
    """Each hand-in as it would be given out if it were the only one: the student, and the files."""
    handed, expected = _class(scheme, 0, notebook, "early_exit.ipynb")
    alone = []
    for one in handed:
        files = scheme.write(one) | scheme.beside([one])
        row = scheme.row(one.person) if scheme.row(one.person) in expected else "Default group"
        alone.append((row, {scheme.around + name: data for name, data in files.items()}))
    return alone


def _class(
    scheme: Scheme, nth_round: int, answer: Callable[..., bytes], released: str
) -> tuple[list[Handed], dict[str, Expected]]:
    handed: list[Handed] = []
    expected: dict[str, Expected] = {}
    for n, person in enumerate(PEOPLE):
        if n == GROUP[1]:
            continue  # the other one handed in for both
        mine, late = answer(person.user, nth_round), n in LATE
        files, graded = {released: mine}, mine
        if n == ZIPPED:
            files = {"early exit.zip": zipped({"early_exit/early_exit.ipynb": mine, "early_exit/data.csv": b"1"})}
        elif n == WRONG:
            files, graded = {"early_exit.pdf": b"%PDF-1.7"}, None
        elif n == TWICE and not scheme.attempts:
            files |= {"first try.ipynb": answer(person.user, "first")}
        if n == TWICE and scheme.attempts:
            handed.append(Handed(person, {released: answer(person.user, "first")}, round=nth_round))
        handed.append(Handed(person, files, late, int(n == TWICE), nth_round))
        mark = late if scheme.late else None
        expected[scheme.row(person)] = Expected(graded, mark, scheme.id(person))
        if n == GROUP[0] and scheme.group == "members":
            both = f"{person.name}, {PEOPLE[GROUP[1]].name}"
            for one in (PEOPLE[m] for m in GROUP):
                expected[scheme.row(one)] = Expected(graded, mark, scheme.id(one), both)
        elif n == GROUP[0] and scheme.group == "team":
            del expected[scheme.row(person)]
            expected["Default group"] = Expected(graded, mark, "", "Default group")
    return handed, expected


def unpacked(files: dict[str, bytes], folder: Path) -> Path:
    """The files in a folder."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def packed(files: dict[str, bytes], path: Path) -> Path:
    """The files in a zip."""
    path.write_bytes(zipped(files))
    return path


# --- Canvas: all files at the root ---


def _canvas_name(person: Person) -> str:
    return "".join(char for char in "".join(reversed(person.name.split(" ", 1))).lower() if char.isalnum())


def _attachment(handed: Handed) -> int:
    return handed.person.number * 10 + 90_000 * (handed.round + 1) + handed.attempt


def _canvas(handed: Handed) -> dict[str, bytes]:
    late = "_LATE" if handed.late else ""
    who = f"{_canvas_name(handed.person)}{late}_{handed.person.number}_{_attachment(handed)}"
    again = f"-{handed.attempt}" if handed.attempt else ""  # Canvas's mark of another upload
    return {f"{who}_{name.replace('.', f'{again}.')}": data for name, data in handed.files.items()}


def _anonymous(handed: Handed) -> dict[str, bytes]:
    late = "LATE_" if handed.late else ""
    who = f"{late}anon_{handed.person.user[:1]}x{handed.person.number}_{_attachment(handed)}"
    return {f"{who}_{name}": data for name, data in handed.files.items()}


# --- Moodle ---


def _moodle(flat: bool = False, blind: bool = False, teams: bool = False) -> Callable[[Handed], dict[str, bytes]]:
    def write(handed: Handed) -> dict[str, bytes]:
        who = f"{'Participant' if blind else handed.person.name}_{handed.person.number}"
        if teams and handed.person is PEOPLE[GROUP[0]]:
            who = "Default group"
        between = "_" if flat else "/"
        return {f"{who}_assignsubmission_file{between}{name}": data for name, data in handed.files.items()}

    return write


def _online_texts(handed: list[Handed]) -> dict[str, bytes]:
    first = handed[0].person
    return {f"{first.name}_{first.number}_assignsubmission_onlinetext/onlinetext.html": b"<html>Please see my file."}


# --- Blackboard: each attempt, and a text about it ---


def _blackboard(word: str) -> Callable[[Handed], dict[str, bytes]]:
    def write(handed: Handed) -> dict[str, bytes]:
        time = f"2026-09-{10 + handed.round}-2{handed.attempt}-15-0{int(handed.late)}"
        start = f"early_exit_{handed.person.user}_{word}_{time}"
        about = (
            f"Name: {handed.person.name} ({handed.person.user})\nAssignment: early_exit\n\nComments:\nName: Eve (eve)\n"
        )
        return {f"{start}.txt": about.encode()} | {f"{start}_{name}": data for name, data in handed.files.items()}

    return write


# --- Brightspace: a folder for each attempt ---


def _brightspace(handed: Handed) -> dict[str, bytes]:
    time = f"Sep {20 + handed.round}, 2026 {9 + handed.attempt}26 PM"
    return {f"{handed.person.number}-7788 - {handed.person.name} - {time}/{n}": d for n, d in handed.files.items()}


# --- Gradescope: numbers, and a file that says who they are ---


def _gradescope(handed: Handed) -> dict[str, bytes]:
    return {f"submission_{handed.person.number * 3 + handed.round}/{n}": d for n, d in handed.files.items()}


def _metadata(handed: list[Handed]) -> dict[str, bytes]:
    lines = ["---"]
    for one in handed:
        people = [PEOPLE[n] for n in GROUP] if one.person is PEOPLE[GROUP[0]] else [one.person]
        lines += [f"submission_{one.person.number * 3 + one.round}:", "  :submitters:"]
        for person in people:
            lines += [f"  - :name: {person.name}", f"    :sid: '{person.number}'", f"    :email: {person.user}@uni.edu"]
        lines += [f"  :created_at: 2026-09-2{one.round} 21:26:00.123456789 Z", "  :score: 0.0", "  :history: []"]
        lines += ["  :results: !ruby/hash:ActiveSupport::HashWithIndifferentAccess", "    tests: []"]
    return {"submission_metadata.yml": "\n".join([*lines, ""]).encode()}


# --- GitHub Classroom: repositories ---


def _github(handed: Handed) -> dict[str, bytes]:
    repository = f"early-exit-{handed.person.user.replace('_', '-')}"
    files = {f"{repository}/homework/{name}": data for name, data in handed.files.items()}
    git = {".git/HEAD": b"ref: refs/heads/main", ".git/objects/ab/cdef.ipynb": b"x", ".gitignore": b"*.pyc"}
    return files | {f"{repository}/{name}": data for name, data in git.items()} | {f"{repository}/README.md": b"# Work"}


# --- nbgrader's folders, and files named after students ---


def _nbgrader(handed: Handed) -> dict[str, bytes]:
    place = f"{handed.person.user}/early_exit/"
    stamp = {"timestamp.txt": b"2026-09-20 21:26:00.123456 UTC"}
    return {place + name: data for name, data in (handed.files | stamp).items()}


def _flat(handed: Handed) -> dict[str, bytes]:
    if len(handed.files) > 1 or "early_exit.pdf" in handed.files:
        return {f"{handed.person.user}/{name}": data for name, data in handed.files.items()}
    return {f"{handed.person.user}.{name.rpartition('.')[2]}": data for name, data in handed.files.items()}


def _zips(handed: Handed) -> dict[str, bytes]:
    return {f"{handed.person.name}.zip": zipped(handed.files | {"__MACOSX/._early_exit.ipynb": b"x"})}


def _user(person: Person) -> str:
    return person.user


def _number(person: Person) -> str:
    return str(person.number)


def _named(person: Person) -> str:
    return _safe(f"{person.name}_{person.number}")


def _safe(name: str) -> str:
    """What a name becomes whose one unsafe character is an apostrophe."""
    changed = "'" in name
    return name.replace("'", "_") + (f"-{hashlib.sha256(name.encode()).hexdigest()[:8]}" if changed else "")


SCHEMES = {
    "canvas": Scheme(_canvas, lambda who: f"{_canvas_name(who)}_{who.number}", _number, late=True, attempts=True),
    "canvas, anonymous": Scheme(
        _anonymous,
        lambda who: f"anon_{who.user[:1]}x{who.number}",
        lambda who: f"{who.user[:1]}x{who.number}",
        late=True,
        attempts=True,
    ),
    "moodle": Scheme(_moodle(), _named, _number, beside=_online_texts),
    "moodle, files without folders": Scheme(_moodle(flat=True), _named, _number),
    "moodle, blind marking": Scheme(_moodle(blind=True), lambda who: f"Participant_{who.number}", _number),
    "moodle, teams": Scheme(_moodle(teams=True), _named, _number, group="team"),
    "blackboard": Scheme(_blackboard("attempt"), _user, _user, attempts=True),
    "blackboard in Dutch": Scheme(_blackboard("poging"), _user, _user, attempts=True),
    "brightspace": Scheme(
        _brightspace, _named, _number, attempts=True, beside=lambda handed: {"index.html": b"<html>The class"}
    ),
    "gradescope": Scheme(
        _gradescope, _number, _number, group="members", beside=_metadata, around="assignment_77_export/"
    ),
    "github": Scheme(_github, lambda who: who.user.replace("_", "-"), lambda who: who.user.replace("_", "-")),
    "nbgrader": Scheme(_nbgrader, _user, _user),
    "nbgrader, one folder higher": Scheme(_nbgrader, _user, _user, around="submitted/"),
    "files and folders named after students": Scheme(_flat, _user, _user),
    "a zip of each student": Scheme(_zips, lambda who: _safe(who.name), lambda who: who.name),
}
