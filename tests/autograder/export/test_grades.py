"""What a final grade is made of."""

import dataclasses
import datetime

from platform_sheets import final

from autograder.deadlines import Lateness
from autograder.export.grades import final_grades
from autograder.marks import Mark, Marks
from autograder.results import ClassResults, Grade, Handin, Verdict

DUE = datetime.datetime(2026, 10, 1, tzinfo=datetime.UTC)


def test_automatic_and_by_hand_and_penalty_make_the_total() -> None:
    marks = (
        Mark("replaced", False, 4.0, 1.0, 3.0),  # a person gave a task other points
        Mark("extra", False, 4.0, 2.0, None, 0.5),
        Mark("words", True, 2.0, None, 1.5),
        Mark("nothing_written", True, 2.0, 0.0),
        Mark("waits", True, 2.0, None, None, 0.0, True),
    )
    results = ClassResults("hw", 1, "box", (Grade("ann", Verdict.OK, handin=Handin("canvas", "leeann", "7")),))
    (grade,) = final_grades(results, {"ann": Marks("ann", marks)})
    grade = dataclasses.replace(grade, lateness=Lateness(DUE, percent=50.0))

    assert (grade.automatic, grade.by_hand, grade.penalty, grade.total, grade.possible) == (2.0, 5.0, 3.5, 3.5, 14.0)
    assert (grade.waiting, grade.name) == (("waits",), "leeann")


def test_everyone_is_there_who_is_in_the_results_or_in_the_gradebook() -> None:
    results = ClassResults("hw", 1, "box", (Grade("bob", Verdict.GRADER_ERROR),))
    grades = final_grades(results, {"ann": Marks("ann", (Mark("q", True, 2.0),), "Ann Lee")})

    assert [(one.student, one.name, one.verdict, one.is_fault) for one in grades] == [
        ("ann", "Ann Lee", None, False),
        ("bob", "", Verdict.GRADER_ERROR, True),
    ]
    assert final("cem").penalty == 0.0
