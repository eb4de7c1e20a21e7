"""Results of a class and what its workspace holds -> the pages of the report. The command line calls it."""

from datetime import datetime
from pathlib import Path

from autograder.files import write_whole
from autograder.report.class_page import render_class_page
from autograder.report.frame import page_name
from autograder.report.student_page import render_student_page
from autograder.results import ClassResults, Similar
from autograder.records.code import graded_notebook_of, similar_code


def render_report(results: ClassResults, similar: Similar | None = None, when: str = "") -> dict[str, str]:
    """File name -> page: ``index.html`` and one page for each student.

    Args:
        similar: Whose code is alike; None if it was not compared.
        when: The time of the last grading; "" if it is not known.
    """
    pages = {"index.html": render_class_page(results, similar, when)}
    return pages | {page_name(grade.student): render_student_page(grade, results) for grade in results.grades}


def write_report(results: ClassResults, workspace: Path, solutions: Path | None = None) -> Path:
    """Write all pages to ``<workspace>/<assignment>/report`` and remove earlier ones; the path of the first.

    Args:
        solutions: The solutions notebook, by which code is compared; None to compare nothing.
    """
    folder = workspace / results.assignment / "report"
    similar = similar_code(results, workspace, solutions) if solutions else None
    pages = render_report(results, similar, _when(results, workspace))
    for name, page in reversed(pages.items()):  # the class comes last: its links lead somewhere
        write_whole(folder / name, page.encode("utf-8", "replace"))
    for left in folder.iterdir():
        if left.is_file() and left.name not in pages:
            left.unlink()
    return folder / "index.html"


def _when(results: ClassResults, workspace: Path) -> str:
    """When the newest graded notebook was written, on this machine's clock; "" if there is none."""
    files = (graded_notebook_of(one.student, results.assignment, workspace) for one in results.grades)
    newest = max((file.stat().st_mtime for file in files if file.is_file()), default=None)
    return f"{datetime.fromtimestamp(newest).astimezone():%Y-%m-%d %H:%M %Z}" if newest else ""
