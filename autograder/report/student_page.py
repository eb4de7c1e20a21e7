"""The page of one student."""

from autograder.report.frame import render
from autograder.report.text import MARKS
from autograder.results import ClassResults, Grade


def render_student_page(grade: Grade, results: ClassResults) -> str:
    """The page of one student."""
    return render("student.html", results, grade=grade, marks=MARKS)
