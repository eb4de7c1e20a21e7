"""The way of a class, and of one submission, as a table of contents."""

import dataclasses
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

from autograder.box.isolation import box_label
from autograder.config import Settings
from autograder.errors import BadSubmission, GraderError
from autograder.execute import CHECK_PREFIX, Run, run_notebook
from autograder.inside.names import CASE_NAMES
from autograder.intake.find import Found
from autograder.intake.parse import parse_notebook
from autograder.intake.rebuild import MasterCell, Rebuilt, master_cells, rebuild
from autograder.judge.expected import cases_of, expected_evidence, group
from autograder.judge.plugin import Evidence, judge
from autograder.results import CheckResult, Grade, TaskGrade, Verdict


@dataclass(frozen=True)
class Course:
    """Everything a submission is graded against.

    Attributes:
        released: The released notebook as JSON.
        points: Task -> automatic points, in the notebook's order.
        key: Task -> the solution's evidence.
        box: What isolates submissions, for reports.
    """

    settings: Settings
    released: dict[str, Any]
    master: tuple[MasterCell, ...]
    points: dict[str, float]
    key: dict[str, Evidence]
    seed: int
    box: str


@dataclass(frozen=True)
class Graded:
    """One graded submission and what is needed to record it.

    Attributes:
        original: The bytes handed in; empty when they could not be read.
        rebuilt: None when the file was refused.
        run: None when nothing ran.
    """

    grade: Grade
    original: bytes = b""
    rebuilt: Rebuilt | None = None
    run: Run | None = None


def prepare(released: dict[str, Any], seed: int, settings: Settings) -> Course:
    """Run the solutions notebook and gather what grading needs.

    Raises:
        BoxUnavailable: No isolation can be had.
        GraderError: The solutions notebook does not run.
    """
    box = box_label(settings)
    master = master_cells(released)
    points = {
        cell.grade_id.removeprefix(CHECK_PREFIX): cell.points
        for cell in master
        if cell.points and cell.kind == "code" and cell.grade_id.startswith(CHECK_PREFIX)
    }
    key = expected_evidence(master, points, seed, settings)
    return Course(settings, released, master, points, key, seed, box)


def grade_class(found: list[Found], course: Course, started: Callable[[str], None] = lambda student: None) -> Iterator[Graded]:
    """Grade every submission; each is given out when it is done, in no fixed order.

    Args:
        started: Called with a student's name when its box starts, from a thread of the pool.
    """

    def observed(one: Found) -> Graded:
        started(one.student)
        return observe_one(one, course)

    pool = ThreadPoolExecutor(course.settings.jobs, thread_name_prefix="box")
    try:
        waiting: list[Future[Graded]] = [pool.submit(observed, one) for one in found]
        for done in as_completed(waiting):
            yield judge_one(done.result(), course)  # pytest is not made for threads: judged here, one by one
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def grade_one(found: Found, course: Course) -> Graded:
    """Grade one submission; always a verdict, never an exception."""
    return judge_one(observe_one(found, course), course)


def observe_one(found: Found, course: Course) -> Graded:
    """Read, rebuild and run one submission; its tasks are not judged yet."""
    begin = time.monotonic()
    data, rebuilt, run = b"", None, None
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
        tasks = judge(evidence, course.key, course.points)
        grade = dataclasses.replace(grade, tasks=tasks)
    except Exception as error:
        grade = dataclasses.replace(_our_fault(grade, error), tasks=_unjudged(course, ""))
    return dataclasses.replace(graded, grade=grade)


def _silences(run: Run, course: Course) -> dict[str, str]:
    """What to say of a task whose hidden calls left nothing."""
    slow = f"A call on hidden inputs took more than {course.settings.limits.call_s:g} s and was stopped."
    gone = run.message if run.verdict not in (Verdict.OK, Verdict.PARTIAL_RUN) else ""
    return {task: slow if task in run.too_slow else gone for task in CASE_NAMES}


def _unjudged(course: Course, reason: str) -> tuple[TaskGrade, ...]:
    """All tasks without points: failed for ``reason``, or not judged at all when there is none to give."""
    passed = False if reason else None
    message = reason or "The grader failed; this submission is graded again on a re-run."
    return tuple(
        TaskGrade(task, points, (CheckResult("The notebook can be run.", passed, message),))
        for task, points in course.points.items()
    )


def _our_fault(grade: Grade, error: Exception) -> Grade:
    what = str(error) if isinstance(error, GraderError) else f"{type(error).__name__}: {error}"
    return dataclasses.replace(grade, verdict=Verdict.GRADER_ERROR, message=f"The grader failed, not the student: {what}")


def new_seed() -> int:
    """A seed for the hidden inputs that nobody can guess."""
    return int.from_bytes(os.urandom(6), "big")
