"""What learning platforms call the files that they give out: who handed in, when, whether late.

One small parser for each platform, and a table of them. A parser sees the name of one entry of a class, and what the
platform itself wrote next to it; it never sees who else is there, so nobody's identity depends on others. The end of
many names is the student's choice, and can look like another platform's: what two of these platforms know is nobody's,
until ``autograder grade --from`` names the one that alone is asked. Of the rest the first parser that knows a name
counts.

The schemes were read in the source of Canvas (lib/content_zipper.rb), Moodle (mod/assign/classes/downloader.php) and
nbgrader, and in scripts that read what Blackboard, Brightspace and Gradescope give out.
"""

import contextlib
import datetime
import functools
import re
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from autograder.errors import BadSubmission
from autograder.intake import gradescope
from autograder.results import Handin

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


@dataclass(frozen=True)
class Told:
    """What a class says beyond the names.

    Attributes:
        assignment: The assignment's name.
        texts: Path -> content of the small files that platforms write: see :data:`OWN_FILES`.
        folders: Folder -> names in it.
        repositories: Folders that hold ``.git``.
    """

    assignment: str
    texts: Mapping[PurePosixPath, str] = field(default_factory=dict)
    folders: Mapping[str, frozenset[str]] = field(default_factory=dict)
    repositories: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Name:
    """What a name says.

    Attributes:
        student: What identifies the student: the same in every download of this platform.
        handin: Who, when and how.
        file: What the student called the file; "" for a folder.
        doubt: Why it may be two persons, as a sentence; then it is refused.
        ahead: What stands before the student: the same in all names of one student, or these are two.
        note: What had to be assumed.
    """

    student: str
    handin: Handin
    file: str = ""
    doubt: str = ""
    ahead: str = ""
    note: str = ""


Parser = Callable[[str, Told], tuple[Name, ...]]

# Files that a platform writes next to what students hand in, by the platform; they are read, and nobody's hand-in.
OWN_FILES = re.compile(
    r"(?P<gradescope>submission_metadata\.yml)|(?P<brightspace>index\.html)"
    r"|(?P<nbgrader>timestamp\.txt)|(?P<blackboard>.+_[^\W\d_]+_\d{4}(?:-\d\d){5}\.txt)"
)


def _canvas(name: str, told: Told) -> tuple[Name, ...]:
    """``doejane_LATE_1234_567890_early_exit.ipynb``: the user, the attachment, the file; ``anon_ab12_567890_...``."""
    anonymous = re.fullmatch(
        r"(?P<late>late_)?anon_(?P<id>(?!late_)[^_]+)_(?P<attachment>\d+)_(?P<file>.+)", name, re.I | re.S
    )
    known = anonymous or re.fullmatch(
        r"(?P<name>[^_]+)(?P<late>_late)?_(?P<id>\d+)_(?P<attachment>\d+)_(?P<file>.+)", name, re.I | re.S
    )
    text = re.fullmatch(r"(?P<name>[^_]+)(?P<late>_late)?_(?P<id>\d+)_(?P<file>(text|link)\.html)", name, re.I)
    if not (found := known or text):
        return ()
    who = "anon" if anonymous else found["name"]
    attachment = found.groupdict().get("attachment") or ""
    handin = Handin("canvas", "" if anonymous else who, found["id"], bool(found["late"]), attempt=attachment)
    # A second upload of one name gets a number from Canvas.
    return (Name(f"{who}_{found['id']}", handin, re.sub(r"-\d+(?=\.\w+$)", "", found["file"])),)


def _moodle(name: str, told: Told) -> tuple[Name, ...]:
    """``Jane Doe_12345_assignsubmission_file``: the participant's number in this assignment; a team may have none."""
    start = r"(?P<name>.+?)(_(?P<id>\d+))?_assignsubmission_[a-z]+"
    found = re.fullmatch(rf"{start}(_(?P<file>.*))?", name, re.S)
    if name in told.folders:  # which has no file behind it, so the last mark counts: the others are in a person's name
        found = re.fullmatch(rf"{start}(?P<file>_?)", name, re.S) or found
    if not found:
        return ()
    number = found["id"] or ""
    handin = Handin("moodle", found["name"], number, team="" if number else found["name"])
    return (Name("_".join(filter(None, (found["name"], number))), handin, (found["file"] or "").removeprefix("_")),)


