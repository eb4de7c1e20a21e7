"""Results of a class and what its workspace holds -> the pages of the report. The command line calls it."""

from pathlib import Path

from autograder.files import write_whole
from autograder.report.class_page import render_class_page
from autograder.report.frame import page_name
from autograder.report.student_page import render_student_page
from autograder.results import ClassResults


def render_report(results: ClassResults) -> dict[str, str]:
    """File name -> page: ``index.html`` and one page for each student."""
    pages = {"index.html": render_class_page(results)}
    return pages | {page_name(grade.student): render_student_page(grade, results) for grade in results.grades}


def write_report(results: ClassResults, workspace: Path) -> Path:
    """Write all pages to ``<workspace>/<assignment>/report`` and remove earlier ones; the path of the first."""
    folder = workspace / results.assignment / "report"
    pages = render_report(results)
    for name, page in reversed(pages.items()):  # the class comes last: its links lead somewhere
        write_whole(folder / name, page.encode("utf-8", "replace"))
    for left in folder.iterdir():
        if left.is_file() and left.name not in pages:
            left.unlink()
    return folder / "index.html"
