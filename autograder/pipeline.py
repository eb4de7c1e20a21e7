"""An opened class -> its results, recorded: a table of contents of what is done once, and what for each submission.

The command line and nbgrader's plugins call it.

A grader that is stopped leaves nothing half done. Every file is written next to its place and then moved there
(files.py). The scores of a submission are one transaction, and results.json comes last. So a later run needs to know
nothing of an earlier one: it grades again and overwrites. Boxes die with the grader; the next grader removes what they
left in /tmp and among the control groups (box/sweep.py). If a submission cannot be recorded, it gets a GRADER_ERROR.
"""

import contextlib
import itertools
import json
from collections.abc import Callable, Generator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from autograder.answer_key import answer_key
from autograder.box.sweep import sweep
from autograder.config import Settings
from autograder.course import Course, Graded, Observed
from autograder.errors import GraderError
from autograder.grading import failed, judge_one, observe_one, our_fault
from autograder.intake.find import Found
from autograder.intake.master import master_cells, points_by_task, voided_tasks
from autograder.judge.judge import Judge, load_checks
from autograder.keys import Basis
from autograder.records.gradebook import Records
from autograder.records.nbgrader_store import enter_assignment
from autograder.records.results_json import runs_in_results, save_results
from autograder.records.saving import Saving
from autograder.release import release_text
from autograder.results import ClassResults, Grade
from autograder.runner import Runner
from autograder.workspace import Opened, adopt_old_results, basis_of, keep_seed, results_so_far, set_aside_others


@dataclass(frozen=True)
class Watcher:
    """Functions that are called while a class is graded, all from the main thread."""

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
    course.runner.prune(runs_in_results(settings.workspace))  # now that the results are written
    return saving.results


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
            keep_seed(settings, basis.seed)
        master = master_cells(released)
        points = points_by_task(master)
        cases = settings.assignment.cases_of(points, voided_tasks(master))
        key = answer_key(master, cases, basis.seed, settings, runner)
        judge = Judge(load_checks(settings.assignment.checks, points), key, points)
        refused = [
            f"{task.task}: {check.name} {check.message}"
            for task in judge(key)
            for check in task.checks
            if check.passed is False
        ]
        if refused:
            raise GraderError(f"The checks do not accept the solutions notebook's own answers. {' '.join(refused)}")
        keep_seed(settings, basis.seed)  # one that was asked for, when it is sure that it can be graded with
        unless_ready.pop_all()  # whoever has the course closes its runner
    return Course(settings, released, master, cases, judge, runner, basis)


def remember(grade: Grade, course: Course) -> None:
    """Enter one grade in the assignment's results.json, where submissions come one at a time from outside."""
    adopt_old_results(course.settings)
    results = results_so_far(course.settings, course.basis)
    set_aside_others(course.settings, course.basis)
    save_results(results.with_grade(grade), course.settings.workspace)


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
        return failed(graded.observed, course, our_fault(error))
    return graded
