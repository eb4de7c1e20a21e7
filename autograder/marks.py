"""What a student's questions are worth so far: points the grader gave, points a person gave, and what waits for one.

Plain frozen values; knows nothing of nbgrader, whose gradebook holds them (records/marks.py reads it).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mark:
    """One question of one student.

    Attributes:
        question: Name of the task, or grade id of the cell with the answer.
        written: Whether a person marks it, because no check does; else it is a task.
        max_score: Points that can be earned.
        automatic: Points that the grader gave; None where it gave none.
        by_hand: Points that a person gave; they count in place of the automatic ones. None where nobody did.
        extra: Points that a person gave on top.
        waits: Whether a person has to look: nobody marked it yet, or what was marked has changed since.
        comment: What a person wrote to the student.
    """

    question: str
    written: bool
    max_score: float
    automatic: float | None = None
    by_hand: float | None = None
    extra: float = 0.0
    waits: bool = False
    comment: str = ""

    @property
    def score(self) -> float | None:
        """Points earned; None while nobody has given any."""
        given = self.automatic if self.by_hand is None else self.by_hand
        return None if given is None else round(given + self.extra, 2)

    @property
    def changed_by_hand(self) -> bool:
        """Whether a person gave a task other points than the grader."""
        return not self.written and (self.by_hand not in (None, self.automatic) or self.extra != 0)


@dataclass(frozen=True)
class Marks:
    """All questions of one student, in the order of the notebook.

    Attributes:
        name: The student's name as the gradebook has it: "First Last"; "" if it has none.
        submitted: When it was handed in, as the gradebook has it: ISO 8601, UTC, no offset; "" if it does not say.
    """

    student: str
    marks: tuple[Mark, ...] = ()
    name: str = ""
    submitted: str = ""

    @property
    def score(self) -> float:
        """Points earned so far; a question without points counts nothing."""
        return round(sum(mark.score or 0.0 for mark in self.marks), 2)

    @property
    def max_score(self) -> float:
        """Points that can be earned."""
        return sum(mark.max_score for mark in self.marks)

    @property
    def written(self) -> tuple[Mark, ...]:
        """The questions that a person marks."""
        return tuple(mark for mark in self.marks if mark.written)

    @property
    def by_hand(self) -> tuple[Mark, ...]:
        """The tasks that a person gave other points than the grader."""
        return tuple(mark for mark in self.marks if mark.changed_by_hand)

    @property
    def stale(self) -> tuple[str, ...]:
        """Questions that a person marked and that have changed since."""
        return tuple(mark.question for mark in self.marks if mark.waits and mark.by_hand is not None)

    @property
    def waiting(self) -> tuple[str, ...]:
        """Questions that a person has to look at."""
        return tuple(mark.question for mark in self.marks if mark.waits or mark.score is None)
