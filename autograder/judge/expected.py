"""The answer key: the solutions notebook through the same box, on the same hidden inputs.

Kept in the workspace under a name made of everything it depends on, so that a regrade compares like with like and a
change of the solutions, the cases, course_lib, torch or the seed makes it anew.
"""

import hashlib
import importlib.metadata
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import course_lib
from autograder.config import Settings
from autograder.errors import BadSubmission, EvidenceError, GraderError
from autograder.execute import run_notebook
from autograder.files import write_whole
from autograder.inside.names import CASE_NAMES
from autograder.intake.parse import parse_notebook
from autograder.intake.rebuild import MasterCell, rebuild
from autograder.judge.compare import Failure
from autograder.judge.evidence import Observation, read_observation
from autograder.judge.plugin import Evidence, check_file
from autograder.results import Verdict

PACKAGE = Path(__file__).resolve().parent.parent


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
    master: tuple[MasterCell, ...], tasks: Iterable[str], seed: int, settings: Settings
) -> dict[str, Evidence]:
    """Task -> what the solutions compute on the hidden inputs of ``seed``.

    Raises:
        GraderError: The solutions notebook does not run cleanly here, or a hidden case gave nothing.
    """
    pairs = cases_of(tasks)
    source = settings.solutions_notebook.read_bytes()
    file = settings.workspace / "expected" / f"{_fingerprint(source, pairs, seed, settings)}.json"
    texts = _load(file, pairs) or _observe(source, master, pairs, seed, settings)
    evidence = group(pairs, texts)
    for task, case in pairs:
        try:
            evidence[task].values(case)
        except Failure as failure:
            raise GraderError(f"The solutions notebook's own {task} fails on hidden inputs: {failure}") from None
    write_whole(file, json.dumps([texts[pair] for pair in pairs]).encode())
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


def _observe(
    source: bytes, master: tuple[MasterCell, ...], pairs: list[tuple[str, str]], seed: int, settings: Settings
) -> Mapping[tuple[str, str], str]:
    try:
        rebuilt = rebuild(parse_notebook(source, "solutions"), master)
    except BadSubmission as error:
        raise GraderError(f"The solutions notebook cannot be used: {error}") from None
    run = run_notebook(rebuilt, pairs, seed, settings)
    if run.verdict is not Verdict.OK or len(run.evidence) != len(pairs):
        raise GraderError(
            f"The solutions notebook does not run cleanly in the box ({run.verdict}): "
            f"{run.message or 'some hidden calls gave nothing'} Nothing was graded."
        )
    return run.evidence


def _load(file: Path, pairs: list[tuple[str, str]]) -> dict[tuple[str, str], str] | None:
    try:
        texts = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    whole = isinstance(texts, list) and len(texts) == len(pairs) and all(isinstance(text, str) for text in texts)
    return dict(zip(pairs, texts, strict=True)) if whole else None


def _fingerprint(source: bytes, pairs: list[tuple[str, str]], seed: int, settings: Settings) -> str:
    digest = hashlib.sha256()
    cells = [("".join(cell["source"]), cell["cell_type"]) for cell in json.loads(source)["cells"]]
    digest.update(json.dumps([cells, pairs, seed, settings.profile]).encode())
    digest.update(importlib.metadata.version("torch").encode())
    for folder in (PACKAGE / "inside", Path(course_lib.__file__).parent):  # the one that the box shows
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:24]
