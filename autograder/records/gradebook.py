"""Writes graded submissions where nbgrader looks for them: its folders and its gradebook."""

import contextlib
import re
import shutil
import warnings
from pathlib import Path
from typing import Any

from nbgrader.api import Comment, Grade, Gradebook, GradeCell, SolutionCell, Student
from sqlalchemy.exc import SAWarning

from autograder.config import Settings
from autograder.course import Course, Graded
from autograder.files import holds, write_whole
from autograder.outputs import harmless_markdown
from autograder.printable import UNSHOWN
from autograder.records.fingerprints import fingerprints, keep, kept
from autograder.records.graded_notebook import graded_notebook, notebook_text
from autograder.records.nbgrader_store import gradebook_writing, no_commit
from autograder.records.timestamps import moment, timestamp_text
from autograder.report.text import task_text
from autograder.results import Handin, Verdict

UNSAFE = f'[<>&"`{{}}\t\n{UNSHOWN}]'
MAX_NAME = 100  # characters


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
        settings, handin = self._course.settings, graded.observed.handin
        student, original = graded.grade.student, graded.observed.original or b""
        submitted, autograded = (_place(settings, step, student) for step in ("submitted", "autograded"))
        when = moment(handin.submitted) if handin else None
        is_new = not holds(submitted, original)
        # Also where nothing could be read: what an earlier hand-in left there would be graded by nbgrader.
        write_whole(submitted, original)
        write_whole(autograded, notebook_text(graded_notebook(graded, self._course)))
        for stamp in (file.with_name("timestamp.txt") for file in (submitted, autograded)):
            if when:
                write_whole(stamp, timestamp_text(when))
            elif is_new:  # or it would be an earlier hand-in's; an instructor may have put one next to this file
                stamp.unlink(missing_ok=True)
        # Feedback of an earlier grading would contradict the new scores.
        shutil.rmtree(settings.workspace / "feedback" / student / settings.assignment.name, ignore_errors=True)
        self._enter(graded, {"timestamp": when} if when or is_new else {})

    def add_scores(self, graded: Graded) -> None:
        """Enter the scores and comments of one submission in the gradebook.

        Raises:
            GraderError: It cannot be written.
        """
        self._enter(graded, {})

    def _enter(self, graded: Graded, time: dict[str, Any]) -> None:
        try:
            with warnings.catch_warnings(), gradebook_writing(self._course.settings) as address:
                warnings.simplefilter("ignore", SAWarning)  # nbgrader adds rows in an order SQLAlchemy remarks on
                if self._gradebook is None:  # opening it takes longer than writing to it
                    self._gradebook = self._open.enter_context(Gradebook(address))
                _enter(graded, self._course, self._gradebook, time)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the gradebook."""
        self._gradebook = None
        self._open.close()


def _enter(graded: Graded, course: Course, gradebook: Gradebook, time: dict[str, Any]) -> None:
    name = course.settings.assignment.name
    student = graded.grade.student
    with no_commit(gradebook):  # a submission is entered whole or not at all
        _name(gradebook.update_or_create_student(student), graded.observed.handin)
        gradebook.update_or_create_submission(name, student, **time)
    notebook = gradebook.find_submission_notebook(name, name, student)
    # nbgrader finds a grade by a query of seven tables; here all of a submission by one query of two.
    grades = _by_cell(gradebook, Grade, GradeCell, notebook)
    comments = _by_cell(gradebook, Comment, SolutionCell, notebook)
    tasks = {task.task: task for task in graded.grade.tasks}
    fault = graded.grade.verdict is Verdict.GRADER_ERROR
    now, before = fingerprints(graded, course.master), kept(gradebook, notebook.id)
    for cell in course.master:
        if cell.points:
            grade = grades[cell.grade_id]
            task = tasks.get(cell.task)
            if task is not None:
                grade.auto_score = None if fault else task.score
            else:
                grade.auto_score = 0 if _unanswered(graded, cell.grade_id) else None
            if grade.manual_score is None and grade.extra_credit is None:
                grade.needs_manual_grade = grade.auto_score is None
            elif cell.grade_id in now and before.get(grade.id) != now[cell.grade_id]:
                grade.needs_manual_grade = True  # what was marked has changed; a person's points stay until then
        elif cell.task and cell.grade_id in grades:  # its points were taken away after it had been graded
            grades[cell.grade_id].auto_score, grades[cell.grade_id].needs_manual_grade = 0, False
        if cell.solution:
            comments[cell.grade_id].auto_comment = _comment(graded, cell.grade_id, tasks)
    known = {grades[grade_id].id: found for grade_id, found in now.items() if grade_id in grades}
    keep(gradebook, {grade: found for grade, found in known.items() if before.get(grade) != found})
    gradebook.db.commit()


def _name(student: Student, handin: Handin | None) -> None:
    """Give the student the platform's name, if nobody has given another; formgrader shows "None, None" otherwise."""
    if student.first_name or student.last_name not in (None, "", student.id):
        return
    # nbgrader puts names into pages and tables as they are: no markup, nothing that a table takes for a formula.
    name = re.sub(UNSAFE, "", handin.name if handin else "")[:MAX_NAME].lstrip("=+-@ ")
    last, comma, first = (part.strip() for part in name.partition(","))
    if not comma:
        first, _, last = name.rpartition(" ")
    student.first_name, student.last_name = first, last or student.id


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
