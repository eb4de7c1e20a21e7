"""One submission: observed, then judged. Always a verdict, never an exception; nothing is recorded here."""

import sys
import time
from typing import Any

from autograder.course import Course, Graded, Observed
from autograder.errors import BackendGone, BadSubmission, GraderError
from autograder.inside.names import NO_FUNCTION
from autograder.intake.find import Found
from autograder.intake.parse import parse_notebook
from autograder.intake.rebuild import Rebuilt, rebuild
from autograder.judge.evidence import evidence_by_task
from autograder.keys import file_key, grade_key
from autograder.results import CheckResult, Grade, TaskGrade, Verdict
from autograder.session import Run
from autograder.workspace import why_refused


def grade_one(found: Found, course: Course) -> Graded:
    """Grade one submission; always a verdict, never an exception. Nothing is recorded."""
    return judge_one(observe_one(found, course), course)


def observe_one(found: Found, course: Course) -> Observed:
    """Read, rebuild and run one submission; a verdict, whatever happens.

    Raises:
        BackendGone: No notebook can be run any more.
    """
    begin = time.monotonic()
    seen: dict[str, Any] = {"verdict": Verdict.OK, "notes": found.notes}
    unread = b""
    try:
        seen["original"] = data = found.read(course.settings.limits.file_bytes)
        rebuilt = rebuild(parse_notebook(data, found.student, found.notes), course.master)
        seen |= {"rebuilt": rebuilt, "notes": rebuilt.notes}
        key, run = course.runner.run(rebuilt, course.cases, course.basis.seed)
        seen |= {"run": run, "run_key": key, "verdict": run.verdict, "message": run.message}
        seen["notes"] += _newer_python(rebuilt, run)
    except BadSubmission as refusal:
        seen |= {"verdict": refusal.verdict, "message": str(refusal)}
        unread = why_refused(refusal)
    except BackendGone:
        raise  # a verdict for each of thousands would hide what happened
    except Exception as error:  # whatever it is, it is ours: the class goes on and this one is graded again
        seen |= {"verdict": Verdict.GRADER_ERROR, "message": our_fault(error)}
    depends_on = grade_key(seen.get("original", unread), found.notes, course.basis.key)
    wall_s = time.monotonic() - begin
    return Observed(found.student, **seen, grade_key=depends_on, wall_s=wall_s, handin=found.handin)


def _newer_python(rebuilt: Rebuilt, run: Run) -> tuple[str, ...]:
    """The note on a notebook with code that the grader's Python may be too old to read."""
    own = sys.version_info[:2]
    if "SyntaxError" not in run.message or rebuilt.python <= own:
        return ()
    theirs, ours = (".".join(map(str, version)) for version in (rebuilt.python, own))
    return (f"written with Python {theirs} and graded with {ours}, which cannot read what is newer",)


def judge_one(observed: Observed, course: Course) -> Graded:
    """Judge what was observed of one submission."""
    if observed.verdict is Verdict.GRADER_ERROR:
        return failed(observed, course, observed.message)
    if observed.run is None:
        return Graded(_grade(observed, _unjudged(course, observed.message)), observed)
    try:
        raised, silences = course.settings.assignment.raised, _silences(observed.run, course)
        texts = {pair: text for pair, text in observed.run.evidence.items() if not _of_no_function(pair[0], text)}
        evidence = evidence_by_task(course.cases, texts, raised, silences)
        return Graded(_grade(observed, course.judge(evidence)), observed)
    except Exception as error:
        return failed(observed, course, our_fault(error))


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
        not_run=observed.run.not_run if observed.run else (),
        whole=observed.run.whole if observed.run else "",
        handin=observed.handin,
        other_release=observed.rebuilt.other_release if observed.rebuilt else (),
        file=file_key(observed.original) if observed.original is not None else "",
    )


def failed(observed: Observed, course: Course, message: str) -> Graded:
    """The submission where we are at fault."""
    return Graded(_grade(observed, _unjudged(course, ""), Verdict.GRADER_ERROR, message), observed)


def _silences(run: Run, course: Course) -> dict[str, str]:
    """Task -> the sentence for it if its hidden calls left nothing."""
    one, every = course.settings.limits.call_s, course.settings.limits.calls_s
    slow = f"A call on hidden inputs took more than {one:g} s, or all of them more than {every:g} s, and was stopped."
    cut_short = run.verdict not in (Verdict.OK, Verdict.PARTIAL_RUN)
    undefined = {task for (task, _), text in run.evidence.items() if _of_no_function(task, text)}

    def why(task: str) -> str:
        if task in run.too_slow:
            return slow
        if task in undefined and task in run.raised:
            return f"There is no function {task}, because its cell raised {run.raised[task]}."
        if task in undefined:
            return f"When the notebook has run, there is no function {task}. Is it still called that?"
        return run.message if cut_short or task == run.ended else ""

    return {task: why(task) for task in course.judge.points}


def _of_no_function(task: str, evidence: str) -> bool:
    """Whether a hidden call found nothing to call: that is told as what the notebook lacks, not as an error of it."""
    return f'"NameError: {NO_FUNCTION} {task}"' in evidence


def _unjudged(course: Course, reason: str) -> tuple[TaskGrade, ...]:
    """All tasks without points: failed for ``reason``, or not judged at all when there is none to give."""
    passed = False if reason else None
    message = reason or "The grader failed; this submission is graded again on a re-run."
    check = CheckResult("The notebook can be run.", passed, message)
    return tuple(TaskGrade(task, points, (check,)) for task, points in course.judge.points.items())


def our_fault(error: Exception) -> str:
    """The sentence for a submission that ``error`` kept us from grading."""
    what = str(error) if isinstance(error, GraderError) else f"{type(error).__name__}: {error}"
    return f"The grader failed, not the student: {what}"
