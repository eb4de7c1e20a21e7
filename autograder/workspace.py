"""Keeps in a workspace what the next grading needs: a lock, the seed, the results, and what need not be done again.

Light to import: a class in which nothing changed is told so without nbgrader, Jupyter or a box.
"""

import contextlib
import fcntl
import json
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.assignments.assignment import assignments_of
from autograder.box.isolation import box_label
from autograder.config import Settings
from autograder.errors import BadSubmission, UsageError
from autograder.files import write_whole
from autograder.intake.find import Class, Found, find_class
from autograder.intake.master import grade_ids_in
from autograder.keys import Basis, course_key, grade_key, surroundings_key
from autograder.records.marks import marked
from autograder.records.results_json import load_results, results_path
from autograder.results import ClassResults, Verdict


@dataclass(frozen=True)
class Opened:
    """A class and the workspace that it is graded into, which is locked meanwhile.

    Attributes:
        remarks: What the instructor should know of how the class was read.
        results: What the workspace holds already, as far as it has the same basis.
        unchanged: Students whose file, whatever it depends on, and records are as when they were graded.
    """

    found: tuple[Found, ...]
    remarks: tuple[str, ...]
    basis: Basis
    results: ClassResults
    unchanged: frozenset[str]


@contextlib.contextmanager
def open_class(
    path: Path, settings: Settings, seed: int | None = None, platform: str | None = None
) -> Iterator[Opened]:
    """Find the submissions under ``path`` and hold the workspace.

    Args:
        seed: Seed of the hidden inputs; None for the workspace's own.
        platform: Whose names to look for, as :func:`autograder.intake.find.find_class` takes it.

    Raises:
        UsageError: Nothing to grade, or the workspace is in use or damaged.
        BoxUnavailable: No isolation can be had.
    """
    name = settings.assignment.name
    others = set(assignments_of(settings.course)) - {name}
    handed_in = find_class(path, name, platform, grade_ids_in(settings.solutions_notebook), others)
    with locked(settings.workspace):
        adopt_old_results(settings)
        basis = basis_of(settings, seed)
        results = results_so_far(settings, basis)
        if platform is None:  # or the instructor has said that the names are a class's
            _check_nobody_is_taken_for_another(path, handed_in, results)
        unchanged = _unchanged(handed_in.found, results, settings, basis)
        results = marked(_as_handed_in(results, handed_in, unchanged), settings.workspace)
        yield Opened(handed_in.found, handed_in.remarks, basis, results, unchanged)


def _check_nobody_is_taken_for_another(path: Path, handed_in: Class, results: ClassResults) -> None:
    """Refuse where the names may be one student's own choice, and grades of others would be written over.

    Raises:
        UsageError: So it is.
    """
    source = path.resolve().name
    elsewhere = {one.student for one in results.grades if one.handin and one.handin.source != source}
    if handed_in.around and (taken := sorted(elsewhere & {one.student for one in handed_in.found})):
        raise UsageError(
            f"{path} holds one folder, {handed_in.around!r}, and in it are students who were graded from elsewhere: "
            f"{', '.join(taken[:5])}. If it is a class, say whose names these are with --from. If it is one student's, "
            "put the zip into a folder and grade that."
        )


def _as_handed_in(results: ClassResults, handed_in: Class, unchanged: frozenset[str]) -> ClassResults:
    """The results with what the platform now says of those whose file did not change: another may be late by now."""
    now = {one.student: one.handin for one in handed_in.found if one.student in unchanged}
    grades = tuple(replace(one, handin=now.get(one.student, one.handin)) for one in results.grades)
    return replace(results, grades=grades, not_recognised=handed_in.not_recognised)


def basis_of(settings: Settings, seed: int | None = None) -> Basis:
    """The basis that a class is graded on with these settings.

    Args:
        seed: As it was asked for; None for the workspace's own.

    Raises:
        UsageError: The seed that the workspace keeps is no number.
        BoxUnavailable: No isolation can be had.
    """
    box, surroundings = box_label(settings), surroundings_key(settings)
    chosen = _seed_of(settings) if seed is None else seed
    return Basis(chosen, seed is None, box, surroundings, course_key(settings, chosen, box, surroundings))


