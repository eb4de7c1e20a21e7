"""Tells which assignment a class was handed in for, if the course has several and nobody said."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from autograder.errors import BadSubmission, UsageError
from autograder.intake.find import find_class
from autograder.intake.parse import parse_notebook

LOOKED_AT = 20  # submissions of each assignment; a class is handed in for one


def which_assignment(
    path: Path, grade_ids: Mapping[str, frozenset[str]], max_bytes: int, platform: str | None = None
) -> str:
    """The assignment whose cells most of the notebooks hold.

    Args:
        path: As :func:`autograder.intake.find.find_class` takes it; so is ``platform``.
        grade_ids: Assignment -> nbgrader's ids of its cells.
        max_bytes: The largest file that is read.

    Raises:
        UsageError: Nothing is there, or no notebook holds cells of an assignment, or as many hold those of one as of
            another.
    """
    votes: Counter[str] = Counter()
    for name in grade_ids:
        try:
            submissions = find_class(path, name, platform, grade_ids[name], grade_ids.keys() - {name}).found
        except UsageError:
            continue  # none in the folders that are called after this one
        for found in submissions[:LOOKED_AT]:
            try:
                cells = parse_notebook(found.read(max_bytes), found.student).cells
            except BadSubmission:
                continue
            ids = {cell.grade_id for cell in cells} - {""}
            held = {other: len(ids & of_other) for other, of_other in grade_ids.items()}
            if held[name] and held[name] == max(held.values()):
                votes[name] += 1
    if not path.exists():
        find_class(path, next(iter(grade_ids)))  # says what was expected
    first, second = [*votes.most_common(2), ("", 0), ("", 0)][:2]
    if first[1] == second[1]:
        raise UsageError(
            f"It cannot be told from the notebooks in {path} which assignment they are for. "
            f"Name one with --assignment: {', '.join(grade_ids)}."
        )
    return first[0]
