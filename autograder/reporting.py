"""Results of a class and what its workspace holds -> the pages of the report. The command line calls it."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from autograder.files import write_whole
from autograder.marks import Marks
from autograder.records.marks import load_marks
from autograder.records.work import load_work
from autograder.report.class_page import render_class_page
from autograder.report.frame import page_name
from autograder.report.student_page import render_student_page
from autograder.results import ClassResults, Grade


def student_page(grade: Grade, results: ClassResults, workspace: Path, marks: Mapping[str, Marks]) -> str:
    """The page of one student, with the answers and figures that the workspace has of them.

    Args:
        marks: Those of the class, as records.marks.load_marks gives them.
    """
    work = load_work(workspace, results.assignment, grade.student)
    return render_student_page(grade, results, marks.get(grade.student), work)


def pages(results: ClassResults, workspace: Path) -> Iterator[tuple[str, str]]:
    """File name and page of each student, one at a time because they hold figures; then ``index.html``, which links.

    Raises:
        UsageError: The gradebook cannot be read.
    """
    marks = load_marks(workspace, results.assignment)
    for grade in results.grades:
        yield page_name(grade.student), student_page(grade, results, workspace, marks)
    yield "index.html", render_class_page(results)


def write_report(results: ClassResults, workspace: Path) -> Path:
    """Write all pages to ``<workspace>/<assignment>/report`` and remove earlier ones; the path of the first.

    Raises:
        UsageError: The gradebook cannot be read.
    """
    folder = workspace / results.assignment / "report"
    written = set()
    for name, page in pages(results, workspace):
        write_whole(folder / name, page.encode("utf-8", "replace"))
        written.add(name)
    for left in folder.iterdir():
        if left.is_file() and left.name not in written:
            left.unlink()
    return folder / "index.html"
