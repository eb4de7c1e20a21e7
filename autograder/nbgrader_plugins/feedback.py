"""``nbgrader generate_feedback``, and formgrader's button, give each student the page that the report has of them."""

from typing import Any

from nbconvert.exporters import Exporter
from nbgrader.converters.base import NbGraderException

from autograder.errors import AutograderError, UsageError
from autograder.nbgrader_plugins.folders import workspace_of
from autograder.records.marks import marked
from autograder.records.results_json import load_results
from autograder.reporting import student_page


class StudentPage(Exporter):
    """Gives the student's page of the report in place of nbgrader's view of the graded notebook."""

    output_mimetype = "text/html"

    def __init__(self, **words: Any) -> None:
        super().__init__(**words)
        self._workspace = workspace_of(self.config)
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
