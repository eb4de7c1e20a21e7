"""A class on its way, and one submission on its way, as a table of contents."""

import contextlib
import itertools
import json
import time
from collections.abc import Callable, Generator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.box.sweep import sweep
from autograder.config import Settings
from autograder.course import Course, Graded, Observed
from autograder.errors import BadSubmission, GraderError
from autograder.execute import Run
from autograder.intake.find import Found
from autograder.intake.parse import parse_notebook
from autograder.intake.rebuild import master_cells, points_by_task, rebuild
from autograder.judge.answer_key import answer_key
from autograder.judge.evidence import evidence_by_task
from autograder.judge.judge import Judge, load_checks
from autograder.keys import grade_key
from autograder.records.gradebook import Records
from autograder.records.nbgrader_store import enter_assignment
from autograder.records.results_json import save_results
from autograder.release import release_text
from autograder.results import CheckResult, ClassResults, Grade, TaskGrade, Verdict
from autograder.runner import Runner
from autograder.workspace import Basis, Opened, basis_of, keep_seed, results_so_far, set_aside_others, why_refused

SAVED_EVERY_S = 2.0  # seconds of judging lost if the grader is killed; runs are never lost
SAVING_SHARE = 0.01  # of the time at most, however large the class


@dataclass(frozen=True)
class Watcher:
    """What a caller may watch while a class is graded; every member is called from the main thread."""

    prepared: Callable[[Course], None] = lambda course: None
    graded: Callable[[Grade], None] = lambda grade: None


def grade_class(
    opened: Opened, settings: Settings, watcher: Watcher | None = None, *, fresh: bool = False
) -> ClassResults:
    """Grade every submission of an opened class and record it in the workspace.

    Each submission is recorded as soon as it is judged, so that what is done stays done whatever comes after. One that
    did not change keeps its grade. One of which only the judging changed is judged from its stored run.

    Args:
        fresh: Run and grade everything again.

    Raises:
        UsageError: The solutions notebook or the gradebook cannot be used.
        GraderError: No box, or the solutions notebook does not run.
    """
    watcher = watcher or Watcher()
    sweep()
    course = prepare(settings, opened.basis, fresh=fresh, submissions=len(opened.found))
    changed = [one for one in opened.found if fresh or one.student not in opened.unchanged]
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.closing(course.runner))
        watcher.prepared(course)
        set_aside_others(settings, opened.basis)
        saving = stack.enter_context(Saving(opened.results, settings.workspace))
        records = stack.enter_context(contextlib.closing(Records(course)))
        each = stack.enter_context(contextlib.closing(_each_graded(changed, course)))  # or boxes would outlive an error
        for graded in each:
            grade = _recorded(graded, course, records).grade
            saving.add(grade)
            watcher.graded(grade)
    course.runner.prune({grade.run for grade in saving.results.grades})  # now that the results are written
    return saving.results


def grade_one(found: Found, course: Course) -> Graded:
    """Grade one submission; always a verdict, never an exception. Nothing is recorded."""
    return judge_one(observe_one(found, course), course)


def prepare(settings: Settings, basis: Basis | None = None, *, fresh: bool = False, submissions: int = 1) -> Course:
    """Release the notebook, open the gradebook, run the solutions: everything before the first submission.

    Args:
        basis: What is graded on; None for the workspace's own.
        submissions: How many are about to come.

    Raises:
        BoxUnavailable: No isolation can be had.
        GraderError: The solutions notebook does not run, or its answers do not pass the checks.
        UsageError: The solutions notebook, the assignment's folder or the gradebook cannot be used.
    """
    # Before anything is read: what changes meanwhile is graded again.
    basis = basis or basis_of(settings)
    with contextlib.ExitStack() as unless_ready:
        runner = unless_ready.enter_context(contextlib.closing(Runner(settings, basis.surroundings, fresh=fresh)))
        runner.prestart(submissions)
        released = json.loads(release_text(settings))
        enter_assignment(settings)
        if basis.drawn:
            # At once: a grader that is killed must not have run anything for nothing.
            keep_seed(settings.workspace, basis.seed)
        master = master_cells(released)
        points = points_by_task(master)
        cases = settings.assignment.cases_of(points)
        key = answer_key(master, cases, basis.seed, settings, runner)
        judge = Judge(load_checks(settings.assignment.checks, points), key, points)
        refused = [task.task for task in judge(key) if task.score != task.max_score]
        if refused:
            answers = ", ".join(refused)
            raise GraderError(f"The checks do not accept the solutions notebook's own answers to: {answers}.")
        keep_seed(settings.workspace, basis.seed)  # one that was asked for, when it is sure that it can be graded with
        unless_ready.pop_all()  # whoever has the course closes its runner
    return Course(settings, released, master, cases, judge, basis.seed, basis.box, runner, basis.key)


def remember(grade: Grade, course: Course) -> None:
    """Enter one grade in the assignment's results.json, where submissions come one at a time from outside."""
    basis = Basis(course.seed, False, course.box, "", course.key)
    results = results_so_far(course.settings, basis)
    set_aside_others(course.settings, basis)
    save_results(results.with_grade(grade), course.settings.workspace)


