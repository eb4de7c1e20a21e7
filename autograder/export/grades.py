"""What a student's grade is when it leaves: the grader's points, a person's, and the penalty for a late hand-in.

``final_grades`` puts together what results.json and the gradebook say; reading.py adds what the deadlines say. Nothing
here is stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from autograder.deadlines import Lateness
from autograder.marks import Mark, Marks
from autograder.results import ClassResults, Handin, Verdict


@dataclass(frozen=True)
class FinalGrade:
    """The grade of one student.

    Attributes:
        name: As the gradebook or else the platform writes it; "" if neither does.
        handin: What the platform said of the hand-in; None if that is not known.
        verdict: None where only the gradebook knows the student.
        marks: The questions, in the order of the notebook.
        lateness: What the deadlines say; None where there are none.
    """

    student: str
    name: str
    handin: Handin | None
    verdict: Verdict | None
    marks: Marks
    lateness: Lateness | None = None

    @property
    def questions(self) -> tuple[Mark, ...]:
        """Its marks, question by question."""
        return self.marks.marks

    @property
    def by_hand(self) -> float:
        """Points that a person gave."""
        given = sum((mark.by_hand or 0.0) + mark.extra for mark in self.questions if not mark.waits)
        return round(given, 2)

    @property
    def automatic(self) -> float:
        """Points of the grader, where no person's count."""
        return round(sum(mark.automatic or 0.0 for mark in self.questions if _automatic_counts(mark)), 2)

    @property
    def earned(self) -> float:
        """Points so far, without lateness; see :func:`counted_points`."""
        return round(sum(map(counted_points, self.questions)), 2)

    @property
    def possible(self) -> float:
        """Points that can be earned."""
        return self.marks.max_score

    @property
    def penalty(self) -> float:
        """Points lost for lateness; never more than were earned."""
        return self.lateness.penalty(self.earned, self.possible) if self.lateness else 0.0

    @property
    def total(self) -> float:
        """Points so far, less what lateness costs."""
        return round(self.earned - self.penalty, 2)

    @property
    def waiting(self) -> tuple[str, ...]:
        """Questions that a person has to look at."""
        return self.marks.waiting

    @property
    def is_fault(self) -> bool:
        """Whether the grader failed, so that this is no grade."""
        return self.verdict is Verdict.GRADER_ERROR


def counted_points(mark: Mark) -> float:
    """Points that leave: what waits for a person counts 0 if it is written, and the grader's points if it is a task.

    Points by hand that were given before the answer changed are of another answer.
    """
    return (mark.automatic or 0.0 if _automatic_counts(mark) else 0.0) if mark.waits else mark.score or 0.0


def _automatic_counts(mark: Mark) -> bool:
    return not mark.written if mark.waits else mark.by_hand is None


def final_grades(results: ClassResults, marks: Mapping[str, Marks]) -> tuple[FinalGrade, ...]:
    """The grade of everyone who is in the results or in the gradebook, by student."""
    known = {grade.student: grade for grade in results.grades}
    grades = []
    for student in sorted({*known, *marks}):
        grade, found = known.get(student), marks.get(student, Marks(student))
        handin, verdict = (grade.handin, grade.verdict) if grade else (None, None)
        name = found.name or (handin.name if handin else "")
        grades.append(FinalGrade(student, name, handin, verdict, found))
    return tuple(grades)
