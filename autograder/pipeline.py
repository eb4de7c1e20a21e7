"""The way of a class, and of one submission, as a table of contents."""

import contextlib
import dataclasses
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path

from autograder.box.isolation import box_label
from autograder.box.kernel import sweep
from autograder.config import Settings
from autograder.errors import BadSubmission, GraderError, UsageError
from autograder.execute import CHECK_PREFIX, Run, run_notebook
from autograder.files import write_whole
from autograder.graded import Course, Graded
from autograder.intake.find import Found, find_submissions
from autograder.intake.parse import parse_notebook
from autograder.intake.rebuild import master_cells, rebuild
from autograder.judge.expected import cases_of, expected_evidence, group
from autograder.judge.plugin import judge
from autograder.records.gradebook import record
from autograder.records.results_json import ClassResults, load_results, results_path, save_results
from autograder.release import release_text
from autograder.results import CheckResult, Grade, TaskGrade, Verdict


@dataclasses.dataclass(frozen=True)
class Progress:
    """What a caller may watch while a class is graded; every member is called from the main thread."""

    found: Callable[[int], None] = lambda count: None
    prepared: Callable[[str, int, int], None] = lambda box, seed, jobs: None
    graded: Callable[[Grade], None] = lambda grade: None


def grade_class(
    path: Path, settings: Settings, seed: int | None = None, progress: Progress | None = None
) -> ClassResults:
    """Grade every submission under ``path`` and record it in the workspace.

    Each submission is recorded as soon as it is judged, so that what is done stays done whatever comes after.

    Args:
        seed: Of the hidden inputs; None for the workspace's own.

    Raises:
        UsageError: Nothing to grade, or the workspace is in use.
        GraderError: No box, or the solutions notebook does not run.
    """
    progress = progress or Progress()
    found = find_submissions(path, settings.assignment)
    progress.found(len(found))
    with locked(settings.workspace):
        sweep()
        course = prepare(settings, seed)
        progress.prepared(course.box, course.seed, settings.jobs)
        results = _results_so_far(course)  # first: a damaged file is told before the class is graded, not after
        for graded in _each_graded(found, course):
            grade = _recorded(graded, course).grade
            results = results.with_grade(grade)
            save_results(results, settings.workspace)
            progress.graded(grade)
    return results


def grade_one(found: Found, course: Course) -> Graded:
    """Grade one submission; always a verdict, never an exception. Nothing is recorded."""
    return judge_one(observe_one(found, course), course)


def prepare(settings: Settings, seed: int | None = None) -> Course:
    """Release the notebook, open the gradebook, run the solutions: everything before the first submission.

    Raises:
        BoxUnavailable: No isolation can be had.
        GraderError: The solutions notebook does not run, or its answers do not pass the checks.
        UsageError: There is no solutions notebook, or the gradebook is of another version of it.
    """
    box = box_label(settings)
    released = json.loads(release_text(settings, save_to_gradebook=True))
    master = master_cells(released)
    points = {
        cell.grade_id.removeprefix(CHECK_PREFIX): cell.points
        for cell in master
        if cell.points and cell.kind == "code" and cell.grade_id.startswith(CHECK_PREFIX)
    }
    seed = _workspace_seed(settings.workspace, seed)
    key = expected_evidence(master, points, seed, settings)
    refused = [task.task for task in judge(key, key, points) if task.score != task.max_score]
    if refused:
        raise GraderError(f"The checks do not accept the solutions notebook's own answers to: {', '.join(refused)}.")
    return Course(settings, released, master, points, key, seed, box)


def remember(grade: Grade, course: Course) -> None:
    """Enter one grade in the workspace's results.json, where submissions come one at a time from outside."""
    save_results(_results_so_far(course).with_grade(grade), course.settings.workspace)


def observe_one(found: Found, course: Course) -> Graded:
    """Read, rebuild and run one submission; its tasks are not judged yet."""
    begin = time.monotonic()
    data, rebuilt, run = None, None, None
    grade = Grade(found.student, Verdict.OK, notes=found.notes)
    try:
        data = found.read(course.settings.limits.file_bytes)
        submission = parse_notebook(data, found.student)
        rebuilt = rebuild(dataclasses.replace(submission, notes=found.notes), course.master)
        run = run_notebook(rebuilt, cases_of(course.points), course.seed, course.settings)
        grade = dataclasses.replace(grade, verdict=run.verdict, message=run.message, notes=rebuilt.notes)
    except BadSubmission as refusal:
        grade = dataclasses.replace(grade, verdict=refusal.verdict, message=str(refusal))
    except Exception as error:  # whatever it is, it is ours: the class goes on and this one is graded again
        grade = _our_fault(grade, error)
    return Graded(dataclasses.replace(grade, wall_s=time.monotonic() - begin), data, rebuilt, run)


