"""Grades as web pages: one for the class, one for each student.

jinja2 escapes everything. The pages hold no script, and their policy forbids scripts.
"""

import re
from collections import Counter
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from autograder.files import write_whole
from autograder.report.text import MARKS, points, score
from autograder.results import ClassResults


def render_report(results: ClassResults) -> dict[str, str]:
    """File name -> page: ``index.html`` and one page for each student."""
    environment = Environment(
        loader=PackageLoader("autograder.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"points": points, "score": score}
    names = _file_names([grade.student for grade in results.grades])
    tasks = [task.task for task in results.grades[0].tasks] if results.grades else []
    common = {
        "results": results,
        "unsafe": not results.box.startswith("bubblewrap"),
        "marks": MARKS,
        "names": names,
        "tasks": tasks,
        "counts": sorted(Counter(grade.verdict.value for grade in results.grades).items()),
    }
    pages = {"index.html": environment.get_template("class.html").render(common)}
    page = environment.get_template("student.html")
    for grade in results.grades:
        pages[names[grade.student]] = page.render(common, grade=grade)
    return pages


def student_pages(results: ClassResults) -> dict[str, str]:
    """Student -> page, as the report has it."""
    pages = render_report(results)
    return {student: pages[name] for student, name in _file_names([one.student for one in results.grades]).items()}


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


def _file_names(students: list[str]) -> dict[str, str]:
    """A file name for each student: unique, and free of anything a link would need escaped."""
    return {
        student: f"{number:04d}-{re.sub('[^A-Za-z0-9_-]', '_', student)[:60]}.html"
        for number, student in enumerate(students, start=1)
    }
