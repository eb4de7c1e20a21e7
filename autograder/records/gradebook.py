"""Writes graded submissions where nbgrader looks for them: its folders and its gradebook."""

import contextlib
import shutil
import warnings
from pathlib import Path
from typing import Any

from nbgrader.api import Comment, Grade, Gradebook, GradeCell, SolutionCell
from sqlalchemy.exc import SAWarning

from autograder.config import Settings
from autograder.course import Course, Graded
from autograder.files import write_whole
from autograder.outputs import harmless_markdown
from autograder.records.graded_notebook import graded_notebook, notebook_text
from autograder.records.nbgrader_store import gradebook_writing, no_commit
from autograder.report.text import task_text
from autograder.results import Verdict


class Records:
    """The records of a class: files as nbgrader keeps them, and one gradebook, opened when first needed."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._open = contextlib.ExitStack()
        self._gradebook: Gradebook | None = None

    def add(self, graded: Graded) -> None:
        """File the submission as handed in, its graded notebook, and its scores.

        Raises:
            GraderError: The gradebook is locked, its disk is full, or it is damaged; the next call opens it again.
            OSError: A file cannot be written.
        """
        settings = self._course.settings
        student = graded.grade.student
        # Also where nothing could be read: what an earlier hand-in left there would be graded by nbgrader.
        write_whole(_place(settings, "submitted", student), graded.observed.original or b"")
        write_whole(_place(settings, "autograded", student), notebook_text(graded_notebook(graded, self._course)))
        # Feedback of an earlier grading would contradict the new scores.
        shutil.rmtree(settings.workspace / "feedback" / student / settings.assignment.name, ignore_errors=True)
        self.add_scores(graded)

    def add_scores(self, graded: Graded) -> None:
        """Enter the scores and comments of one submission in the gradebook.

        Raises:
            GraderError: It cannot be written.
        """
        try:
            with warnings.catch_warnings(), gradebook_writing(self._course.settings) as address:
                warnings.simplefilter("ignore", SAWarning)  # nbgrader adds rows in an order SQLAlchemy remarks on
                if self._gradebook is None:  # opening it takes longer than writing to it
                    self._gradebook = self._open.enter_context(Gradebook(address))
                _enter(graded, self._course, self._gradebook)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the gradebook."""
        self._gradebook = None
        self._open.close()


def _enter(graded: Graded, course: Course, gradebook: Gradebook) -> None:
    name = course.settings.assignment.name
    student = graded.grade.student
    with no_commit(gradebook):  # a submission is entered whole or not at all
        gradebook.update_or_create_student(student)
        gradebook.update_or_create_submission(name, student)
    notebook = gradebook.find_submission_notebook(name, name, student)
    # nbgrader finds a grade by a query of seven tables; here all of a submission by one query of two.
    grades = _by_cell(gradebook, Grade, GradeCell, notebook)
    comments = _by_cell(gradebook, Comment, SolutionCell, notebook)
    tasks = {task.task: task for task in graded.grade.tasks}
    fault = graded.grade.verdict is Verdict.GRADER_ERROR
    for cell in course.master:
        if cell.points:
            grade = grades[cell.grade_id]
            task = tasks.get(cell.task)
            if task is not None:
                grade.auto_score = None if fault else task.score
            else:
                grade.auto_score = 0 if _unanswered(graded, cell.grade_id) else None
            grade.needs_manual_grade = grade.auto_score is None or grade.manual_score is not None
        elif cell.task and cell.grade_id in grades:  # its points were taken away after it had been graded
            grades[cell.grade_id].auto_score, grades[cell.grade_id].needs_manual_grade = 0, False
        if cell.solution:
            comments[cell.grade_id].auto_comment = _comment(graded, cell.grade_id, tasks)
    gradebook.db.commit()


def _by_cell(gradebook: Gradebook, rows: Any, cells: Any, notebook: Any) -> dict[str, Any]:
    """The name of each cell -> its row in the table of ``rows`` for one submitted notebook."""
    query = gradebook.db.query(cells.name, rows).join(cells, cells.id == rows.cell_id)
    return dict(query.filter(rows.notebook_id == notebook.id).all())


def _comment(graded: Graded, grade_id: str, tasks: dict) -> str | None:
    if grade_id in tasks:
        return harmless_markdown(task_text(tasks[grade_id]))
    if _unanswered(graded, grade_id):
        return "No response."
    return harmless_markdown(graded.grade.message) if graded.grade.verdict is Verdict.BAD_FILE else None


def _unanswered(graded: Graded, grade_id: str) -> bool:
    """Whether nothing that was handed in can be the answer. What cannot be read is left to a person."""
    rebuilt = graded.observed.rebuilt
    return grade_id in rebuilt.unanswered if rebuilt else graded.grade.verdict is Verdict.EMPTY


def _place(settings: Settings, step: str, student: str) -> Path:
    name = settings.assignment.name
    return settings.workspace / step / student / name / f"{name}.ipynb"