def _blackboard(name: str, told: Told) -> tuple[Name, ...]:
    """``early exit_jdoe_attempt_2026-01-30-15-30-10_hw.ipynb``; the word between user and time is in any language.

    A user name may hold ``_``. Then only the attempt's own text says where it begins: ``Name: Jane Doe (j_doe)``.
    The first time counts: what comes after it the student wrote, perhaps with another user in it.
    """
    found = re.fullmatch(
        r"(?P<who>(.+?_)??(?P<user>[^_]+)_[^\W\d_]+_(?P<time>\d{4}(-\d\d){5}))(_(?P<file>.+)|\.txt)?", name, re.S
    )
    if not found:
        return ()
    user, full = found["user"], ""
    said = re.match(r"[^\n:]*:[ \t]*([^\n]*?)[ \t]*\(([^()\n]+)\)[ \t]*\r?\n", _own(told, f"{found['who']}.txt"))
    if said and re.search(rf"(^|_){re.escape(said[2])}_[^\W\d_]+_[\d-]+$", found["who"]):
        full, user = said[1], said[2]
    ahead = re.sub(rf"{re.escape(user)}_[^\W\d_]+_[\d-]+$", "", found["who"])
    cut = not said and "_" in ahead[:-1] and ahead[:-1].replace(" ", "_").lower() != told.assignment.lower()
    note = f"read as the user {user!r}; a user name that holds _ is cut, as the attempt's text is missing"
    date, time = found["time"][:10], found["time"][11:].replace("-", ":")
    handin = Handin("blackboard", full, user, submitted=f"{date}T{time}", attempt=found["time"])
    return (Name(user, handin, found["file"] or "", ahead=ahead, note=note if cut else ""),)


def _brightspace(name: str, told: Told) -> tuple[Name, ...]:
    """``12345-67890 - Jane Doe - Sep 24, 2026 926 PM``: the student's number, another one, the time of the attempt."""
    found = re.fullmatch(
        r"(?P<id>\d+)-\d+ - (?P<name>.+?) - (?P<time>\w+\.? \d{1,2}, \d{4} \d{3,4}( [AP]M)?)( - (?P<file>.+))?",
        name,
        re.S,
    )
    if not found:
        return ()
    time = _month_first(found["time"])
    handin = Handin("brightspace", found["name"], found["id"], submitted=time, attempt=time)
    return (Name(f"{found['name']}_{found['id']}", handin, found["file"] or ""),)


def _gradescope(name: str, told: Told) -> tuple[Name, ...]:
    """``submission_111``; who that is stands in the export's ``submission_metadata.yml``, for a group all of them."""
    if not re.fullmatch(r"submission_\d+", name):
        return ()
    return gradescope_members(told).get(name) or (Name(name, Handin("gradescope", id=name)),)


def gradescope_members(told: Told) -> dict[str, tuple[Name, ...]]:
    """Folder of a submission -> who handed it in, from the export's own file; empty where there is none."""
    return _members(_own(told, "submission_metadata.yml"))[0]


def gradescope_problem(told: Told) -> str:
    """Why the export's own file cannot be read, as a sentence's end; "" where it can, or is not there."""
    return _members(_own(told, "submission_metadata.yml"))[1]


@functools.lru_cache(maxsize=1)
def _members(text: str) -> tuple[dict[str, tuple[Name, ...]], str]:
    try:
        export = gradescope.submissions(text)
    except BadSubmission as refusal:
        return {}, str(refusal)
    mails: dict[str, set[str]] = {}
    for person in (one for about in export.values() for one in about.people.values()):
        mails.setdefault(_row(person), set()).add(person.get("email", "").lower())
    members = {}
    for folder, about in export.items():
        named = [one for one in about.people.values() if _row(one)]
        team = ", ".join(one.get("name", "") for one in named) if len(named) > 1 else ""
        time = _time(about.created_at)
        members[folder] = tuple(
            Name(
                _row(one),
                Handin("gradescope", one.get("name", ""), _row(one), None, time, time, team),
                doubt=_two_persons(_row(one), mails[_row(one)]),
            )
            for one in named
        )
    return members, ""


def _row(person: Mapping[str, str]) -> str:
    """What identifies a person of Gradescope's export; a name alone only where there is nothing else."""
    return person.get("sid") or person.get("email") or person.get("name", "")


def _two_persons(row: str, mails: set[str]) -> str:
    if len(mails) < 2:
        return ""
    return f"The export gives {row!r} to people with different e-mail addresses. Correct it in Gradescope's roster."


