"""The rounds of an assignment in a workspace: a file for each grading, which is never written over.

``<workspace>/<assignment>/rounds/0003.json`` holds the grades that the third grading made, in the form of results.json.
results.json holds each student's newest grade, so it is what all rounds together say; it is made from them where it is
missing.
"""

import datetime
import os
import platform
import shutil
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from autograder.errors import UsageError
from autograder.files import write_whole
from autograder.keys import Basis
from autograder.records.results_json import load_results, read_results, results_path, results_text, save_results
from autograder.results import ClassResults, Grade, Round


def rounds_folder(workspace: Path, assignment: str) -> Path:
    """Where a workspace keeps the rounds of an assignment."""
    return workspace / assignment / "rounds"


def round_numbers(workspace: Path, assignment: str) -> list[int]:
    """The numbers of the rounds that are kept, the newest last."""
    files = rounds_folder(workspace, assignment).glob("*.json")
    return sorted(int(file.stem) for file in files if file.stem.isdecimal())


def new_round(workspace: Path, results: ClassResults, basis: Basis, reason: str = "") -> Round:
    """The round that comes after those behind ``results``. Nothing is written before it has a grade."""
    known = (*round_numbers(workspace, results.assignment), *(one.number for one in results.rounds))
    number = max(known, default=0) + 1
    return Round(number, basis.seed, basis.box, _utc(), reason, platform.node(), basis.parts)


def _utc(seconds: float | None = None) -> str:
    now = datetime.datetime.now(datetime.UTC)
    when = now if seconds is None else datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return when.isoformat(timespec="seconds").replace("+00:00", "Z")


def save_round(results: ClassResults, workspace: Path) -> None:
    """Write the grades of one round; ``results`` holds no others."""
    for one in results.rounds:
        write_whole(_file(workspace, results.assignment, one.number), results_text(results))


def load_round(workspace: Path, assignment: str, number: int) -> ClassResults:
    """The grades that one round made.

    Raises:
        UsageError: It is not kept, or damaged.
    """
    kept = round_numbers(workspace, assignment)
    if number not in kept:
        found = ", ".join(map(str, kept)) or "none"
        raise UsageError(f"There is no round {number} of {assignment} in {workspace}. Kept there: {found}.")
    return read_results(_file(workspace, assignment, number))


def results_after(workspace: Path, assignment: str, number: int) -> ClassResults:
    """The class as it stood after a round: each student's newest grade until then.

    Raises:
        UsageError: That round is not kept, or one until it is damaged.
    """
    results = load_round(workspace, assignment, number)
    have = {grade.student for grade in results.grades}
    for earlier in reversed(round_numbers(workspace, assignment)):
        if earlier < number:
            more = [grade for grade in load_round(workspace, assignment, earlier).grades if grade.student not in have]
            have |= {grade.student for grade in more}
            results = results.with_grades(more)
    return results


def results_of_seed(workspace: Path, assignment: str, seed: int) -> ClassResults:
    """Each student's newest grade on the hidden inputs of a seed.

    Raises:
        UsageError: No round that is kept has that seed, or one is damaged.
    """
    rounds = [load_round(workspace, assignment, number) for number in round_numbers(workspace, assignment)]
    fitting = [one for one in rounds if one.seed == seed]
    if not fitting:
        seeds = ", ".join(dict.fromkeys(str(one.seed) for one in rounds)) or "none"
        raise UsageError(f"No round of {assignment} in {workspace} has the seed {seed}. Kept there: {seeds}.")
    results = fitting[0]
    for later in fitting[1:]:
        results = results.with_grades(later.grades)
    return results


def newest_results(workspace: Path, assignment: str) -> ClassResults | None:
    """Each student's newest grade; None where nobody was graded.

    Raises:
        UsageError: What is kept is damaged.
    """
    if results_path(workspace, assignment).is_file():
        return load_results(workspace, assignment)
    kept = round_numbers(workspace, assignment)
    return results_after(workspace, assignment, kept[-1]) if kept else None


def round_for(
    students: Collection[str], workspace: Path, results: ClassResults, basis: Basis, reason: str = ""
) -> tuple[ClassResults, Round]:
    """The grades that a round has already, and the round, which grades of some students go into.

    It is the newest, if that is of the same day, machine and basis, for the same reason, and has graded none of them:
    so a grading that was stopped goes on, and grades that come one by one are together. Else it is a new one.
    """
    new = new_round(workspace, results, basis, reason)
    empty = replace(results, grades=(), seed=new.seed, box=new.box)
    try:
        kept = round_numbers(workspace, results.assignment)
        newest = load_round(workspace, results.assignment, kept[-1]) if kept else empty
    except UsageError:
        newest = empty  # damaged: it stays as it is
    for last in newest.rounds:
        same = replace(last, number=new.number, when=new.when) == new and last.when[:10] == new.when[:10]
        if same and not {grade.student for grade in newest.grades} & set(students):
            return newest, last
    return empty, new


def record_alone(grade: Grade, results: ClassResults, basis: Basis, workspace: Path, reason: str) -> Grade:
    """Record a grade that comes alone, not with a class; the same, with its round."""
    made, of = round_for({grade.student}, workspace, results, basis, reason)
    grade = replace(grade, round=of)
    save_round(made.with_grade(grade), workspace)
    return grade


def adopt_older(workspace: Path, assignment: str) -> None:
    """Make rounds of the results of a grader that kept none: results.json, and ``results-seed-<seed>.json`` next to it.

    Their order is that of the files' times. A damaged file stays where it is.
    """
    folder, current = rounds_folder(workspace, assignment), results_path(workspace, assignment)
    set_aside = sorted(current.parent.glob("results-seed-*.json"), key=lambda file: file.stat().st_mtime)
    if folder.exists() or not (current.is_file() or set_aside):
        return
    taken: list[Path] = []
    kept = ClassResults(assignment, 0, "")
    fresh = folder.with_name(".rounds.new")
    shutil.rmtree(fresh, ignore_errors=True)  # of a grader that was killed
    for file in (*set_aside, current):
        try:
            older = read_results(file)
        except UsageError:
            continue
        if older.rounds or not older.grades:
            continue
        number = len(taken) + 1
        of = Round(number, older.seed, older.box, _utc(file.stat().st_mtime))
        older = replace(older, grades=tuple(replace(grade, round=of) for grade in older.grades))
        write_whole(fresh / f"{number:04d}.json", results_text(older))
        kept = replace(older, grades=kept.with_grades(older.grades).grades)
        taken.append(file)
    if taken:
        os.replace(fresh, folder)  # all at once
        if current.is_file() == (current in taken):  # a damaged one is told when it is read
            save_results(kept, workspace)
        for file in taken:
            if file != current:
                file.unlink()


def _file(workspace: Path, assignment: str, number: int) -> Path:
    return rounds_folder(workspace, assignment) / f"{number:04d}.json"
