"""A gradebook with marks of people meets another version of the assignment."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook
from small_course import cell, make_course, settings_for

from autograder.config import Settings
from autograder.records.marks import load_marks
from autograder.records.nbgrader_store import enter_assignment, gradebook_url

# nbgrader adds rows in an order SQLAlchemy remarks on.
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")


@contextmanager
def gradebook(settings: Settings) -> Iterator[Gradebook]:
    with Gradebook(gradebook_url(settings.workspace)) as opened:
        yield opened
        opened.db.commit()


@pytest.fixture(name="marked", scope="module")
def _marked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course whose gradebook has two students: ann with marks and comments by hand, bob without."""
    folder = tmp_path_factory.mktemp("marked")
    settings = settings_for(make_course(folder / "course"), folder / "ws")
    enter_assignment(settings)
    with gradebook(settings) as book:
        for student in ("ann", "bob"):
            book.update_or_create_student(student)
            book.update_or_create_submission("small", student)
            for name, points in (("check_mac_ratio", 1.0), ("check_choose_tolerance", 3.0)):
                grade = book.find_grade(name, "small", "small", student)
                grade.auto_score, grade.needs_manual_grade = points, False
        for name, points in (("check_mac_ratio", 0.5), ("q_why", 1.5)):
            grade = book.find_grade(name, "small", "small", "ann")
            grade.manual_score, grade.needs_manual_grade = points, False
        book.find_comment("q_why", "small", "small", "ann").manual_comment = "Say for whom."
        book.find_comment("mac_ratio", "small", "small", "ann").manual_comment = "See me."
        book.find_submission_notebook("small", "small", "ann").flagged = True
    return folder


@pytest.fixture(name="settings")
def _settings(marked: Path, tmp_path: Path) -> Settings:
    """A copy of that course, and of its workspace."""
    shutil.copytree(marked, tmp_path, dirs_exist_ok=True)
    return settings_for(tmp_path / "course", tmp_path / "ws")


def change(settings: Settings, edit: Callable[[list[dict[str, Any]]], object]) -> tuple[str, ...]:
    """What is said when the solutions were edited and the assignment is entered again."""
    notebook = json.loads(settings.solutions_notebook.read_text())
    edit(notebook["cells"])
    settings.solutions_notebook.write_text(json.dumps(notebook))
    return enter_assignment(settings)


def worth(name: str, points: float) -> Callable[[list[dict[str, Any]]], object]:
    def edit(cells: list[dict[str, Any]]) -> None:
        (one,) = [cell for cell in cells if cell["metadata"]["nbgrader"]["grade_id"] == name]
        one["metadata"]["nbgrader"]["points"] = points

    return edit


def marks(settings: Settings, student: str = "ann") -> dict[str, tuple[Any, ...]]:
    return {
        mark.question: (mark.automatic, mark.by_hand, mark.max_score, mark.comment)
        for mark in load_marks(settings.workspace, "small")[student].marks
    }


def copies(settings: Settings) -> list[Path]:
    return list(settings.workspace.glob("gradebook-*.db"))


def test_the_same_version_changes_nothing_and_leaves_no_copy(settings: Settings) -> None:
    before = marks(settings)

    assert change(settings, lambda cells: None) == ()
    assert marks(settings) == before
    assert copies(settings) == []


def test_a_removed_task_takes_its_own_marks_alone_and_says_which(settings: Settings) -> None:
    (said,) = change(settings, lambda cells: cells.__delitem__(slice(2, 4)))

    assert marks(settings) == {"choose_tolerance": (3.0, None, 3.0, ""), "q_why": (None, 1.5, 2.0, "Say for whom.")}
    assert "check_mac_ratio (1 mark)" in said and "mac_ratio (1 comment)" in said
    (copy,) = copies(settings)
    assert str(copy) in said
    with Gradebook(f"sqlite:///{copy}") as book:
        assert book.find_grade("check_mac_ratio", "small", "small", "ann").manual_score == 0.5
    with gradebook(settings) as book:
        assert book.find_submission_notebook("small", "small", "ann").flagged
        assert (book.find_submission("small", "ann").score, book.find_assignment("small").max_score) == (4.5, 5.0)


def test_an_added_question_waits_in_its_place_and_nothing_is_lost(settings: Settings) -> None:
    before = marks(settings)
    question = cell("markdown", "q_new", "### BEGIN SOLUTION\nNew.\n### END SOLUTION", points=4, solution=True)

    assert change(settings, lambda cells: cells.insert(2, question)) == ()

    after = marks(settings)
    assert list(after) == ["q_new", "mac_ratio", "choose_tolerance", "q_why"], "in the notebook's order"
    assert after == before | {"q_new": (None, None, 4.0, "")}
    assert "q_new" in load_marks(settings.workspace, "small")["bob"].waiting
    assert copies(settings) == []


def test_a_renamed_cell_keeps_its_marks(settings: Settings) -> None:
    def rename(cells: list[dict[str, Any]]) -> None:
        cells[-1]["metadata"]["nbgrader"]["grade_id"] = "q_because"

    assert change(settings, rename) == ()
    assert marks(settings)["q_because"] == (None, 1.5, 2.0, "Say for whom.")


def test_a_task_that_is_worth_nothing_now_counts_nothing_in_all_totals(settings: Settings) -> None:
    (said,) = change(settings, worth("check_mac_ratio", 0))

    assert "check_mac_ratio (1 mark)" in said
    assert "mac_ratio" not in marks(settings)
    with gradebook(settings) as book:
        ann, bob = (book.find_submission("small", student) for student in ("ann", "bob"))
        assert [(one.score, one.max_score) for one in (ann, bob)] == [(4.5, 5.0), (3.0, 5.0)]
        voided = book.find_grade("check_mac_ratio", "small", "small", "ann")
        assert (voided.score, voided.max_score, voided.needs_manual_grade) == (0.0, 0.0, False)


def test_marks_above_a_new_maximum_stay_and_wait(settings: Settings) -> None:
    (said,) = change(settings, worth("q_why", 1))

    assert said == "Points by hand above the new maximum wait for a person: q_why (1 mark)."
    assert marks(settings)["q_why"] == (None, 1.5, 1.0, "Say for whom.")
    assert load_marks(settings.workspace, "small")["ann"].stale == ("q_why",)


def test_a_version_that_cannot_be_entered_changes_nothing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    before = marks(settings), marks(settings, "bob")
    with monkeypatch.context() as patch:
        patch.setattr(Gradebook, "remove_notebook", breaks)  # the last step
        with pytest.raises(KeyboardInterrupt):
            change(settings, lambda cells: cells.__delitem__(slice(2, 4)))

    assert (marks(settings), marks(settings, "bob")) == before