def _github(name: str, told: Told) -> tuple[Name, ...]:
    """A repository called ``early-exit-octocat``, as GitHub Classroom makes it, cloned or as its download."""
    stem = name.removesuffix(".zip")
    begins = re.escape(told.assignment).replace("_", "[-_]").replace("\\-", "[-_]")
    found = re.fullmatch(rf"{begins}-(?P<user>[A-Za-z0-9][A-Za-z0-9-]*)", stem, re.I)
    cloned = name in told.repositories
    if not cloned and not (found and (name in told.folders or stem != name)):
        return ()
    user = found["user"] if found else stem
    if not cloned:
        user = re.sub(r"-(main|master)$", "", user)  # the branch, which the download adds
    return (Name(user, Handin("github", id=user)),)


def _nbgrader(name: str, told: Told) -> tuple[Name, ...]:
    """``alice/early_exit/early_exit.ipynb``, with nbgrader's ``timestamp.txt`` if there is one."""
    if told.assignment not in told.folders.get(name, ()):
        return ()
    time = _time(_own(told, f"{name}/{told.assignment}/timestamp.txt"))
    return (Name(name, Handin("nbgrader", id=name, submitted=time, attempt="")),)


def _flat(name: str, told: Told) -> tuple[Name, ...]:
    """``alice.ipynb``, ``alice.zip``, or a folder ``alice``."""
    if name in told.folders:
        return (Name(name, Handin("flat", id=name)),)
    found = re.fullmatch(r"(?P<stem>[^.].*?)(\.ipynb(\.txt|\.json|\.zip)?|\.zip)", name, re.I | re.S)
    if not found:
        return ()
    return (Name(found["stem"], Handin("flat", id=found["stem"])),)


PLATFORMS: dict[str, Parser] = {
    "moodle": _moodle,
    "blackboard": _blackboard,
    "brightspace": _brightspace,
    "gradescope": _gradescope,
    "canvas": _canvas,
    "github": _github,
    "nbgrader": _nbgrader,
    "flat": _flat,
}

ENDS_WITH_A_FILE = ("canvas", "moodle", "blackboard", "brightspace")


def names(name: str, told: Told, platform: str | None = None) -> tuple[Name, ...]:
    """Who handed in the entry of this name; several for a group, none where the name is not known or not clear.

    Args:
        platform: The only one whose names are looked for; None for all.
    """
    if platform is not None:
        return PLATFORMS[platform](name, told)
    if fits := _fitting(name, told):
        return PLATFORMS[fits[0]](name, told) if len(fits) == 1 else ()
    return next((found for parse in PLATFORMS.values() if (found := parse(name, told))), ())


def unclear(name: str, told: Told) -> str:
    """Why nobody can tell which platform made the name, as a sentence's end; "" where that is clear."""
    fits = _fitting(name, told)
    return f"fits {' and '.join(one.capitalize() for one in fits)}; say which with --from" if len(fits) > 1 else ""


def _fitting(name: str, told: Told) -> list[str]:
    """The platforms that know the name, of those that let a student's own file name follow theirs."""
    return [platform for platform in ENDS_WITH_A_FILE if PLATFORMS[platform](name, told)]


def is_known(name: str, told: Told) -> bool:
    """Whether a platform made the name, and not a person."""
    return any(parse(name, told) for platform, parse in PLATFORMS.items() if platform != "flat")


def _own(told: Told, path: str) -> str:
    return told.texts.get(PurePosixPath(path), "")


def _month_first(text: str) -> str:
    """``Sep 24, 2026 926 PM`` in ISO 8601; "" for another way of writing."""
    found = re.fullmatch(r"(\w{3})\w*\.? (\d{1,2}), (\d{4}) (\d{1,2})(\d\d)( [AP]M)?", text)
    if not found or found[1].lower() not in MONTHS:
        return ""
    hour = int(found[4]) % 12 + 12 * (found[6] == " PM") if found[6] else int(found[4])
    try:
        return datetime.datetime(
            int(found[3]), MONTHS.index(found[1].lower()) + 1, int(found[2]), hour, int(found[5])
        ).isoformat()
    except ValueError:
        return ""


def _time(text: str) -> str:
    """A time stamp as nbgrader, Ruby or ISO 8601 write it, in ISO 8601; "" where it is none."""
    text = text.strip()[:100]
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d)(\.\d+)? ?(\S+)?", text)
    if not found:
        return ""
    with contextlib.suppress(ValueError, KeyError, OSError):  # no such day, or no such zone
        moment = datetime.datetime.fromisoformat(found[1])
        zone = found[3] or ""
        if zone in ("Z", "UTC"):
            return moment.replace(tzinfo=datetime.UTC).isoformat()
        if re.match(r"[+-]\d", zone):
            return datetime.datetime.fromisoformat(f"{found[1]}{zone}").isoformat()
        return (moment.replace(tzinfo=zoneinfo.ZoneInfo(zone)) if zone else moment).isoformat()
    return ""
