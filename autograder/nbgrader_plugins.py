"""Lets ``nbgrader autograde`` grade as ``autograder grade`` does: same box, same verdicts, same scores.

nbgrader reads a submission, sanitizes it with one list of preprocessors, writes it, reads that, and grades it with a
second list. Here the first step only makes sure that there is something to read: a damaged file becomes the released
notebook. The second goes back to the file handed in and grades that from the start. So there is one way of grading.

Formgrader's Autograde button runs this inside JupyterLab, which goes on for days. So the workspace is locked for one
submission at a time, and what was made ready serves again only while everything that it depends on is the same.

``nbgrader generate_feedback``, and formgrader's button, give each student the page that the report has of them.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import nbformat
from nbconvert.exporters import Exporter, NotebookExporter
from nbconvert.preprocessors import Preprocessor
from nbformat.v4 import new_markdown_cell
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets.config import Config

from autograder.config import load_settings
from autograder.course import Course
from autograder.errors import AutograderError, UsageError
from autograder.grading import grade_one
from autograder.intake.find import Found
from autograder.pipeline import prepare, remember
from autograder.records.gradebook import Records
from autograder.records.graded_notebook import graded_notebook
from autograder.records.mark_scheme import MarkScheme, mark_schemes
from autograder.records.marks import marked
from autograder.records.nbgrader_store import nbgrader_config
from autograder.records.results_json import load_results
from autograder.reporting import student_page
from autograder.workspace import basis_of, locked

BELOW_THE_BAR = "<style>input.score { scroll-margin-top: 9em }</style>\n\n"  # formgrader's, which stays at the top


def course_config(course: Path, workspace: Path | None = None) -> Config:
    """nbgrader's settings, for the ``nbgrader_config.py`` in a course folder or in a workspace.

    Args:
        workspace: Where the file lies that asks, with a workspace elsewhere; None for ``grading`` in the course.
    """
    config = nbgrader_config(course, workspace or course / "grading", workspace or course)
    config.Autograde.exporter_class = "autograder.nbgrader_plugins.ReadsAnything"
    config.HTMLExporter.preprocessors = ["autograder.nbgrader_plugins.HelpsGraders"]
    config.Autograde.sanitize_preprocessors = []
    config.Autograde.autograde_preprocessors = [
        "autograder.nbgrader_plugins.GradeInBox",
        "nbgrader.preprocessors.AssignLatePenalties",  # gives none, unless an instructor configures it
    ]
    config.GenerateFeedback.exporter_class = "autograder.nbgrader_plugins.StudentPage"
    config.GenerateFeedback.preprocessors = []
    return config


def _folder(config: Config, step: str) -> Path:
    return Path(config.CourseDirectory.root, config.CourseDirectory[step])


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
        workspace = _folder(config, "submitted_directory").parent
        settings = load_settings(_folder(config, "source_directory").parent, workspace, assignment, jobs=1)
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


class HelpsGraders(Preprocessor):
    """Adds what only graders see to a notebook that formgrader shows: links to the written answers, and mark schemes.

    Nothing of it is ever in a file.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        if "submission_id" not in resources:  # not formgrader's
            return nb, resources
        name = resources["assignment_id"]
        schemes = mark_schemes(_folder(self.config, "source_directory") / name / f"{name}.ipynb")
        cells = []
        for cell in nb.cells:
            cells.append(cell)
            scheme = schemes.get(cell.metadata.get("nbgrader", {}).get("grade_id", ""))
            if scheme:
                cells.append(new_markdown_cell(_for_graders(scheme)))
        links = " · ".join(f"[{question}](#{question})" for question in schemes)
        if links:
            cells.insert(0, new_markdown_cell(f"{BELOW_THE_BAR}Written answers: {links}"))
        nb.cells = cells
        return nb, resources


def _for_graders(scheme: MarkScheme) -> str:
    parts = [("Mark scheme", scheme.scheme), ("Model answer", scheme.answer)]
    shown = [
        f"<details open><summary><b>{title}</b>, for graders only</summary>\n\n{text}\n\n</details>"
        for title, text in parts
        if text
    ]
    return '<div style="border-left: 4px solid #999; padding-left: 1em">\n\n' + "\n\n".join(shown) + "\n\n</div>"


class StudentPage(Exporter):
    """Gives the student's page of the report in place of nbgrader's view of the graded notebook."""

    output_mimetype = "text/html"

    def __init__(self, **words: Any) -> None:
        super().__init__(**words)
        self._workspace = _folder(self.config, "autograded_directory").parent
        try:
            results = load_results(self._workspace, self.parent.coursedir.assignment_id)
            self._results = marked(results, self._workspace)
        except AutograderError as error:
            self.log.error(str(error))
            raise NbGraderException(str(error)) from None

    def _file_extension_default(self) -> str:
        return ".html"

    def from_filename(self, filename: str, resources: dict | None = None, **_: Any) -> tuple[str, dict]:
        """The page of the student whose graded notebook this is.

        Raises:
            UsageError: There are no results of this student.
        """
        resources = {**(resources or {}), "output_extension": self.file_extension}
        student = resources["nbgrader"]["student"]
        for grade in self._results.grades:
            if grade.student == student:
                page = student_page(grade, self._results, self._workspace)
                return page.encode("utf-8", "replace").decode(), resources
        raise UsageError(
            f"The results in {self._workspace / self._results.assignment} have nothing of {student}. Grade the "
            "submission again: autograder grade SUBMISSIONS."
        )
