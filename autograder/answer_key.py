"""Solutions notebook -> the evidence of each task, called the answer key. Knows no checks and no submission.

The pipeline calls it before the first submission. The solutions run in the same box on the same hidden inputs as a
submission, and their run is stored as any run is. So a check compares two observations, and no expected value is typed
into one. The checks then run on the answer key itself. If they do not give full marks, grading refuses to start.
"""

from autograder.config import Settings
from autograder.errors import BadSubmission, GraderError
from autograder.intake.master import MasterCell
from autograder.intake.parse import parse_notebook
from autograder.intake.rebuild import rebuild
from autograder.judge.check import Failure
from autograder.judge.evidence import Evidence, evidence_by_task
from autograder.results import Verdict
from autograder.runner import Runner


def answer_key(
    master: tuple[MasterCell, ...], cases: tuple[tuple[str, str], ...], seed: int, settings: Settings, runner: Runner
) -> dict[str, Evidence]:
    """Task -> what the solutions compute on the hidden inputs of ``seed``.

    Args:
        cases: (task, case) pairs to call.

    Raises:
        GraderError: The solutions notebook does not run cleanly here, or a hidden case gave nothing.
    """
    try:
        rebuilt = rebuild(parse_notebook(settings.solutions_notebook.read_bytes(), "solutions"), master)
    except BadSubmission as error:
        raise GraderError(f"The solutions notebook cannot be used: {error}") from None
    _, run = runner.run(rebuilt, cases, seed, explain=True)
    if run.verdict is not Verdict.OK or len(run.evidence) != len(cases):
        raise GraderError(
            f"The solutions notebook does not run cleanly in the box ({run.verdict}): "
            f"{run.message or 'some hidden calls gave nothing'} Nothing was graded."
        )
    evidence = evidence_by_task(cases, run.evidence)
    for task, case in cases:
        try:
            evidence[task].values(case)
        except Failure as failure:
            raise GraderError(
                f"The hidden case {case} of {task} fails on the solutions notebook. Correct the solution, or the case "
                f"in {settings.assignment.inside / 'cases.py'}. {failure}"
            ) from None
    return evidence
