"""nbgrader's gradebook of the workspace: making it, opening it to write, and entering the assignment.

What we rely on in nbgrader 0.9.x, next to its documented interface, and the tests that fail when it changes. Those
without a file are in tests/autograder/records/test_nbgrader_store.py.

* ``Gradebook.db`` is an SQLAlchemy session, and every method commits through its ``commit``. A session whose ``commit``
  only flushes saves nothing until the end: test_without_commits_nothing_is_saved_until_all_is.
* ``SaveCells._create_notebook`` writes all rows of the assignment: test_the_assignment_is_entered_whole_or_not_at_all.
* It raises RuntimeError only where a notebook has submissions and other cells:
  test_when_the_gradebook_has_grades_of_other_cells_then_it_is_told.
* ``InvalidEntry`` takes the place of some errors of the database:
  test_what_nbgrader_makes_of_an_error_of_the_database_is_told.
* ``Gradebook`` starts alembic's program only where the database has no tables. See test_survival.py,
  test_when_there_is_an_empty_gradebook_then_it_becomes_a_new_one.
* The version of a new gradebook is the newest in ``ALEMBIC_DIR``. See test_nbgrader.py,
  test_the_gradebook_is_of_the_version_that_nbgrader_itself_would_make.
* ``Grade``, ``Comment`` and the tables of cells have the columns that gradebook.py reads and writes, and nbgrader shows
  what is in them. See all of test_nbgrader.py.
* ``nbgrader generate_assignment`` has the preprocessors that release.py repeats, in the same order. See
  test_nbgrader.py, test_generate_assignment_gives_the_bytes_of_our_release.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from nbgrader.api import Gradebook, InvalidEntry
from nbgrader.dbutil import ALEMBIC_DIR
from nbgrader.preprocessors import SaveCells
from sqlalchemy import create_engine
from sqlalchemy.exc import DatabaseError
from traitlets.config import Config

from autograder.config import Settings
from autograder.errors import GraderError, UsageError
from autograder.release import LOCKED, converted, release_config

LOCKED_S = 30  # that another program may hold the gradebook; a formgrader does for moments


def nbgrader_config(course: Path, workspace: Path) -> Config:
    """nbgrader's settings for a course and its workspace."""
    config = release_config()
    directory = config.CourseDirectory
    directory.root = str(course)
    directory.source_directory = "solutions"
    directory.release_directory = "assignment"
    for step in ("submitted", "autograded", "feedback"):
        directory[f"{step}_directory"] = str(workspace / step)
    directory.db_url = gradebook_url(workspace)
    return config


def gradebook_url(workspace: Path) -> str:
    """SQLAlchemy address of the workspace's gradebook."""
    return f"sqlite:///{workspace / 'gradebook.db'}"


@contextlib.contextmanager
def gradebook_writing(settings: Settings) -> Iterator[str]:
    """The address for our own writing: with patience for a formgrader that is saving, and a sentence where it fails.

    Raises:
        GraderError: The gradebook is locked for longer, its disk is full, or it is damaged.
    """
    try:
        yield f"{gradebook_url(settings.workspace)}?timeout={LOCKED_S}"
    except (DatabaseError, InvalidEntry) as error:  # nbgrader makes the second of some of the first
        reason = getattr(error, "orig", error)
        raise GraderError(
            f"The gradebook in {settings.workspace} cannot be written ({reason}). If it is locked, close what has it "
            "open (a formgrader, another nbgrader); then run the same command again."
        ) from error


@contextlib.contextmanager
def no_commit(gradebook: Gradebook) -> Iterator[None]:
    """nbgrader commits after each row that it makes; here it only sends them."""
    gradebook.db.commit = gradebook.db.flush
    try:
        yield
    finally:
        del gradebook.db.commit


def enter_assignment(settings: Settings) -> None:
    """Enter the assignment's cells and points in the gradebook, which is made where there is none.

    Raises:
        UsageError: There is no solutions notebook, or it is not one; or the gradebook belongs to another version of it.
        GraderError: The gradebook cannot be written.
    """
    try:
        with gradebook_writing(settings) as address:
            _make_gradebook(settings)
            with Gradebook(address) as gradebook:
                gradebook.update_or_create_assignment(settings.assignment.name)
            converted(settings, (*LOCKED, _SaveCellsAtOnce), address)
    except _OtherCells:
        raise UsageError(
            f"The gradebook in {settings.workspace} holds grades of a version of the assignment with other cells. "
            "Grade this version in a workspace of its own (--workspace)."
        ) from None


class _OtherCells(Exception):
    """The gradebook has submissions of a notebook with other cells."""


class _SaveCellsAtOnce(SaveCells):
    """nbgrader's, with one commit, not one a cell: each waits for the disk, seconds while templates are made."""

    def _create_notebook(self, nb: Any) -> None:
        with no_commit(self.gradebook):
            try:
                super()._create_notebook(nb)
            except RuntimeError as error:  # the only one that nbgrader raises here
                raise _OtherCells from error
        self.gradebook.db.commit()


def _make_gradebook(settings: Settings) -> None:
    """Make an empty gradebook where there is none."""
    settings.workspace.mkdir(parents=True, exist_ok=True)
    file = settings.workspace / "gradebook.db"
    if not file.exists() or not file.stat().st_size:  # a program that was killed may leave an empty one
        # nbgrader makes it table by table. It has another name until then, or a killed grader would leave a part of it.
        fresh = file.with_name(".gradebook.db.new")
        for left in (fresh, fresh.with_name(f"{fresh.name}-journal")):
            left.unlink(missing_ok=True)
        # Stamped here, or nbgrader would start alembic's program to ask it for the version: two seconds, not 0.1.
        engine = create_engine(f"sqlite:///{fresh}")
        with engine.begin() as connection:
            MigrationContext.configure(connection).stamp(ScriptDirectory(ALEMBIC_DIR), "head")
        engine.dispose()
        Gradebook(f"sqlite:///{fresh}").close()
        os.replace(fresh, file)
