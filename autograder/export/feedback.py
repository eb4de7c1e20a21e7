"""Feedback pages in a zip, called what a platform needs to give each to its student.

Canvas ("Upload submissions" of SpeedGrader's assignment page) takes the first two tokens of digits alone for user and
attachment. Moodle ("Upload multiple feedback files in a zip") reads the participant's number in the folder's name.
"""

import io
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping

from autograder.errors import UsageError, listed
from autograder.results import Handin

MAX_ZIP = 512 << 20  # bytes; more than any platform takes at once
EPOCH = (1980, 1, 1, 0, 0, 0)  # of all members, so that the same pages make the same zip


def feedback_zip(handins: Mapping[str, Handin | None], page_of: Callable[[str], str], platform: str) -> bytes:
    """The pages as a zip.

    Args:
        handins: Student -> what the platform said.
        page_of: Gives a student's page, as HTML; asked one at a time, because pages hold figures.
        platform: "canvas" or "moodle"; any other gets a file called after each student.

    Raises:
        UsageError: Some came without what the platform needs to know them by, or it is too large.
    """
    name_of = {"canvas": _canvas, "moodle": _moodle}.get(platform, _plain)
    names = {student: name_of(student, handin) for student, handin in handins.items()}
    if nameless := [student for student, name in names.items() if not name]:
        raise UsageError(
            f"{platform.capitalize()} cannot give feedback to {listed(nameless)}: the names of the files that were "
            f"graded do not hold the numbers by which it knows them. Grade {platform.capitalize()}'s own download, "
            "without anonymity and groups; or give plain."
        )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for student, name in zip(names, _unique(names.values()), strict=True):
            page = page_of(student).encode("utf-8", "replace")
            archive.writestr(zipfile.ZipInfo(name, EPOCH), page, zipfile.ZIP_DEFLATED)
            if file.tell() > MAX_ZIP:
                raise UsageError(f"The feedback takes more than {MAX_ZIP >> 20} MiB, which no platform takes at once.")
    return file.getvalue()


def _canvas(student: str, handin: Handin | None) -> str:
    """``doejane_LATE_1234_567890_feedback.html``: as it was downloaded, with another end."""
    if not handin or handin.platform != "canvas" or not handin.id.isdecimal() or not handin.attempt.isdecimal():
        return ""
    late = "_LATE" if handin.late else ""
    name = _safe(handin.name)
    first = f"user{name}" if name.isdecimal() else name  # digits alone would be taken for the user's number
    return f"{first}{late}_{handin.id}_{handin.attempt}_feedback.html"


def _moodle(student: str, handin: Handin | None) -> str:
    if not handin or handin.platform != "moodle" or not handin.id.isdecimal():
        return ""
    return f"{_safe(handin.name.replace('_', ' '))}_{handin.id}_assignsubmission_file_/feedback.html"


def _plain(student: str, handin: Handin | None) -> str:
    return f"{_safe(student)}_feedback.html"


def _safe(name: str) -> str:
    """A name without what a file system, or a platform that reads names, takes for something else."""
    shown = "".join(char if char.isprintable() and char not in '/\\:*?"<>|' else " " for char in name)
    return re.sub(r"^[.~\s]+", "", shown).strip()[:80] or "student"


def _unique(names: Iterable[str]) -> list[str]:
    """The same names, with a number where two would be one file, also where case does not count."""
    taken: set[str] = set()
    unique = []
    for name in names:
        stem, found, again = name, name, 1
        while found.casefold() in taken:
            again += 1
            found = stem.replace("feedback.html", f"{again}-feedback.html")
        taken.add(found.casefold())
        unique.append(found)
    return unique
