"""A workspace's room on disk -> what takes how much, and less of it: runs that nobody needs now, a student who left.

``autograder workspace`` calls it. Nothing here is needed to grade.
"""

import contextlib
import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

from autograder.config import Settings, solutions_notebook
from autograder.errors import UsageError
from autograder.files import write_whole
from autograder.records.forgetting import remove_from_gradebook, students_in_gradebook
from autograder.records.marks import marked
from autograder.records.results_json import read_results, results_path, results_text, runs_in_results
from autograder.records.rounds import adopt_older, load_round, round_numbers, rounds_folder
from autograder.reporting import write_report
from autograder.results import ClassResults, Round
from autograder.runs import Runs
from autograder.spelling import close_names
from autograder.workspace import locked

STEPS = ("submitted", "autograded", "feedback")
MADE_FROM_ALL = ("diff.html", "grades.csv", "junit.xml", "feedback-*.zip")  # beside results.json, with everybody in it


def taken(workspace: Path) -> dict[str, int]:
    """Part of a workspace -> bytes that it takes on disk, in whole blocks.

    Raises:
        UsageError: There is no such workspace.
    """
    if not workspace.is_dir():
        raise UsageError(f"There is no workspace {workspace}. Grade a class first: autograder grade SUBMISSIONS.")
    parts: dict[str, int] = {}
    assignments = assignments_in(workspace)
    for path in workspace.rglob("*"):
        if path.is_symlink() or not path.is_file():
            continue
        first, *rest = path.relative_to(workspace).parts
        if first in assignments:
            second = rest[0] if len(rest) > 1 else "results and pages"
            part = f"{first}: {second}"
        elif rest:
            part = first
        else:
            part = "gradebook" if first.startswith("gradebook") else "other"
        with contextlib.suppress(FileNotFoundError):  # a grading may be running
            parts[part] = parts.get(part, 0) + path.stat().st_blocks * 512
    return parts


def assignments_in(workspace: Path) -> list[str]:
    """The assignments that a workspace holds results of."""
    found = {path.parent.name for path in workspace.glob("*/results*.json")}
    return sorted(found | {path.parent.name for path in workspace.glob("*/rounds")})


def rounds_in(workspace: Path) -> list[tuple[str, Round, int]]:
    """Every round that a workspace keeps: assignment, round, and how many it graded.

    Raises:
        UsageError: One is damaged.
    """
    found = []
    for assignment in assignments_in(workspace):
        for number in round_numbers(workspace, assignment):
            results = load_round(workspace, assignment, number)
            found += [(assignment, one, len(results.grades)) for one in results.rounds]
    return found


def prune(workspace: Path) -> int:
    """Remove the runs that are not behind the newest grade of anybody; how many.

    Those of earlier rounds can be made again, and the solutions' is made again by the next grading.

    Raises:
        UsageError: The workspace is in use, or its results are damaged.
    """
    with locked(workspace):
        for assignment in assignments_in(workspace):
            adopt_older(workspace, assignment)
        needed = runs_in_results(workspace, rounds=False)
        if needed is None:
            raise UsageError(
                f"A results.json in {workspace} cannot be read, so it is not known which runs are needed. Nothing was "
                "removed. Move it away and grade again."
            )
        return Runs(workspace).prune(needed, 0)


def forget(student: str, settings: Settings) -> list[Path]:
    """Remove a student from a workspace: grades of all rounds, gradebook, files handed in and graded, pages and runs.

    What belongs to others stays, also a run that others share. Exports and the page of changes are removed whole: they
    can be made again.

    Returns:
        Older copies of the gradebook, which still hold the student.

    Args:
        settings: Of any assignment in the workspace.

    Raises:
        UsageError: The workspace is in use or damaged, or knows nobody of that name.
        GraderError: The gradebook cannot be written.
    """
    workspace = settings.workspace
    with locked(workspace):
        for assignment in assignments_in(workspace):
            adopt_older(workspace, assignment)
        known = {one.student for _, results in _all_results(workspace) for one in results.grades}
        known |= students_in_gradebook(workspace)
        known |= {folder.name for step in STEPS for folder in (workspace / step).glob("*") if folder.is_dir()}
        if student not in known:
            close = ", ".join(map(repr, close_names(student, {one: [one] for one in known})))
            meant = f" Did you mean {close}?" if close else ""
            raise UsageError(f"{workspace} knows no student {student!r}, and nothing was removed.{meant}")
        own = _runs_of(workspace, student)
        remove_from_gradebook(student, settings)
        for path, results in _all_results(workspace):
            left = results.of({one.student for one in results.grades} - {student})
            if len(left.grades) == len(results.grades):
                continue
            if path == results_path(workspace, results.assignment):
                left = marked(left, workspace)
                for made in itertools.chain(*map(path.parent.glob, MADE_FROM_ALL)):
                    made.unlink()
                write_report(left, workspace, solutions_notebook(settings.course, left.assignment))
            write_whole(path, results_text(left))
        for step in STEPS:
            for folder in (workspace / step).glob("*"):
                if folder.name == student and not folder.is_symlink():
                    shutil.rmtree(folder)
        for run in own:
            shutil.rmtree(workspace / "runs" / run, ignore_errors=True)
    return sorted(workspace.glob("gradebook-*.db"))


def _all_results(workspace: Path) -> Iterator[tuple[Path, ClassResults]]:
    """Every file with grades of a workspace, and what is in it."""
    for assignment in assignments_in(workspace):
        current = results_path(workspace, assignment)
        for path in (*sorted(rounds_folder(workspace, assignment).glob("*.json")), current):
            if path.is_file():
                yield path, read_results(path)


def _runs_of(workspace: Path, student: str) -> set[str]:
    """Keys of the runs behind this student's grades and nobody else's."""
    runs: dict[bool, set[str]] = {True: set(), False: set()}
    for _, results in _all_results(workspace):
        for grade in results.grades:
            runs[grade.student == student].add(grade.run)
    return runs[True] - runs[False] - {""}