def observe_one(found: Found, course: Course) -> Observed:
    """Read, rebuild and run one submission; always a verdict, never an exception."""
    begin = time.monotonic()
    seen: dict[str, Any] = {"verdict": Verdict.OK, "notes": found.notes}
    unread = b""
    try:
        seen["original"] = data = found.read(course.settings.limits.file_bytes)
        rebuilt = rebuild(parse_notebook(data, found.student, found.notes), course.master)
        seen |= {"rebuilt": rebuilt, "notes": rebuilt.notes}
        key, run = course.runner.run(rebuilt, course.cases, course.seed)
        seen |= {"run": run, "run_key": key, "verdict": run.verdict, "message": run.message}
    except BadSubmission as refusal:
        seen |= {"verdict": refusal.verdict, "message": str(refusal)}
        unread = why_refused(refusal)
    except Exception as error:  # whatever it is, it is ours: the class goes on and this one is graded again
        seen |= {"verdict": Verdict.GRADER_ERROR, "message": _our_fault(error)}
    depends_on = grade_key(seen.get("original", unread), found.notes, course.key)
    return Observed(found.student, **seen, grade_key=depends_on, wall_s=time.monotonic() - begin)


def judge_one(observed: Observed, course: Course) -> Graded:
    """Judge what was observed of one submission."""
    if observed.verdict is Verdict.GRADER_ERROR:
        return _failed(observed, course, observed.message)
    if observed.run is None:
        return Graded(_grade(observed, _unjudged(course, observed.message)), observed)
    try:
        raised, silences = course.settings.assignment.raised, _silences(observed.run, course)
        evidence = evidence_by_task(course.cases, observed.run.evidence, raised, silences)
        return Graded(_grade(observed, course.judge(evidence)), observed)
    except Exception as error:
        return _failed(observed, course, _our_fault(error))


class Saving:
    """Keeps results.json up with the grades, at most so often that a large class is not spent on writing it.

    Attributes:
        results: The class as graded so far.
    """

    def __init__(self, results: ClassResults, workspace: Path) -> None:
        self.results, self._workspace = results, workspace
        self._next = 0.0

    def __enter__(self) -> "Saving":
        return self

    def __exit__(self, *_: object) -> None:
        save_results(self.results, self._workspace)

    def add(self, grade: Grade) -> None:
        """One more grade."""
        self.results = self.results.with_grade(grade)
        begin = time.monotonic()
        if begin > self._next:
            save_results(self.results, self._workspace)
            end = time.monotonic()
            self._next = end + max(SAVED_EVERY_S, (end - begin) / SAVING_SHARE)


def _each_graded(found: list[Found], course: Course) -> Generator[Graded]:
    """Submissions in the order they are done. Boxes run side by side; judging is one by one.

    No more are begun than can be judged soon, or the outputs of a whole class would lie in memory.
    """
    pool = ThreadPoolExecutor(course.settings.jobs, thread_name_prefix="box")
    begun: set[Future[Observed]] = set()
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
            course.runner.stop()  # again and again: one may be about to start
            wait(begun, timeout=0.2)
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _recorded(graded: Graded, course: Course, records: Records) -> Graded:
    """The submission, recorded; where that fails it becomes our fault, and the class goes on."""
    try:
        records.add(graded)
    except Exception as error:
        return _failed(graded.observed, course, _our_fault(error))
    return graded


def _grade(
    observed: Observed, tasks: tuple[TaskGrade, ...], verdict: Verdict | None = None, message: str = ""
) -> Grade:
    return Grade(
        student=observed.student,
        verdict=verdict or observed.verdict,
        tasks=tasks,
        message=message or observed.message,
        notes=observed.notes,
        wall_s=observed.wall_s,
        key=observed.grade_key,
        run=observed.run_key,
    )


def _failed(observed: Observed, course: Course, message: str) -> Graded:
    """The submission where we are at fault."""
    return Graded(_grade(observed, _unjudged(course, ""), Verdict.GRADER_ERROR, message), observed)


def _silences(run: Run, course: Course) -> dict[str, str]:
    """What to say of a task whose hidden calls left nothing."""
    one, every = course.settings.limits.call_s, course.settings.limits.calls_s
    slow = f"A call on hidden inputs took more than {one:g} s, or all of them more than {every:g} s, and was stopped."
    gone = run.message if run.verdict not in (Verdict.OK, Verdict.PARTIAL_RUN) else ""
    return {task: slow if task in run.too_slow else gone for task in course.judge.points}


def _unjudged(course: Course, reason: str) -> tuple[TaskGrade, ...]:
    """All tasks without points: failed for ``reason``, or not judged at all when there is none to give."""
    passed = False if reason else None
    message = reason or "The grader failed; this submission is graded again on a re-run."
    check = CheckResult("The notebook can be run.", passed, message)
    return tuple(TaskGrade(task, points, (check,)) for task, points in course.judge.points.items())


def _our_fault(error: Exception) -> str:
    what = str(error) if isinstance(error, GraderError) else f"{type(error).__name__}: {error}"
    return f"The grader failed, not the student: {what}"