def judge_one(graded: Graded, course: Course) -> Graded:
    """Judge what was observed of one submission."""
    grade = graded.grade
    if graded.run is None:
        reason = "" if grade.verdict is Verdict.GRADER_ERROR else grade.message
        return dataclasses.replace(graded, grade=dataclasses.replace(grade, tasks=_unjudged(course, reason)))
    try:
        evidence = group(cases_of(course.points), graded.run.evidence, _silences(graded.run, course))
        grade = dataclasses.replace(grade, tasks=judge(evidence, course.key, course.points))
    except Exception as error:
        grade = dataclasses.replace(_our_fault(grade, error), tasks=_unjudged(course, ""))
    return dataclasses.replace(graded, grade=grade)


def _each_graded(found: list[Found], course: Course) -> Iterator[Graded]:
    """Submissions in the order they are done. Boxes run side by side; pytest does not, so judging is one by one."""
    pool = ThreadPoolExecutor(course.settings.jobs, thread_name_prefix="box")
    try:
        waiting: list[Future[Graded]] = [pool.submit(observe_one, one, course) for one in found]
        for done in as_completed(waiting):
            waiting.remove(done)  # or the outputs of the whole class stay in memory
            yield judge_one(done.result(), course)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _recorded(graded: Graded, course: Course) -> Graded:
    """The submission, recorded; where that fails it becomes our fault, and the class goes on."""
    try:
        record(graded, course)
    except Exception as error:
        grade = dataclasses.replace(_our_fault(graded.grade, error), tasks=_unjudged(course, ""))
        return dataclasses.replace(graded, grade=grade)
    return graded


def _silences(run: Run, course: Course) -> dict[str, str]:
    """What to say of a task whose hidden calls left nothing."""
    slow = f"A call on hidden inputs took more than {course.settings.limits.call_s:g} s and was stopped."
    gone = run.message if run.verdict not in (Verdict.OK, Verdict.PARTIAL_RUN) else ""
    return {task: slow if task in run.too_slow else gone for task in course.points}


def _unjudged(course: Course, reason: str) -> tuple[TaskGrade, ...]:
    """All tasks without points: failed for ``reason``, or not judged at all when there is none to give."""
    passed = False if reason else None
    message = reason or "The grader failed; this submission is graded again on a re-run."
    check = CheckResult("The notebook can be run.", passed, message)
    return tuple(TaskGrade(task, points, (check,)) for task, points in course.points.items())


def _our_fault(grade: Grade, error: Exception) -> Grade:
    what = str(error) if isinstance(error, GraderError) else f"{type(error).__name__}: {error}"
    return dataclasses.replace(
        grade, verdict=Verdict.GRADER_ERROR, message=f"The grader failed, not the student: {what}"
    )


def _results_so_far(course: Course) -> ClassResults:
    """What the workspace holds already, as far as it was graded on the same hidden inputs."""
    workspace, assignment = course.settings.workspace, course.settings.assignment
    fresh = ClassResults(assignment, course.seed, course.box)
    if not results_path(workspace).is_file():
        return fresh
    kept = load_results(workspace)
    if (kept.assignment, kept.seed, kept.box) == (fresh.assignment, fresh.seed, fresh.box):
        return kept
    # Graded on other hidden inputs or in another box: kept beside, not mixed.
    os.replace(results_path(workspace), workspace / f"results-seed-{kept.seed}.json")
    return fresh


def _workspace_seed(workspace: Path, seed: int | None) -> int:
    """``seed``, else the one the workspace was given last, else one that nobody can guess; kept for the next time."""
    file = workspace / "seed"
    if seed is None and file.is_file():
        try:
            return int(file.read_text())
        except ValueError:
            raise UsageError(f"{file} holds no number. Delete it for a new seed, or give --seed.") from None
    if seed is None:
        seed = int.from_bytes(os.urandom(6), "big")
    write_whole(file, f"{seed}\n".encode())  # half a seed would be another one, or none
    return seed


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
