"""The answer key: the solutions notebook through the same boxes, on the same hidden inputs, and kept as any run is."""

from collections.abc import Iterable, Mapping

from autograder.boxes import Boxes
from autograder.config import Settings
from autograder.errors import BadSubmission, EvidenceError, GraderError
from autograder.inside.names import CASE_NAMES
from autograder.intake.parse import parse_notebook
from autograder.intake.rebuild import MasterCell, rebuild
from autograder.judge.compare import Failure
from autograder.judge.evidence import Observation, read_observation
from autograder.judge.plugin import Evidence, check_file
from autograder.results import Verdict


def cases_of(tasks: Iterable[str]) -> list[tuple[str, str]]:
    """(task, case) pairs to observe.

    Raises:
        GraderError: A task that carries points has no hidden cases or no checks.
    """
    pairs = []
    for task in tasks:
        if task not in CASE_NAMES:
            raise GraderError(f"The task {task} carries points but has no hidden cases in autograder/inside/cases.py.")
        check_file(task)
        pairs += [(task, case) for case in CASE_NAMES[task]]
    return pairs


def expected_evidence(
    master: tuple[MasterCell, ...], tasks: Iterable[str], seed: int, settings: Settings, boxes: Boxes
) -> dict[str, Evidence]:
    """Task -> what the solutions compute on the hidden inputs of ``seed``.

    Raises:
        GraderError: The solutions notebook does not run cleanly here, or a hidden case gave nothing.
    """
    pairs = cases_of(tasks)
    try:
        rebuilt = rebuild(parse_notebook(settings.solutions_notebook.read_bytes(), "solutions"), master)
    except BadSubmission as error:
        raise GraderError(f"The solutions notebook cannot be used: {error}") from None
    run = boxes.run(rebuilt, pairs, seed, explain=True)
    if run.verdict is not Verdict.OK or len(run.evidence) != len(pairs):
        raise GraderError(
            f"The solutions notebook does not run cleanly in the box ({run.verdict}): "
            f"{run.message or 'some hidden calls gave nothing'} Nothing was graded."
        )
    evidence = group(pairs, run.evidence)
    for task, case in pairs:
        try:
            evidence[task].values(case)
        except Failure as failure:
            raise GraderError(f"The solutions notebook's own {task} fails on hidden inputs: {failure}") from None
    return evidence


def group(
    pairs: Iterable[tuple[str, str]], texts: Mapping[tuple[str, str], str], silence: Mapping[str, str] | None = None
) -> dict[str, Evidence]:
    """Evidence by task; a text that is not well-formed counts as not given.

    Args:
        silence: Task -> what to say where a case is missing.
    """
    observations: dict[str, dict[str, Observation]] = {}
    for task, case in pairs:
        of_task = observations.setdefault(task, {})
        if (task, case) in texts:
            try:
                of_task[case] = read_observation(texts[task, case], task, case)
            except EvidenceError:
                continue  # fail closed: malformed evidence is no evidence
    return {task: Evidence(of_task, (silence or {}).get(task, "")) for task, of_task in observations.items()}
