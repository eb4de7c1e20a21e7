"""The page of a class."""

from collections import Counter

from autograder.report.frame import render
from autograder.results import ClassResults


def render_class_page(results: ClassResults) -> str:
    """The page of a class, with links to the pages of its students."""
    tasks = [task.task for task in results.grades[0].tasks] if results.grades else []
    counts = sorted(Counter(grade.verdict.value for grade in results.grades).items())
    return render("class.html", results, tasks=tasks, counts=counts)
