"""nbgrader's gradebook of the workspace: making it, opening it to write, and entering the assignment.

What we rely on in nbgrader 0.9.x, next to its documented interface, and the tests that fail when it changes. Those
without a file are in tests/autograder/records/test_nbgrader_store.py.

* ``Gradebook.db`` is an SQLAlchemy session, and every method commits through its ``commit``. A session whose ``commit``
  only flushes saves nothing until the end: test_without_commits_nothing_is_saved_until_all_is.
* ``SaveCells._create_notebook`` writes all rows of the assignment: test_the_assignment_is_entered_whole_or_not_at_all.
* It raises RuntimeError only where a notebook has submissions and other cells, and has changed nothing then. Where
  there is no notebook of the name, it enters all cells. See test_new_version.py.
* nbgrader leaves a table alone that it does not know: test_a_table_of_ours_survives_what_nbgrader_does.
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
import functools
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from nbgrader.api import Gradebook, GradeCell, InvalidEntry, MissingEntry
from nbgrader.dbutil import ALEMBIC_DIR
from nbgrader.preprocessors import SaveCells
from sqlalchemy import create_engine
from sqlalchemy.exc import DatabaseError
from traitlets.config import Config

from autograder.config import Settings
from autograder.errors import GraderError
from autograder.files import write_whole
from autograder.records.fingerprints import make_table
from autograder.records.new_version import look_again, move, void
from autograder.release import LOCKED, converted, release_config

CONFIG = '''"""nbgrader's settings for this workspace: read by JupyterLab and `nbgrader` started in this folder.

Written by the grader. Settings of your own belong into the nbgrader_config.py of the course, which is read first.
"""

from pathlib import Path

from autograder.nbgrader_plugins import course_config

course = {course!r}
load_subconfig("nbgrader_config.py", path=course)
c = get_config()
c.merge(course_config(Path(course), Path(__file__).resolve().parent))
'''
LOCKED_S = 30  # that another program may hold the gradebook; a formgrader does for moments


def nbgrader_config(course: Path, workspace: Path, root: Path) -> Config:
    """nbgrader's settings for a course and its workspace.

    Args:
        root: What nbgrader takes for the course folder: it serves nothing outside. One of the other two.
    """

    def below(path: Path) -> str:  # relative where that can be: nbgrader makes patterns of paths, and escapes its root
        return str(path.relative_to(root) if path.is_relative_to(root) else path)

    config = release_config()
    directory = config.CourseDirectory
    directory.root = str(root)
    directory.source_directory = below(course / "solutions")
    directory.release_directory = below(course / "assignment")
    for step in ("submitted", "autograded", "feedback"):
        directory[f"{step}_directory"] = below(workspace / step)
    directory.db_url = gradebook_url(workspace)
    return config


def _write_config(settings: Settings) -> None:
    """Let JupyterLab and nbgrader open the workspace: they read their settings in the folder that they start in."""
    file = settings.workspace / "nbgrader_config.py"
    text = CONFIG.format(course=str(settings.course)).encode("utf-8", "surrogateescape")
    ours = not file.exists() or file.read_bytes().startswith(text[:60])
    if ours and settings.workspace != settings.course:  # else it is an instructor's, or would be
        write_whole(file, text)


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


def enter_assignment(settings: Settings) -> tuple[str, ...]:
    """Enter the assignment's cells and points in the gradebook, which is made where there is none.

    Returns:
        What became of points that people gave and that do not fit this version, as sentences.

    Raises:
        UsageError: There is no solutions notebook, or it is not one.
        GraderError: The gradebook cannot be written.
    """
    with gradebook_writing(settings) as address:
        _make_gradebook(settings)
        _write_config(settings)
        with Gradebook(address) as gradebook:
            gradebook.update_or_create_assignment(settings.assignment.name)
            make_table(gradebook)
            gradebook.db.commit()
        entering = _Entering(settings.workspace / "gradebook.db")
        converted(settings, (*LOCKED, entering), address)
    return tuple(entering.said)


class _Entering(SaveCells):
    """nbgrader's, with one commit, not one a cell: each waits for the disk, seconds while templates are made.

    Attributes:
        said: What became of points that people gave and that do not fit this version.
    """

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.said: list[str] = []
        self._file = file
        self._copy: Path | None = None

    def _create_notebook(self, nb: Any) -> None:
        before = {cell.name: cell.max_score for cell in self._cells()}
        if any(old and not self.new_grade_cells.get(name, {}).get("max_score") for name, old in before.items()):
            self._copy = _copied(self._file)
        with no_commit(self.gradebook):
            dropped = self._entered(nb)
            now = {cell: (before.get(cell.name, 0), cell.max_score) for cell in self._cells()}
            dropped += void(self.gradebook, [cell for cell, (old, new) in now.items() if old and not new])
            above = look_again(self.gradebook, [cell for cell, (old, new) in now.items() if 0 < new < old])
        self.gradebook.db.commit()
        if dropped:
            self.said.append(
                "The assignment has other cells or points now. What people gave for those that count no more was "
                f"dropped: {', '.join(dropped)}. The gradebook as it was before is {self._copy}."
            )
        elif self._copy:
            self._copy.unlink()
        if above:
            self.said.append(f"Points by hand above the new maximum wait for a person: {', '.join(above)}.")

    def _entered(self, nb: Any) -> list[str]:
        """Enter the cells; what had to be dropped."""
        try:
            super()._create_notebook(nb)
            return []
        except RuntimeError:  # the only one that nbgrader raises here, before it has changed anything: other cells
            self._copy = self._copy or _copied(self._file)
            for cells in (self.new_grade_cells, self.new_solution_cells, self.new_task_cells, self.new_source_cells):
                for about in cells.values():
                    about.pop("id", None)  # of the cell's row in the older version
            return move(self.gradebook, self.notebook_id, functools.partial(super()._create_notebook, nb))

    def _cells(self) -> list[GradeCell]:
        """The cells with points that the gradebook has."""
        try:
            return self.gradebook.find_notebook(self.notebook_id, self.assignment_id).grade_cells
        except MissingEntry:
            return []


def _copied(file: Path) -> Path:
    """A copy of the gradebook next to it, called after the time."""
    copy = file.with_name(f"gradebook-{time.strftime('%Y-%m-%dT%H%M%S')}.db")
    with contextlib.closing(sqlite3.connect(file)) as book, contextlib.closing(sqlite3.connect(copy)) as target:
        book.backup(target)
    return copy


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
