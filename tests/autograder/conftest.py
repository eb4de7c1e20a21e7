"""One small course for all tests of the grader, prepared once: its solutions have been through the box."""

import dataclasses
import importlib.metadata
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from small_course import make_course, prepared_with, settings_for, submission

from autograder import boxes
from autograder.boxes import Boxes
from autograder.course import Course, Graded
from autograder.grading import grade_one
from autograder.intake.find import Found
from autograder.judge.judge import Judge, load_checks
from autograder.runner import Runner


@pytest.fixture(name="small_course", scope="session")
def _small_course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_course(tmp_path_factory.mktemp("small") / "course")


@pytest.fixture(name="prepared", scope="session")
def _prepared(small_course: Path, tmp_path_factory: pytest.TempPathFactory) -> Course:
    settings = settings_for(small_course, tmp_path_factory.mktemp("workspace"))
    return prepared_with(settings, 11)


class SharedTemplates:
    """The templates of another class, which go on when this one is done."""

    def __init__(self, course: Course) -> None:
        self.borrow = course.runner.backend.templates.borrow  # type: ignore[attr-defined]

    def prestart(self, count: int) -> None:
        """They are there."""

    def close(self) -> None:
        """Leave them open."""


@pytest.fixture(name="warm", scope="module")
def _warm(prepared: Course) -> Iterator[None]:
    """In this module, classes of the small course get the templates of ``prepared``, and need not wait for others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boxes, "Templates", lambda settings: SharedTemplates(prepared))
        yield


@pytest.fixture(name="below_tmp")
def _below_tmp() -> Iterator[Path]:
    """A folder that lies in /tmp, as a course may, with a file ``mark`` in it that says "here"."""
    with tempfile.TemporaryDirectory(prefix="a prefix-", dir="/tmp") as folder:
        (Path(folder) / "mark").write_text("here")
        yield Path(folder)


@pytest.fixture(name="modules")
def _modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder outside of the environment with a copy of tqdm, as ``pip install --target`` makes one."""
    folder = tmp_path_factory.mktemp("modules")
    for part in (installed := Path(importlib.metadata.distribution("tqdm").locate_file(""))).glob("tqdm*"):
        shutil.copytree(part, folder / part.relative_to(installed))
    return folder


@pytest.fixture(name="graded")
def _graded(prepared: Course, tmp_path: Path) -> Callable[..., Graded]:
    """Grades the right answers with some replaced, under limits of which some are changed."""

    def run(data: bytes | None = None, limits: dict[str, Any] | None = None, **answers: str) -> Graded:
        (tmp_path / "student.ipynb").write_bytes(data if data is not None else submission(prepared.released, **answers))
        settings = prepared.settings
        changed = dataclasses.replace(settings, limits=dataclasses.replace(settings.limits, **limits or {}))
        stored = dataclasses.replace(changed, workspace=tmp_path / "stored")
        templates = prepared.runner.backend.templates  # type: ignore[attr-defined]  # made once for all tests
        runner = Runner(stored, "surroundings", fresh=True, backend=Boxes(stored, templates))
        checks = load_checks(changed.assignment.checks, prepared.judge.points)  # as they are now
        judging: Future[Judge] = Future()
        judging.set_result(Judge(checks, prepared.judge.key, prepared.judge.points))
        course = dataclasses.replace(prepared, settings=changed, runner=runner, judging=judging)
        return grade_one(Found("student", tmp_path, (PurePosixPath("student.ipynb"),)), course)

    return run
