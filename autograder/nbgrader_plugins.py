"""Lets ``nbgrader autograde`` grade as ``autograder grade`` does: same box, same verdicts, same scores.

nbgrader reads a submission, sanitizes it with one list of preprocessors, writes it, reads that, and grades it with a
second list. Here the first step only makes sure that there is something to read: a damaged file becomes the released
notebook. The second goes back to the file handed in and grades that from the start. So there is one way of grading.

``nbgrader generate_feedback``, and formgrader's button, give each student the page that the report has of them.
"""

import contextlib
from pathlib import Path, PurePosixPath
from typing import Any

import nbformat
from nbconvert.exporters import Exporter, NotebookExporter
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets.config import Config

from autograder.config import find_course, load_settings
from autograder.course import Course
from autograder.errors import UsageError
from autograder.grading import grade_one
from autograder.intake.find import Found
from autograder.pipeline import prepare, remember
from autograder.records.gradebook import Records
from autograder.records.graded_notebook import graded_notebook
from autograder.records.marks import marked
from autograder.records.nbgrader_store import nbgrader_config
from autograder.records.results_json import load_results
from autograder.reporting import student_page
from autograder.results import ClassResults
from autograder.workspace import locked


def course_config(course: Path) -> Config:
    """nbgrader's settings, as ``nbgrader_config.py`` in the course folder wants them."""
    config = nbgrader_config(course, course / "grading")
    config.CourseDirectory.root = str(course)
    config.Autograde.exporter_class = "autograder.nbgrader_plugins.ReadsAnything"
    config.Autograde.pre_convert_hook = "autograder.nbgrader_plugins.make_ready"
    config.Autograde.sanitize_preprocessors = []
    config.Autograde.autograde_preprocessors = ["autograder.nbgrader_plugins.GradeInBox"]
    config.GenerateFeedback.exporter_class = "autograder.nbgrader_plugins.StudentPage"
    config.GenerateFeedback.preprocessors = []
    return config


class _Ready:
    """The assignment that is graded, made ready once for all its submissions; its workspace stays locked."""

    def __init__(self) -> None:
        self._open = contextlib.ExitStack()
        self._course: Course | None = None

    def course(self, assignment: str) -> Course:
        """The assignment in the course of the current folder."""
        if self._course is None or self._course.settings.assignment.name != assignment:
            self._course = None
            self._open.close()
            root = find_course(Path.cwd()).resolve()
            settings = load_settings(root, root / "grading", assignment, jobs=1)
            with contextlib.ExitStack() as unless_ready:  # or a second try would meet the lock, and hide the reason
                unless_ready.enter_context(locked(settings.workspace))
                self._course = prepare(settings)
                unless_ready.enter_context(contextlib.closing(self._course.runner))
                self._open.push(unless_ready.pop_all())  # until this process ends, or grades another assignment
        return self._course


_ready = _Ready()


def make_ready(assignment: str, **_: Any) -> None:
    """Make the gradebook and run the solutions, before nbgrader looks for the assignment in the gradebook."""
    _ready.course(assignment)


class ReadsAnything(NotebookExporter):
    """Gives the released notebook in place of whatever was handed in, which may not be readable."""

    def from_filename(self, filename: str, resources: dict | None = None, **kwargs: Any) -> tuple[Any, dict]:
        course = _ready.course((resources or {})["nbgrader"]["assignment"])
        if Path(filename).is_relative_to(course.settings.workspace / "autograded"):
            return super().from_filename(filename, resources=resources, **kwargs)
        released = nbformat.from_dict(course.released)
        return self.from_notebook_node(released, resources=resources, **kwargs)


class GradeInBox(NbGraderPreprocessor):
    """Grades the file handed in, enters the scores, and gives the graded notebook."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        name = resources["nbgrader"]["assignment"]
        course = _ready.course(name)
        student = resources["nbgrader"]["student"]
        member = PurePosixPath(student, name, f"{name}.ipynb")
        graded = grade_one(Found(student, course.settings.workspace / "submitted", (member,)), course)
        with contextlib.closing(Records(course)) as records:
            records.add_scores(graded)
        remember(graded.grade, course)
        self.log.info("%s: %s, %s of %s", student, graded.grade.verdict, graded.grade.score, graded.grade.max_score)
        return nbformat.from_dict(graded_notebook(graded, course)), resources


class StudentPage(Exporter):
    """Gives the student's page of the report in place of nbgrader's view of the graded notebook."""

    output_mimetype = "text/html"

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._results: ClassResults | None = None  # for all students of one command

    def _file_extension_default(self) -> str:
        return ".html"

    def from_filename(self, filename: str, resources: dict | None = None, **_: Any) -> tuple[str, dict]:
        """The page of the student whose graded notebook this is.

        Raises:
            UsageError: There are no results of this student, or the results or the gradebook cannot be read.
        """
        resources = {**(resources or {}), "output_extension": self.file_extension}
        name, student = resources["nbgrader"]["assignment"], resources["nbgrader"]["student"]
        workspace = Path(filename).resolve().parents[3]  # autograded/<student>/<assignment>/
        if self._results is None:
            self._results = marked(load_results(workspace, name), workspace)
        for grade in self._results.grades:
            if grade.student == student:
                page = student_page(grade, self._results, workspace)
                return page.encode("utf-8", "replace").decode(), resources
        raise UsageError(
            f"{workspace / name / 'results.json'} has no results of {student}. Grade the submission again: "
            "autograder grade SUBMISSIONS."
        )
