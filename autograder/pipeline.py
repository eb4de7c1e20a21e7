"""An opened class -> its results, recorded: a table of contents of what is done once, and what for each submission.

The command line and nbgrader's plugins call it.

A grader that is stopped leaves nothing half done. Every file is written next to its place and then moved there
(files.py). The scores of a submission are one transaction, and results.json comes last. So a later run needs to know
nothing of an earlier one: it grades again and overwrites. Boxes die with the grader; the next grader removes what they
left in /tmp and among the control groups (box/sweep.py). If a submission cannot be recorded, it gets a GRADER_ERROR.
"""

import contextlib
import json
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any

from autograder.answer_key import answer_key
from autograder.box.sweep import sweep
from autograder.config import Settings
from autograder.course import Course, Graded
from autograder.errors import GraderError
from autograder.grading import failed, judge_one, our_fault
from autograder.intake.master import MasterCell, master_cells, points_by_task, voided_tasks
from autograder.judge.judge import Judge, load_checks
from autograder.keys import Basis
from autograder.observing import Observing
from autograder.pool import Pool
from autograder.records.gradebook import Records
from autograder.records.marks import marked
from autograder.records.nbgrader_store import enter_assignment
from autograder.records.results_json import runs_in_results, save_results
from autograder.records.rounds import record_alone, round_for
from autograder.records.saving import Saving
from autograder.release import release_text
from autograder.results import ClassResults, Grade
from autograder.runner import Runner
from autograder.workspace import Opened, adopt_old_results, basis_of, keep_seed, results_so_far


@dataclass(frozen=True)
class Watcher:
    """Functions that are called while a class is graded, from the main thread except ``begun``."""

    prepared: Callable[[Course], None] = lambda course: None
    begun: Callable[[str], None] = lambda student: None
    graded: Callable[[Grade], None] = lambda grade: None


def grade_class(
    opened: Opened,
    settings: Settings,
    watcher: Watcher | None = None,
    *,
    fresh: bool = False,
    runner: Runner | None = None,
) -> ClassResults:
    """Grade every submission of an opened class and record it in the workspace.

    Each submission is recorded as soon as it is judged, so that what is done stays done whatever comes after. One that
    did not change keeps its grade. One of which only the judging changed is judged from its stored run. The first
    submissions run beside the solutions; the workspace stays as it was until these have run.

    Args:
        fresh: Run and grade everything again.
        runner: What runs notebooks; None for a new one.

    Raises:
        UsageError: The solutions notebook or the gradebook cannot be used.
        GraderError: No box, or the solutions notebook does not run.
    """
    watcher = watcher or Watcher()
    sweep()
    changed = [one for one in opened.found if fresh or one.student not in opened.unchanged]
    with contextlib.ExitStack() as stack:
        if runner is None:
            runner = stack.enter_context(contextlib.closing(Runner(settings, opened.basis.surroundings, fresh=fresh)))
            runner.prestart(len(opened.found))
        backend = runner.backend
        pool = stack.enter_context(Pool(backend.most, runner.stop, lambda: backend.slots))
        course = prepare(settings, opened.basis, runner, pool.begin)
        observing = Observing(changed, course, pool, watcher.begun)
        observing.begin_more()
        course.judging.result()
        course = replace(course, remarks=enter_assignment(settings))
        watcher.prepared(course)
        students = {one.student for one in changed}
        made, of = round_for(students, settings.workspace, opened.results, opened.basis, opened.reason)
        saving = stack.enter_context(Saving(opened.results, made, of, settings.workspace))
        records = stack.enter_context(contextlib.closing(Records(course)))
        for observed in observing:
            watcher.graded(saving.add(_recorded(judge_one(observed, course), course, records).grade))
    course.runner.prune(runs_in_results(settings.workspace))  # now that the results are written
    return saving.results


def prepare(
    settings: Settings,
    basis: Basis | None = None,
    runner: Runner | None = None,
    begin: Callable[..., Future[Judge]] | None = None,
) -> Course:
    """Release the notebook, run the solutions, enter the assignment: everything before the first submission.

    The assignment is entered in the gradebook only when the solutions have run. Otherwise a slip in them could cost
    marks that people gave.

    Args:
        basis: What is graded on; None for the workspace's own.
        runner: What runs notebooks; None for a new one, which whoever has the course closes.
        begin: Called with a function and what it is to be called with, for what may be done later: running the
            solutions. The caller then enters the assignment. None for at once.

    Raises:
        BoxUnavailable: No isolation can be had.
        GraderError: The solutions notebook does not run, or its answers do not pass the checks.
        UsageError: The solutions notebook, the assignment's folder or the gradebook cannot be used.
    """
    # Before anything is read: what changes meanwhile is graded again.
    basis = basis or basis_of(settings)
    with contextlib.ExitStack() as unless_ready:
        if runner is None:
            runner = unless_ready.enter_context(contextlib.closing(Runner(settings, basis.surroundings)))
            runner.prestart(0)
        released = json.loads(release_text(settings))
        if basis.drawn:
            # At once: a grader that is killed must not have run anything for nothing.
            keep_seed(settings, basis.seed)
        master = master_cells(released)
        cases = settings.assignment.cases_of(points_by_task(master), voided_tasks(master))
        judging = (begin or _at_once)(_judge, master, cases, basis.seed, settings, runner)
        remarks = () if begin else enter_assignment(settings)
        unless_ready.pop_all()
    return Course(settings, released, master, cases, judging, runner, basis, remarks)


def _at_once(call: Callable[..., Judge], *words: Any) -> Future[Judge]:
    done: Future[Judge] = Future()
    done.set_result(call(*words))
    return done


def _judge(
    master: tuple[MasterCell, ...], cases: tuple[tuple[str, str], ...], seed: int, settings: Settings, runner: Runner
) -> Judge:
    """The judge, if it gives the solutions' own answers full marks."""
    points = points_by_task(master)
    key = answer_key(master, cases, seed, settings, runner)
    judge = Judge(load_checks(settings.assignment.checks, points), key, points)
    refused = [
        f"{task.task}: {check.name} {check.message}"
        for task in judge(key)
        for check in task.checks
        if check.passed is False
    ]
    if refused:
        raise GraderError(f"The checks do not accept the solutions notebook's own answers. {' '.join(refused)}")
    keep_seed(settings, seed)  # one that was asked for, when it is sure that it can be graded with
    return judge


def remember(grade: Grade, course: Course) -> None:
    """Enter one grade in the assignment's results.json, where submissions come one at a time from outside.

    What a platform said of the hand-in stays: nbgrader grades the copy in ``submitted/``, which says nothing of it.
    """
    adopt_old_results(course.settings)
    workspace, results = course.settings.workspace, results_so_far(course.settings, course.basis)
    said = next((one.handin for one in results.grades if one.student == grade.student), None)
    grade = replace(grade, handin=grade.handin or said)
    grade = record_alone(grade, results, course.basis, workspace, "nbgrader autograde")
    save_results(marked(results.with_grade(grade), workspace), workspace)


def _recorded(graded: Graded, course: Course, records: Records) -> Graded:
    """The submission, recorded; where that fails it becomes our fault, and the class goes on."""
    try:
        records.add(graded)
    except Exception as error:
        return failed(graded.observed, course, our_fault(error))
    return graded
