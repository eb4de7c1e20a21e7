"""What a person marked, as a hash: a regrade asks for a second look only where that has changed.

The hashes are a table of ours in nbgrader's gradebook. So they are saved in one transaction with the scores, and are
copied, moved and restored with them. nbgrader leaves alone what it does not know.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from nbgrader.api import Gradebook
from sqlalchemy import text

from autograder.course import Graded
from autograder.intake.embedded import MARK
from autograder.intake.master import MasterCell
from autograder.intake.rebuild import Rebuilt
from autograder.results import Verdict

TABLE = "CREATE TABLE IF NOT EXISTS autograder_fingerprint (grade_id VARCHAR(32) PRIMARY KEY, fingerprint VARCHAR(32))"
OF_NOTEBOOK = """
    SELECT grade.id, autograder_fingerprint.fingerprint
    FROM autograder_fingerprint JOIN grade ON grade.id = autograder_fingerprint.grade_id
    WHERE grade.notebook_id = :notebook"""
FORGET = "DELETE FROM autograder_fingerprint WHERE grade_id NOT IN (SELECT id FROM grade)"
KEEP = "INSERT OR REPLACE INTO autograder_fingerprint VALUES (:grade, :fingerprint)"


def fingerprints(graded: Graded, master: tuple[MasterCell, ...]) -> dict[str, str]:
    """The grade_id of each cell with points -> hash of what its points are for.

    Of a task it is what the checks said, of an answer its words and pictures. Nothing is known where the grader failed.
    """
    grade, rebuilt = graded.grade, graded.observed.rebuilt
    if grade.verdict is Verdict.GRADER_ERROR:
        return {}
    tasks = {task.task: task for task in grade.tasks}
    answers = _answers(rebuilt) if rebuilt else {}
    found = {}
    for cell in master:
        task = tasks.get(cell.task)
        if task:
            found[cell.grade_id] = _hash([task.score, [check.passed for check in task.checks]])
        elif cell.points:
            found[cell.grade_id] = _hash(answers.get(cell.grade_id, grade.verdict.value))
    return found


def make_table(gradebook: Gradebook) -> None:
    """Make the table where there is none, without rows of grades that are gone; the caller commits."""
    gradebook.db.execute(text(TABLE))
    gradebook.db.execute(text(FORGET))


def kept(gradebook: Gradebook, notebook: str) -> dict[str, str]:
    """Id of a grade -> what was kept of it, for one submitted notebook."""
    rows = gradebook.db.execute(text(OF_NOTEBOOK), {"notebook": notebook})
    return {row[0]: row[1] for row in rows}


def keep(gradebook: Gradebook, changed: Mapping[str, str]) -> None:
    """Keep the fingerprints of these grades, by their ids; the caller commits."""
    if changed:
        rows = [{"grade": grade, "fingerprint": fingerprint} for grade, fingerprint in changed.items()]
        gradebook.db.execute(text(KEEP), rows)


def _answers(rebuilt: Rebuilt) -> dict[str, list[str]]:
    """The grade_id of each question -> the texts of its cell and of those that the student added below it."""
    answers: dict[str, list[str]] = {}
    question = ""
    for cell in rebuilt.cells:
        if cell.master:
            question = cell.master.grade_id if cell.master.solution else ""
            answers[question] = []
            if question in rebuilt.unanswered:
                continue  # what is there is released text, which the instructor may reword
        if question:
            shown = MARK.sub(lambda mark: _picture(mark[0], rebuilt), cell.source)
            answers[question].append(" ".join(shown.split()))
    return answers


def _picture(mark: str, rebuilt: Rebuilt) -> str:
    """The hash of a picture; its number depends on the pictures above it."""
    return f"[{_hash(rebuilt.pictures[mark].base64)}]" if mark in rebuilt.pictures else mark


def _hash(what: Any) -> str:
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:32]
