"""Keeps in a workspace what the next grading needs: a lock, the seed, the results, and what need not be done again.

Light to import: a class in which nothing changed is told so without nbgrader, Jupyter or a box.
"""

import contextlib
import fcntl
import json
import os
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.assignments.assignment import assignments_of
from autograder.box.isolation import box_label
from autograder.config import Settings
from autograder.errors import BadSubmission, UsageError, listed
from autograder.files import write_whole
from autograder.intake.composed import composed
from autograder.intake.find import Class, Found, find_class
from autograder.intake.master import grade_ids_in
from autograder.keys import Basis, grade_key, make_basis
from autograder.records.marks import marked
from autograder.records.results_json import results_path
from autograder.records.rounds import adopt_older, newest_results
from autograder.results import ClassResults, Handin, Verdict
from autograder.spelling import close_names


@dataclass(frozen=True)
class Opened:
    """A class and the workspace that it is graded into, which is locked meanwhile.

    Attributes:
        remarks: What the instructor should know of how the class was read.
        results: What the workspace holds already.
        unchanged: Students whose file, whatever it depends on, and records are as when they were graded.
        reason: Why they are graded, as the instructor says.
    """

    found: tuple[Found, ...]
    remarks: tuple[str, ...]
    basis: Basis
    results: ClassResults
    unchanged: frozenset[str]
    reason: str = ""


@contextlib.contextmanager
def open_class(
    path: Path,
    settings: Settings,
    seed: int | None = None,
    platform: str | None = None,
    *,
    students: Collection[str] = (),
    reason: str = "",
) -> Iterator[Opened]:
    """Find the submissions under ``path`` and hold the workspace.

    Args:
        seed: Seed of the hidden inputs; None for the workspace's own.
        platform: Whose names to look for, as :func:`autograder.intake.find.find_class` takes it.
        students: Those to grade, by identifier or by the name that the platform gives; none for all.
        reason: Why they are graded, for whoever compares rounds.

    Raises:
        UsageError: Nothing to grade, nobody of that name, or the workspace is in use or damaged.
        BoxUnavailable: No isolation can be had.
    """
    name = settings.assignment.name
    others = set(assignments_of(settings.course)) - {name}
    handed_in = find_class(path, name, platform, grade_ids_in(settings.solutions_notebook), others)
    with locked(settings.workspace):
        adopt_old_results(settings)
        basis = basis_of(settings, seed)
        results = results_so_far(settings, basis)
        if students:  # what else lies in the class is as it was
            found = _only(students, handed_in.found, path)
            handed_in = replace(handed_in, found=found, not_recognised=results.not_recognised)
        if platform is None:  # or the instructor has said that the names are a class's
            _check_nobody_is_taken_for_another(path, handed_in, results)
        unchanged = _unchanged(handed_in.found, results, settings, basis)
        results = _as_handed_in(results, handed_in, unchanged)
        with contextlib.suppress(UsageError):  # whoever writes to the gradebook says it better
            results = marked(results, settings.workspace)
        yield Opened(handed_in.found, handed_in.remarks, basis, results, unchanged, reason)


def _only(students: Collection[str], found: tuple[Found, ...], path: Path) -> tuple[Found, ...]:
    """The submissions of some students.

    Raises:
        UsageError: A name fits nobody, or several.
    """
    chosen = []
    for name in students:
        fit = [one for one in found if one.student == name]
        fit = fit or [one for one in found if one.handin and composed(one.handin.name) == composed(name)]
        if len(fit) != 1:
            among = _listed(fit or _close(name, found))
            raise UsageError(
                f"--student {name!r} fits {'several' if fit else 'nobody'} in {path}. "
                + (f"Did you mean {among}?" if among else f"Found there: {_listed(found)}.")
            )
        chosen += fit
    return tuple(one for one in found if one in chosen)


def _listed(found: Sequence[Found]) -> str:
    return listed((repr(one.student) for one in found), most=10)


def _close(name: str, found: tuple[Found, ...]) -> list[Found]:
    """Those whose names look like ``name``, the closest first."""
    names = {one.student: [one.student, one.handin.name if one.handin else ""] for one in found}
    close = close_names(name, names)
    return sorted((one for one in found if one.student in close), key=lambda one: close.index(one.student))


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
    return make_basis(settings, _seed_of(settings) if seed is None else seed, seed is None, box_label(settings))


def _unchanged(found: tuple[Found, ...], results: ClassResults, settings: Settings, basis: Basis) -> frozenset[str]:
    graded = {grade.student: grade for grade in results.grades if grade.verdict is not Verdict.GRADER_ERROR}
    recorded, name = _in_gradebook(settings), settings.assignment.name
    return frozenset(
        one.student
        for one in found
        if one.student in recorded
        and one.student in graded
        and (settings.workspace / "autograded" / one.student / name / f"{name}.ipynb").is_file()
        and graded[one.student].key == grade_key(_content(one, settings), one.notes, basis.key)
        and _time(graded[one.student].handin) == _time(one.handin)  # the gradebook has it
    )


def _time(handin: Handin | None) -> str:
    return handin.submitted if handin else ""


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
    """Everybody's newest grade, also of rounds on other hidden inputs; the head is that of the round to come.

    Raises:
        UsageError: It is damaged.
    """
    name = settings.assignment.name
    kept = newest_results(settings.workspace, name) or ClassResults(name, basis.seed, basis.box)
    return replace(kept, seed=basis.seed, box=basis.box)


def adopt_old_results(settings: Settings) -> None:
    """Take over what earlier versions kept: the results at the workspace's top of 1.0.0, and those without rounds."""
    old, new = settings.workspace / "results.json", results_path(settings.workspace, settings.assignment.name)
    # None, or damaged ones, are nobody's to take.
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
        if not new.exists() and json.loads(old.read_text())["assignment"] == settings.assignment.name:
            new.parent.mkdir(exist_ok=True)
            os.replace(old, new)
            if (old.with_name("report")).is_dir() and not new.with_name("report").exists():
                os.replace(old.with_name("report"), new.with_name("report"))
    adopt_older(settings.workspace, settings.assignment.name)


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
