"""What the gradebook relies on in nbgrader, tried on nbgrader itself; see also test_nbgrader.py."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from small_course import make_course, settings_for

from autograder.config import Settings
from autograder.errors import GraderError
from autograder.records.fingerprints import keep, kept
from autograder.records.nbgrader_store import enter_assignment, gradebook_writing, no_commit

# nbgrader adds rows in an order SQLAlchemy remarks on.
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")


@pytest.fixture(name="settings")
def _settings(small_course: Path, tmp_path: Path) -> Settings:
    return settings_for(small_course, tmp_path)


def rows(settings: Settings, table: str) -> int:
    """How many rows of a table others see."""
    with contextlib.closing(sqlite3.connect(settings.workspace / "gradebook.db")) as database:
        return database.execute(f"select count(*) from {table}").fetchone()[0]


def test_without_commits_nothing_is_saved_until_all_is(settings: Settings) -> None:
    enter_assignment(settings)
    with gradebook_writing(settings) as address, Gradebook(address) as gradebook:
        with no_commit(gradebook):
            gradebook.update_or_create_student("ann")
            gradebook.update_or_create_submission("small", "ann")
            meanwhile = rows(settings, "student"), rows(settings, "submitted_assignment")
        gradebook.db.commit()

    assert meanwhile == (0, 0)
    assert (rows(settings, "student"), rows(settings, "submitted_assignment")) == (1, 1)


def test_the_assignment_is_entered_whole_or_not_at_all(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Gradebook, "update_or_create_source_cell", breaks)  # nbgrader enters these last
        with pytest.raises(KeyboardInterrupt):
            enter_assignment(settings)
    broken_off = rows(settings, "notebook"), rows(settings, "base_cell")
    enter_assignment(settings)

    assert broken_off == (0, 0)
    assert (rows(settings, "notebook"), rows(settings, "base_cell")) == (1, 6)


def test_a_table_of_ours_survives_what_nbgrader_does(settings: Settings) -> None:
    enter_assignment(settings)
    with gradebook_writing(settings) as address, Gradebook(address) as gradebook:
        gradebook.add_student("ann")
        gradebook.add_submission("small", "ann")
        grade = gradebook.find_grade("q_why", "small", "small", "ann").id
        keep(gradebook, {grade: "before"})
        gradebook.db.commit()
        keep(gradebook, {grade: "after"})
        gradebook.db.commit()
        notebook = gradebook.find_submission_notebook("small", "small", "ann").id
        assert kept(gradebook, notebook) == {grade: "after"}
        enter_assignment(settings)
        assert kept(gradebook, notebook) == {grade: "after"}
        gradebook.remove_submission("small", "ann")
    enter_assignment(settings)

    assert rows(settings, "autograder_fingerprint") == 0


def test_what_nbgrader_makes_of_an_error_of_the_database_is_told(settings: Settings) -> None:
    enter_assignment(settings)

    with (
        pytest.raises(GraderError, match="cannot be written"),
        gradebook_writing(settings) as address,
        Gradebook(address) as gradebook,
    ):
        gradebook.add_student("ann")
        gradebook.add_student("ann")


def test_an_instructors_own_settings_of_nbgrader_are_never_written_over(settings: Settings) -> None:
    file = settings.workspace / "nbgrader_config.py"
    enter_assignment(settings)
    written = file.read_text()
    file.write_text(written.replace(str(settings.course), "/moved"))
    enter_assignment(settings)
    again = file.read_text()
    file.write_text("c = get_config()\n")
    enter_assignment(settings)

    assert repr(str(settings.course)) in written
    assert (again, file.read_text()) == (written, "c = get_config()\n")


def test_a_course_that_is_its_own_workspace_gets_no_settings_that_would_read_themselves(tmp_path: Path) -> None:
    course = make_course(tmp_path / "course")
    enter_assignment(settings_for(course, course))

    assert not (course / "nbgrader_config.py").exists()
