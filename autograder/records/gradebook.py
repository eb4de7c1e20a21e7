"""Writes graded submissions where nbgrader looks for them: its folders and its gradebook."""

import shutil
import warnings
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook
from sqlalchemy.exc import SAWarning

from autograder.config import Settings
from autograder.execute import CHECK_PREFIX
from autograder.files import write_whole
from autograder.graded import Course, Graded
from autograder.outputs import harmless_markdown
from autograder.records.graded_notebook import graded_notebook
from autograder.release import gradebook_writing
from autograder.report.text import task_text
from autograder.results import Verdict


def record(graded: Graded, course: Course) -> None:
    """File the submission as handed in, its graded notebook, and its scores."""
    settings = course.settings
    student = graded.grade.student
    # Also where nothing could be read: what an earlier hand-in left there would be graded by nbgrader.
    write_whole(_place(settings, "submitted", student), graded.original or b"")
    notebook = nbformat.writes(graded_notebook(graded, course))
    write_whole(_place(settings, "autograded", student), notebook.encode())
    # Feedback of an earlier grading would contradict the new scores.
    shutil.rmtree(settings.workspace / "feedback" / student / settings.assignment, ignore_errors=True)
    save_scores(graded, course)


def save_scores(graded: Graded, course: Course) -> None:
    """Enter the scores and comments of one submission in the gradebook."""
    name = course.settings.assignment
    student = graded.grade.student
    with (
        warnings.catch_warnings(),
        gradebook_writing(course.settings) as address,
        Gradebook(address) as gradebook,
    ):
        warnings.simplefilter("ignore", SAWarning)  # nbgrader adds its rows in an order SQLAlchemy remarks on
        gradebook.update_or_create_student(student)
        gradebook.update_or_create_submission(name, student)
        tasks = {task.task: task for task in graded.grade.tasks}
        fault = graded.grade.verdict is Verdict.GRADER_ERROR
        for cell in course.master:
            if cell.points:
                grade = gradebook.find_grade(cell.grade_id, name, name, student)
                task = tasks.get(cell.grade_id.removeprefix(CHECK_PREFIX))
                if task is not None and not cell.solution:
                    grade.auto_score = None if fault else task.score
                else:
                    grade.auto_score = 0 if _unanswered(graded, cell.grade_id) else None
                grade.needs_manual_grade = grade.auto_score is None or grade.manual_score is not None
            if cell.solution:
                comment = gradebook.find_comment(cell.grade_id, name, name, student)
                comment.auto_comment = _comment(graded, cell.grade_id, tasks)
        gradebook.db.commit()


def _comment(graded: Graded, grade_id: str, tasks: dict) -> str | None:
    if grade_id in tasks:
        return harmless_markdown(task_text(tasks[grade_id]))
    return "No response." if _unanswered(graded, grade_id) else None


def _unanswered(graded: Graded, grade_id: str) -> bool:
    """Whether a written answer is still as released, or there is no notebook to look for it in."""
    if graded.rebuilt is None:
        return graded.grade.verdict is not Verdict.GRADER_ERROR
    cells = [cell for cell in graded.rebuilt.cells if cell.master and cell.master.grade_id == grade_id]
    return all(cell.source.strip() == cell.master.source.strip() for cell in cells if cell.master)


def _place(settings: Settings, step: str, student: str) -> Path:
    return settings.workspace / step / student / settings.assignment / f"{settings.assignment}.ipynb"
