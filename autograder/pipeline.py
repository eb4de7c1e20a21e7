"""The way of a class, and of one submission, as a table of contents."""

import contextlib
import dataclasses
import itertools
import json
import time
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

from autograder.box.isolation import box_label
from autograder.box.sweep import sweep
from autograder.boxes import Boxes
from autograder.config import Settings
from autograder.errors import BadSubmission, GraderError, UsageError
from autograder.execute import Run
from autograder.fingerprint import course_name, file_name
from autograder.graded import Course, Graded
from autograder.intake.find import Found, find_submissions
from autograder.intake.parse import parse_notebook
from autograder.intake.rebuild import CHECK, MasterCell, master_cells, rebuild
from autograder.judge.expected import cases_of, expected_evidence, group
from autograder.judge.plugin import Judge
from autograder.records.gradebook import Records
from autograder.records.nbgrader_store import enter_assignment
from autograder.records.results_json import ClassResults, save_results
from autograder.release import release_text, solutions
from autograder.results import CheckResult, Grade, TaskGrade, Verdict
from autograder.workspace import keep_seed, locked, results_so_far, unchanged, why_refused, workspace_seed

SAVED_EVERY_S = 2.0  # a grader that is killed has about these to judge again, and nothing to run again
SAVING_SHARE = 0.01  # of the time at most, however large the class


@dataclasses.dataclass(frozen=True)
class Progress:
    """What a caller may watch while a class is graded; every member is called from the main thread."""

    found: Callable[[int], None] = lambda count: None
    kept: Callable[[int], None] = lambda count: None
    prepared: Callable[[Course], None] = lambda course: None
    graded: Callable[[Grade], None] = lambda grade: None


def grade_class(
    path: Path,
    settings: Settings,
    seed: int | None = None,
    progress: Progress | None = None,
    *,
    fresh: bool = False,
) -> ClassResults:
    """Grade every submission under ``path`` and record it in the workspace.

    Each submission is recorded as soon as it is judged, so that what is done stays done whatever comes after; one that
    was graded as it is keeps its grade, and one of which only the judging changed is judged from what it did before.

    Args:
        seed: Of the hidden inputs; None for the workspace's own.
        fresh: Run and grade everything anew.

    Raises:
        UsageError: Nothing to grade, or the workspace is in use.
        GraderError: No box, or the solutions notebook does not run.
    """
    progress = progress or Progress()
    found = find_submissions(path, settings.assignment)
    progress.found(len(found))
    with locked(settings.workspace):
        sweep()
        course = prepare(settings, seed, fresh=fresh, submissions=len(found))
        with contextlib.closing(course.boxes), contextlib.closing(course.judge):
            progress.prepared(course)
            # First: a damaged file is told before the class is graded, not after.
            results = results_so_far(settings, course.seed, course.box)
            kept = set() if fresh else unchanged(found, results, settings, course.name)
            progress.kept(len(kept))
            with Saving(results, settings.workspace) as saving, contextlib.closing(Records(course)) as records:
                changed = [one for one in found if one.student not in kept]
                with contextlib.closing(_each_graded(changed, course)) as each:  # or its boxes would outlive an error
                    for graded in each:
                        grade = _recorded(graded, course, records).grade
                        results = saving.add(grade)
                        progress.graded(grade)
            course.boxes.prune({grade.run for grade in results.grades})  # now that the results are written
    return results


def grade_one(found: Found, course: Course) -> Graded:
    """Grade one submission; always a verdict, never an exception. Nothing is recorded."""
    return judge_one(observe_one(found, course), course)


def prepare(settings: Settings, seed: int | None = None, *, fresh: bool = False, submissions: int = 1) -> Course:
    """Release the notebook, open the gradebook, run the solutions: everything before the first submission.

    Args:
        submissions: How many are about to come.

    Raises:
        BoxUnavailable: No isolation can be had.
        GraderError: The solutions notebook does not run, or its answers do not pass the checks.
        UsageError: There is no solutions notebook, or the gradebook is of another version of it.
    """
    box = box_label(settings)
    solutions(settings)  # or whoever is in the wrong folder would be told something else first
    drawn = seed is None
    seed = workspace_seed(settings.workspace) if seed is None else seed
    name = course_name(settings, seed, box)  # before anything is read: what changes meanwhile is graded anew
    with contextlib.ExitStack() as unless_ready:
        boxes = unless_ready.enter_context(contextlib.closing(Boxes(settings, fresh=fresh)))
        boxes.expect(submissions)
        released = json.loads(release_text(settings))
        enter_assignment(settings)
        if drawn:
            # At once: a grader that is killed must not have run anything for nothing.
            keep_seed(settings.workspace, seed)
        master = master_cells(released)
        points = points_by_task(master)
        key = expected_evidence(master, points, seed, settings, boxes)
        judge = unless_ready.enter_context(contextlib.closing(Judge(key, points)))
        refused = [task.task for task in judge(key) if task.score != task.max_score]
        if refused:
            answers = ", ".join(refused)
            raise GraderError(f"The checks do not accept the solutions notebook's own answers to: {answers}.")
        keep_seed(settings.workspace, seed)  # one that was asked for, when it is sure that it can be graded with
        unless_ready.pop_all()  # whoever has the course closes them
    return Course(settings, released, master, points, judge, seed, box, boxes, name)


