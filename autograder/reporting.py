"""Results of a class and what its workspace holds -> the pages of the report. The command line calls it."""

from collections.abc import Iterator
from pathlib import Path

from autograder.files import write_whole
from autograder.records.code import released_code, similar_code, written_code
from autograder.records.work import graded_notebook_of, work_in
from autograder.report.class_page import render_class_page
from autograder.report.frame import page_name
from autograder.report.student_page import render_student_page
from autograder.results import ClassResults, Grade


def student_page(grade: Grade, results: ClassResults, workspace: Path, late: str = "") -> str:
    """The page of one student, with the answers and figures that the workspace has. It stands alone, to be sent.

    Args:
        late: What lateness costs, as sentences; only an export knows it.
    """
    notebook = graded_notebook_of(workspace, results.assignment, grade.student)
    return render_student_page(grade, results, work_in(notebook), late)


def pages(results: ClassResults, workspace: Path, solutions: Path | None = None) -> Iterator[tuple[str, str]]:
    """File name and page of each student, one at a time because they hold figures; then ``index.html``, which links.

    Args:
        results: With the marks that the gradebook holds.
        solutions: The solutions notebook, by which code is compared; None to compare nothing.
    """
    released, written = released_code(solutions) if solutions else None, []
    for grade in results.grades:
        notebook = graded_notebook_of(workspace, results.assignment, grade.student)
        yield page_name(grade.student), render_student_page(grade, results, work_in(notebook))
        if released and (code := written_code(notebook, grade.student, released)):
            written.append(code)
    yield "index.html", render_class_page(results, similar_code(written, released) if released else None)


def write_report(results: ClassResults, workspace: Path, solutions: Path | None = None) -> Path:
    """Write all pages to ``<workspace>/<assignment>/report`` and remove earlier ones; the path of the first.

    Args:
        results: With the marks that the gradebook holds.
        solutions: The solutions notebook, by which code is compared; None to compare nothing.
    """
    folder = workspace / results.assignment / "report"
    written = set()
    for name, page in pages(results, workspace, solutions):
        write_whole(folder / name, page.encode("utf-8", "replace"))
        written.add(name)
    for left in folder.iterdir():
        if left.is_file() and left.name not in written:
            left.unlink()
    return folder / "index.html"
