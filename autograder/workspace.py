"""What a workspace keeps from one grading to the next: a lock, the seed, the results, and what need not be done again.

Light to import: a class in which nothing changed is told so without nbgrader, Jupyter or a box.
"""

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from autograder.box.isolation import box_label
from autograder.config import Settings
from autograder.errors import BadSubmission, UsageError
from autograder.files import write_whole
from autograder.fingerprint import course_name, file_name
from autograder.intake.find import Found, find_submissions
from autograder.records.results_json import ClassResults, load_results, results_path
from autograder.results import Verdict


def unchanged_class(path: Path, settings: Settings, seed: int | None = None) -> ClassResults | None:
    """The results of the class under ``path`` where each submission was graded as it is; None where one was not.

    Raises:
        UsageError: Nothing to grade, or the workspace is in use or damaged.
        BoxUnavailable: No isolation can be had.
    """
    if not results_path(settings.workspace).is_file() or not settings.solutions_notebook.is_file():
        return None
    found = find_submissions(path, settings.assignment)
    with locked(settings.workspace):
        results, box = load_results(settings.workspace), box_label(settings)
        seed = workspace_seed(settings.workspace) if seed is None else seed
        if (results.assignment, results.seed, results.box) != (settings.assignment, seed, box):
            return None
        same = unchanged(found, results, settings, course_name(settings, seed, box))
        return results if len(same) == len(found) else None


def unchanged(found: Iterable[Found], results: ClassResults, settings: Settings, course: str) -> set[str]:
    """Students whose file, whatever it depends on, and records are as when they were graded.

    Args:
        course: Name of everything a grade depends on beside the file.
    """
    graded = {grade.student: grade.fingerprint for grade in results.grades if grade.verdict is not Verdict.GRADER_ERROR}
    recorded, name = _in_gradebook(settings), settings.assignment
    return {
        one.student
        for one in found
        if one.student in recorded
        and (settings.workspace / "autograded" / one.student / name / f"{name}.ipynb").is_file()
        and graded.get(one.student) == file_name(content(one, settings), one.notes, course)
    }


def content(found: Found, settings: Settings) -> bytes:
    """The submitted file, or why it cannot be read."""
    try:
        return found.read(settings.limits.file_bytes)
    except BadSubmission as refusal:
        return why_refused(refusal)


def why_refused(refusal: BadSubmission) -> bytes:
    """What stands for the bytes of a file that cannot be read."""
    return f"{refusal.verdict}: {refusal}".encode()


def _in_gradebook(settings: Settings) -> set[str]:
    """Students with a submission in the workspace's gradebook. Read without nbgrader, which takes seconds to import."""
    query = """
        SELECT submitted_assignment.student_id FROM submitted_assignment
        JOIN assignment ON assignment.id = submitted_assignment.assignment_id WHERE assignment.name = ?"""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{settings.workspace}/gradebook.db?mode=ro", uri=True)) as book:
            return {student for (student,) in book.execute(query, [settings.assignment])}
    except sqlite3.Error:
        return set()


def results_so_far(settings: Settings, seed: int, box: str) -> ClassResults:
    """What the workspace holds already, as far as it was graded on the same hidden inputs.

    Raises:
        UsageError: It is damaged.
    """
    workspace = settings.workspace
    fresh = ClassResults(settings.assignment, seed, box)
    if not results_path(workspace).is_file():
        return fresh
    kept = load_results(workspace)
    if (kept.assignment, kept.seed, kept.box) == (fresh.assignment, fresh.seed, fresh.box):
        return kept
    # Graded on other hidden inputs or in another box: kept beside, not mixed.
    places = (workspace / f"results-seed-{kept.seed}{again}.json" for again in ("", *(f"-{n}" for n in range(2, 1000))))
    os.replace(results_path(workspace), next(place for place in places if not place.exists()))
    return fresh


def workspace_seed(workspace: Path) -> int:
    """The seed that the workspace keeps, else one that nobody can guess.

    Raises:
        UsageError: What it keeps is no number.
    """
    file = workspace / "seed"
    if not file.is_file():
        return int.from_bytes(os.urandom(6), "big")
    try:
        return int(file.read_text())
    except ValueError:
        raise UsageError(f"{file} holds no number. Delete it for a new seed, or give --seed.") from None


def keep_seed(workspace: Path, seed: int) -> None:
    """Keep the seed for the next time."""
    write_whole(workspace / "seed", f"{seed}\n".encode())  # half a seed would be another one, or none


@contextlib.contextmanager
def locked(workspace: Path) -> Iterator[None]:
    """Hold the workspace; two graders in one gradebook would lose each other's grades."""
    try:
        workspace.mkdir(parents=True, exist_ok=True)
        lock = (workspace / ".lock").open("w")
    except OSError as error:
        raise UsageError(f"The workspace {workspace} cannot be written: {error.strerror}.") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(f"Another grading is running in {workspace}. Wait for it, or give --workspace.") from None
        yield
