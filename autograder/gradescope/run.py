"""Grades the one submission that Gradescope put into its container, the ordinary way, and writes results.json.

Hidden inputs are drawn for each submission: a student sees what was expected and hands in again. The seed follows from
a secret in the zip and the submission's number, so a submission that is graded again meets the same inputs.

If the grader is at fault there is no results.json. Gradescope then says that the autograder failed, and nobody gets a
score. A document needs a score, and any score would be the student's. The sentence for the instructor is on standard
output, which Gradescope shows to instructors alone.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autograder.box.isolation import BOX_USERS, box_label, why_roots_number
from autograder.box.unboxed import open_to, shut
from autograder.config import MIB, Settings, load_settings, memory_bytes
from autograder.errors import AutograderError, BoxUnavailable, GraderError, UsageError
from autograder.files import write_whole
from autograder.gradescope.document import results_document
from autograder.pipeline import grade_class
from autograder.records.marks import load_marks
from autograder.results import Grade, Verdict
from autograder.workspace import open_class

CONFIGURATION = "gradescope.json"
STUDENT = "submission"
GRADER_BYTES = 400 * MIB  # what the grader itself uses; the rest of the container is for a box
LEAST_BYTES = 1000 * MIB  # what a box with torch in it needs: with 870 MiB the solutions run out of memory
MAX_METADATA = 32 << 20  # bytes; it holds the results of earlier submissions
NO_BOX = (
    "Graded without a box: Gradescope's container was the only wall. Student code ran as a user of its own, without "
    "network, and could not open the solutions, the checks, the submission's metadata or the results. It could see "
    "other files and processes of the container."
)
WITHOUT = (
    "This container does not allow user namespaces, so nothing was graded. Grade on a machine of your own "
    "(`autograder grade` takes Gradescope's export), or make the zip with `--unsafe-no-box`. "
    "autograder/gradescope/README.md says what that means."
)


@dataclass(frozen=True)
class Configuration:
    """What the instructor chose when the zip was made; see bundle.py."""

    assignment: str
    secret: str
    unsafe_no_box: bool


def run(root: Path) -> int:
    """Grade what lies in Gradescope's folder ``/autograder``; the exit code."""
    results = root / "results" / "results.json"
    try:
        results.unlink(missing_ok=True)
        for line in _graded(root, results):
            print(line)
    except AutograderError as error:
        print(f"autograder: {error}\nNo score was given. Run the autograder again when this is repaired.")
        return 1
    except Exception as error:
        print(f"autograder: this is a fault of the grader ({type(error).__name__}: {error}). No score was given.")
        return 1
    return 0


def _graded(root: Path, results: Path) -> Iterator[str]:
    """Grade, write the document, and tell the instructor what was done."""
    course = root / "source" / "course"
    configuration = _configuration(root / "source" / CONFIGURATION)
    number = _submission_number(root / "submission_metadata.json")
    seed = seed_of(configuration.secret, number)
    with tempfile.TemporaryDirectory(prefix="autograder-") as place:
        settings = load_settings(course, Path(place, "workspace"), configuration.assignment, jobs=1)
        settings = _within_the_container(settings, memory_bytes())
        if configuration.unsafe_no_box:
            settings = replace(settings, unsafe_no_box=True, own_user=True)
            keep_from_students(root, settings)
        try:
            box = box_label(settings)
        except BoxUnavailable as error:
            raise BoxUnavailable(f"{error}\n{WITHOUT}") from None
        handed_in = Path(place, "handed_in")
        shutil.copytree(root / "submission", handed_in / STUDENT, symlinks=True)
        with open_class(handed_in, settings, seed, "flat") as opened:
            (grade,) = grade_class(opened, settings).grades
        if grade.verdict is Verdict.GRADER_ERROR:
            raise GraderError(grade.message)
        marks = load_marks(settings.workspace, settings.assignment.name)
    told = [f"Box: {box}", f"Seed of the hidden inputs: {seed} (submission {number})", *_broken(grade)]
    told += [NO_BOX] if configuration.unsafe_no_box else []
    written = [mark for one in marks.values() for mark in one.marks if mark.written]
    document = results_document(grade, written, told)
    write_whole(results, json.dumps(document, indent=1, allow_nan=False).encode())
    yield f"{grade.verdict}: {document['score']:g} of {grade.max_score:g} automatic points, {grade.wall_s:.0f} s"
    yield from told


def seed_of(secret: str, submission: str) -> int:
    """The seed of the hidden inputs for one submission: nobody without the secret can tell it."""
    return int.from_bytes(hashlib.sha256(f"{secret}/{submission}".encode()).digest()[:6], "big")


def keep_from_students(root: Path, settings: Settings) -> None:
    """Without a box: let student code's users open nothing that it must not see, and make sure of it.

    Raises:
        BoxUnavailable: That cannot be had here.
    """
    if os.geteuid() != 0:
        raise BoxUnavailable("Without a box, only root can give student code a user of its own, and this is not root.")
    if why := why_roots_number(settings):
        raise BoxUnavailable(why)
    private = [root / name for name in ("source", "submission", "results", "submission_metadata.json")]
    shut(private)
    inside = [settings.solutions_notebook, settings.assignment.checks, root / "source" / CONFIGURATION]
    for user in BOX_USERS:
        if seen := open_to(user, [*private, *inside]):
            raise BoxUnavailable(f"Student code could open {seen[0]} here, although its rights forbid it.")


def _within_the_container(settings: Settings, memory: int) -> Settings:
    """Settings whose memory limit fits into the container, so that the container is not ended in its place.

    Raises:
        UsageError: It is too small for a box with torch.
    """
    left = memory - GRADER_BYTES
    if left < min(LEAST_BYTES, settings.limits.memory_bytes):
        raise UsageError(
            f"The container has {memory // MIB} MiB of memory. Grading needs {(GRADER_BYTES + LEAST_BYTES) // MIB}. "
            "Give it more in Gradescope's Autograder Settings: 3 GB and 2 CPUs are comfortable."
        )
    limits = replace(settings.limits, memory_bytes=min(settings.limits.memory_bytes, left))
    return replace(settings, limits=limits)


def _broken(grade: Grade) -> list[str]:
    return [f"A check broke on this answer, and its points are missing. {text}." for text in grade.broken]


def _configuration(file: Path) -> Configuration:
    try:
        return Configuration(**json.loads(file.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(
            f"{file} cannot be read ({error}). Make the zip again: autograder export gradescope-autograder."
        ) from None


def _submission_number(file: Path) -> str:
    """Gradescope's number of the submission.

    Raises:
        UsageError: It does not say.
    """
    try:
        with file.open("rb") as opened:
            document: dict[str, Any] = json.loads(opened.read(MAX_METADATA))
        return str(int(document["id"]))
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise UsageError(
            f"{file} does not say which submission this is ({type(error).__name__}: {error}). Expected there: "
            'Gradescope\'s metadata with a number under "id".'
        ) from None
