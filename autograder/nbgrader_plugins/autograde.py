"""Lets ``nbgrader autograde`` grade as ``autograder grade`` does: same box, same verdicts, same scores.

nbgrader reads a submission, sanitizes it with one list of preprocessors, writes it, reads that, and grades it with a
second list. Here the first step only makes sure that there is something to read: a damaged file becomes the released
notebook. The second goes back to the file handed in and grades that from the start. So there is one way of grading.

Formgrader's Autograde button runs this inside JupyterLab, which goes on for days. So the workspace is locked for one
submission at a time, and what was made ready serves again only while everything that it depends on is the same.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets.config import Config

from autograder.config import load_settings
from autograder.course import Course
from autograder.errors import AutograderError
from autograder.grading import grade_one
from autograder.intake.find import Found
from autograder.nbgrader_plugins.folders import solutions_folder, workspace_of
from autograder.pipeline import prepare, remember
from autograder.records.gradebook import Records
from autograder.records.graded_notebook import graded_notebook
from autograder.workspace import basis_of, locked


class _Ready:
    """The assignment that was graded last, made ready."""

    def __init__(self) -> None:
        self._course: Course | None = None

    @contextlib.contextmanager
    def course(self, config: Config, assignment: str) -> Iterator[Course]:
        """The assignment as it is now, and its workspace locked.

        Args:
            config: nbgrader's, as :func:`course_config` makes it.

        Raises:
            AutograderError: Another grading holds the workspace, or the assignment cannot be made ready.
        """
        workspace = workspace_of(config)
        settings = load_settings(solutions_folder(config).parent, workspace, assignment, jobs=1)
        with locked(workspace):
            basis = basis_of(settings)
            if self._course and (self._course.settings, self._course.basis.key) != (settings, basis.key):
                self._course.runner.close()
                self._course = None
            if self._course is None:
                self._course = prepare(settings, basis)
            yield self._course


_ready = _Ready()


class ReadsAnything(NotebookExporter):
    """Gives the released notebook in place of whatever was handed in, which may not be readable.

    nbgrader makes it before it looks for the assignment in the gradebook, which is made here.
    """

    def __init__(self, **words: Any) -> None:
        super().__init__(**words)
        try:
            with _ready.course(self.config, self.parent.coursedir.assignment_id) as course:
                self._graded, self._released = course.settings.workspace / "autograded", course.released
                for remark in course.remarks:
                    self.log.warning(remark)
        except AutograderError as error:
            self.log.error(str(error))
            raise NbGraderException(str(error)) from None

    def from_filename(self, filename: str, resources: dict | None = None, **kwargs: Any) -> tuple[Any, dict]:
        if Path(filename).is_relative_to(self._graded):
            return super().from_filename(filename, resources=resources, **kwargs)
        released = nbformat.from_dict(self._released)
        return self.from_notebook_node(released, resources=resources, **kwargs)


class GradeInBox(NbGraderPreprocessor):
    """Grades the file handed in, enters the scores, and gives the graded notebook."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        name = resources["nbgrader"]["assignment"]
        student = resources["nbgrader"]["student"]
        member = PurePosixPath(student, name, f"{name}.ipynb")
        with _ready.course(self.config, name) as course:
            graded = grade_one(Found(student, course.settings.workspace / "submitted", (member,)), course)
            with contextlib.closing(Records(course)) as records:
                records.add_scores(graded)
            remember(graded.grade, course)
        self.log.info("%s: %s, %s of %s", student, graded.grade.verdict, graded.grade.score, graded.grade.max_score)
        return nbformat.from_dict(graded_notebook(graded, course)), resources
