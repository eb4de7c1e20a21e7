"""The two values that grading passes to recording: the course that is graded against, and one graded submission."""

from dataclasses import dataclass
from typing import Any

from autograder.boxes import Boxes
from autograder.config import Settings
from autograder.execute import Run
from autograder.intake.rebuild import MasterCell, Rebuilt
from autograder.judge.plugin import Judge
from autograder.results import Grade


@dataclass(frozen=True)
class Course:
    """Everything a submission is graded against.

    Attributes:
        released: The released notebook as JSON.
        master: Its cells.
        points: Task -> automatic points, in the notebook's order.
        judge: The checks, with the solution's evidence.
        seed: Of the hidden inputs.
        box: What isolates submissions, for reports.
        boxes: Where they run.
        name: Of all this, for what need not be graded again.
    """

    settings: Settings
    released: dict[str, Any]
    master: tuple[MasterCell, ...]
    points: dict[str, float]
    judge: Judge
    seed: int
    box: str
    boxes: Boxes
    name: str


@dataclass(frozen=True)
class Graded:
    """One graded submission and what is needed to record it.

    Attributes:
        original: The bytes handed in; None when they could not be read.
        rebuilt: None when the file was refused.
        run: None when nothing ran.
    """

    grade: Grade
    original: bytes | None = None
    rebuilt: Rebuilt | None = None
    run: Run | None = None