def _unchanged(found: tuple[Found, ...], results: ClassResults, settings: Settings, basis: Basis) -> frozenset[str]:
    graded = {grade.student: grade.key for grade in results.grades if grade.verdict is not Verdict.GRADER_ERROR}
    recorded, name = _in_gradebook(settings), settings.assignment.name
    return frozenset(
        one.student
        for one in found
        if one.student in recorded
        and one.student in graded
        and (settings.workspace / "autograded" / one.student / name / f"{name}.ipynb").is_file()
        and graded[one.student] == grade_key(_content(one, settings), one.notes, basis.key)
    )


def _content(found: Found, settings: Settings) -> bytes:
    """The submitted file, or why it cannot be read."""
    try:
        return found.read(settings.limits.file_bytes)
    except BadSubmission as refusal:
        return why_refused(refusal)


def why_refused(refusal: BadSubmission) -> bytes:
    """Bytes that take the place of those of a file that cannot be read."""
    return f"{refusal.verdict}: {refusal}".encode()


def _in_gradebook(settings: Settings) -> set[str]:
    """Students with a submission in the workspace's gradebook. Read without nbgrader, which takes seconds to import."""
    query = """
        SELECT submitted_assignment.student_id FROM submitted_assignment
        JOIN assignment ON assignment.id = submitted_assignment.assignment_id WHERE assignment.name = ?"""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{settings.workspace}/gradebook.db?mode=ro", uri=True)) as book:
            return {student for (student,) in book.execute(query, [settings.assignment.name])}
    except sqlite3.Error:
        return set()


def results_so_far(settings: Settings, basis: Basis) -> ClassResults:
    """The results that the workspace holds already, if they are of the same hidden inputs and kind of box.

    Raises:
        UsageError: It is damaged.
    """
    name = settings.assignment.name
    kept = load_results(settings.workspace, name) if results_path(settings.workspace, name).is_file() else None
    fits = kept is not None and (kept.seed, kept.box) == (basis.seed, basis.box)
    return kept if kept and fits else ClassResults(name, basis.seed, basis.box)


def set_aside_others(settings: Settings, basis: Basis) -> None:
    """Rename the results of other hidden inputs or another box: they are kept, not mixed with the new ones."""
    path = results_path(settings.workspace, settings.assignment.name)
    if not path.is_file():
        return
    kept = load_results(settings.workspace, settings.assignment.name)
    if (kept.seed, kept.box) != (basis.seed, basis.box):
        names = (f"results-seed-{kept.seed}{again}.json" for again in ("", *(f"-{n}" for n in range(2, 1000))))
        os.replace(path, next(place for name in names if not (place := path.with_name(name)).exists()))


def adopt_old_results(settings: Settings) -> None:
    """Take over the results that version 1.0.0 kept at the workspace's top, where they are of this assignment."""
    old, new = settings.workspace / "results.json", results_path(settings.workspace, settings.assignment.name)
    try:
        if new.exists() or json.loads(old.read_text())["assignment"] != settings.assignment.name:
            return
    except (OSError, ValueError, LookupError, TypeError):
        return  # there are none, or they are damaged: nobody's to take
    new.parent.mkdir(exist_ok=True)
    os.replace(old, new)
    if (old.with_name("report")).is_dir() and not new.with_name("report").exists():
        os.replace(old.with_name("report"), new.with_name("report"))


def _seed_of(settings: Settings) -> int:
    """The seed that the workspace keeps for the assignment, else one that nobody can guess.

    Raises:
        UsageError: What it keeps is no number.
    """
    file = _seed_file(settings)
    if not file.is_file():
        file = settings.workspace / "seed"  # where version 1.0.0 kept it
    if not file.is_file():
        return int.from_bytes(os.urandom(6), "big")
    try:
        return int(file.read_text())
    except ValueError:
        raise UsageError(f"{file} holds no number. Delete it for a new seed, or give --seed.") from None


def keep_seed(settings: Settings, seed: int) -> None:
    """Keep the seed for the next time."""
    write_whole(_seed_file(settings), f"{seed}\n".encode())  # half a seed would be another one, or none


def _seed_file(settings: Settings) -> Path:
    return settings.workspace / settings.assignment.name / "seed"


@contextlib.contextmanager
def locked(workspace: Path) -> Iterator[None]:
    """Hold the workspace; two graders in one gradebook would lose each other's grades.

    Raises:
        UsageError: Another grader holds it, or it cannot be written.
    """
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
