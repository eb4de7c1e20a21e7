"""A flat table of ours, for whoever keeps grades elsewhere: a line for each student, and what the grade is made of."""

import csv
import io
from collections.abc import Sequence

from autograder.export.grades import FinalGrade, counted_points
from autograder.export.sheet import harmless
from autograder.report.text import points

COLUMNS = (
    "student",
    "name",
    "platform",
    "id",
    "team",
    "verdict",
    "automatic",
    "by_hand",
    "penalty",
    "total",
    "max",
    "needs_grading",
    "submitted",
    "due",
    "late_h",
    "late_days_used",
    "late_reason",
)


def grades_table(grades: Sequence[FinalGrade], per_question: bool = False) -> bytes:
    """The table as CSV, UTF-8, separated by commas; a cell without a value is empty.

    ``total`` counts written answers that wait for a person as 0, and ``needs_grading`` says how many answers wait.
    Somebody for whom the grader failed has no points. Times are ISO 8601, ``late_h`` is in hours.

    Args:
        per_question: Whether a column follows for each question.
    """
    questions = [*dict.fromkeys(mark.question for grade in grades for mark in grade.questions)] if per_question else []
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*COLUMNS, *map(harmless, questions)])
    for grade in grades:
        scores = {
            mark.question: None if mark.score is None else counted_points(mark)
            for mark in grade.questions
            if not grade.is_fault
        }
        earned = (scores.get(question) for question in questions)
        writer.writerow([*_line(grade), *("" if score is None else points(score) for score in earned)])
    return file.getvalue().encode("utf-8", "replace")


def _line(grade: FinalGrade) -> list[str]:
    handin, late = grade.handin, grade.lateness
    who = [handin.platform, handin.id, handin.team] if handin else ["", "", ""]
    told = [grade.student, grade.name, *who, grade.verdict.value if grade.verdict else ""]
    values = (grade.automatic, grade.by_hand, grade.penalty, grade.total, grade.possible)
    earned = [""] * len(values) if grade.is_fault else [points(value) for value in values]
    submitted = handin.submitted if handin else ""
    times = ["", "", "", ""]
    if late:
        submitted = late.submitted.isoformat() if late.submitted else ""
        times = [late.due.isoformat(), points(late.late_by.total_seconds() / 3600), str(late.days_used), late.reason]
    return [*map(harmless, told), *earned, str(len(grade.waiting)), harmless(submitted), *map(harmless, times)]
