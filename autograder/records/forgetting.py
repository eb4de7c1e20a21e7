"""Removes a student from nbgrader's gradebook."""

import contextlib
import sqlite3
import warnings
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry
from sqlalchemy.exc import SAWarning

from autograder.config import Settings
from autograder.records.nbgrader_store import LOCKED_S, gradebook_writing, no_commit


def students_in_gradebook(workspace: Path) -> set[str]:
    """The identifiers of all students that the gradebook has; none where it cannot be read."""
    try:
        with contextlib.closing(sqlite3.connect(f"{(workspace / 'gradebook.db').as_uri()}?mode=ro", uri=True)) as book:
            return {student for (student,) in book.execute("SELECT id FROM student")}
    except sqlite3.Error:
        return set()


def remove_from_gradebook(student: str, settings: Settings) -> None:
    """Remove a student with all submissions, scores and comments, if the gradebook has them.

    Raises:
        GraderError: It cannot be written.
    """
    file = settings.workspace / "gradebook.db"
    if not file.is_file():
        return
    with warnings.catch_warnings(), gradebook_writing(settings) as address:
        warnings.simplefilter("ignore", SAWarning)
        with Gradebook(address) as gradebook, contextlib.suppress(MissingEntry):
            with no_commit(gradebook):
                gradebook.remove_student(student)
            gradebook.db.commit()
        with contextlib.closing(sqlite3.connect(file, timeout=LOCKED_S)) as book:
            book.execute("VACUUM")  # what was deleted would stay in the file until its room is needed
