"""What an instructor types -> a grading to compare: a round, a seed, another workspace, or a file like results.json."""

import re
from pathlib import Path

from autograder.changes import Side
from autograder.errors import UsageError, counted
from autograder.records.marks import marked
from autograder.records.results_json import read_results
from autograder.records.rounds import newest_results, results_after, results_of_seed, round_numbers

SEED = re.compile(r"seed:(\d{1,20})")


def two_gradings(before: str | None, after: str | None, workspace: Path, assignment: str) -> tuple[Side, Side]:
    """The gradings that two words name: without the second the newest round, without both the two newest.

    Raises:
        UsageError: A word names nothing that is there; or there are fewer than two rounds.
    """
    kept = round_numbers(workspace, assignment)
    if before is None and len(kept) < 2:
        raise UsageError(
            f"{workspace} keeps {counted(len(kept), 'round')} of {assignment}; expected two, to "
            "compare them. Grade again, or name what to compare: autograder diff BEFORE AFTER."
        )
    if after is None and not kept:
        raise UsageError(f"{workspace} keeps no round of {assignment}. Name a second grading to compare with.")
    older = str(kept[-2]) if before is None else before
    newer = str(kept[-1]) if after is None else after
    return grading(older, workspace, assignment), grading(newer, workspace, assignment)


def grading(word: str, workspace: Path, assignment: str) -> Side:
    """The grading that a word names, with the marks that people gave since.

    Raises:
        UsageError: It names nothing that is there.
    """
    if word.isdecimal():
        return Side(f"round {int(word)}", marked(results_after(workspace, assignment, int(word)), workspace))
    if found := SEED.fullmatch(word):
        results = results_of_seed(workspace, assignment, int(found[1]))
        return Side(f"seed {found[1]}", marked(results, workspace))
    path = Path(word)
    if not path.exists():
        raise UsageError(
            f"{word!r} names no grading. Expected the number of a round, seed:NUMBER, a workspace, or a file like "
            "results.json."
        )
    of_workspace = newest_results(path, assignment) if path.is_dir() else None
    if path.is_dir() and of_workspace is None:
        raise UsageError(f"{path} holds no results of {assignment}. Expected a workspace, as --workspace names one.")
    results = of_workspace or read_results(path)
    if results.assignment != assignment:
        raise UsageError(f"{path} holds results of {results.assignment!r}, not of {assignment!r}.")
    return Side(str(path), marked(results, path) if path.is_dir() else results)
