"""``nbgrader generate_feedback``, and formgrader's button, give each student the page that the report has of them."""

from pathlib import Path
from typing import Any

from nbconvert.exporters import Exporter

from autograder.errors import UsageError
from autograder.records.marks import marked
from autograder.records.results_json import load_results
from autograder.reporting import student_page
from autograder.results import ClassResults


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