def points_by_task(master: Iterable[MasterCell]) -> dict[str, float]:
    """Task -> automatic points, in the notebook's order.

    Raises:
        UsageError: A cell carries automatic points and no check is made for it: it would give 0 to everyone.
    """
    for cell in master:
        if cell.points and not cell.solution and not cell.task:
            raise UsageError(
                f"The cell {cell.grade_id!r} carries {cell.points:g} automatic points, but nothing checks it. "
                f"Expected: a code cell called {CHECK}<task>. Rename it, or make it a written answer (manually graded)."
            )
    return {cell.task: cell.points for cell in master if cell.task and cell.points}


def remember(grade: Grade, course: Course) -> None:
    """Enter one grade in the workspace's results.json, where submissions come one at a time from outside."""
    results = results_so_far(course.settings, course.seed, course.box)
    save_results(results.with_grade(grade), course.settings.workspace)


def observe_one(found: Found, course: Course) -> Graded:
    """Read, rebuild and run one submission; its tasks are not judged yet."""
    begin = time.monotonic()
    data, rebuilt, run, unread = None, None, None, b""
    grade = Grade(found.student, Verdict.OK, notes=found.notes)
    try:
        data = found.read(course.settings.limits.file_bytes)
        submission = parse_notebook(data, found.student)
        rebuilt = rebuild(dataclasses.replace(submission, notes=found.notes), course.master)
        cases = cases_of(course.points)
        grade = dataclasses.replace(grade, run=course.boxes.name(rebuilt, cases, course.seed), notes=rebuilt.notes)
        run = course.boxes.run(rebuilt, cases, course.seed)
        grade = dataclasses.replace(grade, verdict=run.verdict, message=run.message)
    except BadSubmission as refusal:
        grade = dataclasses.replace(grade, verdict=refusal.verdict, message=str(refusal))
        unread = why_refused(refusal)
    except Exception as error:  # whatever it is, it is ours: the class goes on and this one is graded again
        grade = _our_fault(grade, error)
    fingerprint = file_name(unread if data is None else data, found.notes, course.name)
    grade = dataclasses.replace(grade, wall_s=time.monotonic() - begin, fingerprint=fingerprint)
    return Graded(grade, data, rebuilt, run)


def judge_one(graded: Graded, course: Course) -> Graded:
    """Judge what was observed of one submission."""
    grade = graded.grade
    if graded.run is None:
        reason = "" if grade.verdict is Verdict.GRADER_ERROR else grade.message
        return dataclasses.replace(graded, grade=dataclasses.replace(grade, tasks=_unjudged(course, reason)))
    try:
        evidence = group(cases_of(course.points), graded.run.evidence, _silences(graded.run, course))
        grade = dataclasses.replace(grade, tasks=course.judge(evidence))
    except Exception as error:
        grade = dataclasses.replace(_our_fault(grade, error), tasks=_unjudged(course, ""))
    return dataclasses.replace(graded, grade=grade)


class Saving:
    """Keeps results.json up with the grades, at most so often that a large class is not spent on writing it."""

    def __init__(self, results: ClassResults, workspace: Path) -> None:
        self._results, self._workspace = results, workspace
        self._next = 0.0

    def __enter__(self) -> "Saving":
        return self

    def __exit__(self, *_: object) -> None:
        save_results(self._results, self._workspace)

    def add(self, grade: Grade) -> ClassResults:
        """The results with one more grade."""
        self._results = self._results.with_grade(grade)
        begin = time.monotonic()
        if begin > self._next:
            save_results(self._results, self._workspace)
            end = time.monotonic()
            self._next = end + max(SAVED_EVERY_S, (end - begin) / SAVING_SHARE)
        return self._results


def _each_graded(found: list[Found], course: Course) -> Generator[Graded]:
    """Submissions in the order they are done. Boxes run side by side; pytest does not, so judging is one by one.

    No more are begun than can be judged soon, or the outputs of a whole class would lie in memory.
    """
    pool = ThreadPoolExecutor(course.settings.jobs, thread_name_prefix="box")
    begun: set[Future[Graded]] = set()
    waiting = iter(found)
    try:
        while True:
            for one in itertools.islice(waiting, 2 * course.settings.jobs - len(begun)):
                begun.add(pool.submit(observe_one, one, course))
            if not begun:
                return
            done, begun = wait(begun, return_when=FIRST_COMPLETED)
            for future in done:
                yield judge_one(future.result(), course)
    except BaseException:  # the instructor's Ctrl-C, before all: nobody waits for a box that nobody looks at
        while wait(begun, timeout=0).not_done:
            for future in begun:
                future.cancel()
            course.boxes.stop()  # again and again: one may be about to start
            wait(begun, timeout=0.2)
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _recorded(graded: Graded, course: Course, records: Records) -> Graded:
    """The submission, recorded; where that fails it becomes our fault, and the class goes on."""
    try:
        records.add(graded)
    except Exception as error:
        grade = dataclasses.replace(_our_fault(graded.grade, error), tasks=_unjudged(course, ""))
        return dataclasses.replace(graded, grade=grade)
    return graded


def _silences(run: Run, course: Course) -> dict[str, str]:
    """What to say of a task whose hidden calls left nothing."""
    one, every = course.settings.limits.call_s, course.settings.limits.calls_s
    slow = f"A call on hidden inputs took more than {one:g} s, or all of them more than {every:g} s, and was stopped."
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
