"""The values that pass between the stages: what a submission is graded against, what was observed, what it got."""

from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from autograder.config import Settings
from autograder.intake.master import MasterCell
from autograder.intake.rebuild import Rebuilt
from autograder.judge.judge import Judge
from autograder.keys import Basis
from autograder.results import Grade, Handin, Verdict
from autograder.runner import Runner
from autograder.session import Run


@dataclass(frozen=True)
class Course:
    """Everything a submission is graded against.

    Attributes:
        released: The released notebook as JSON.
        master: Its cells.
        cases: (task, case) pairs that are called on hidden inputs, in the order of the tasks.
        judging: The judge, once the solutions have run.
        runner: What runs notebooks.
        basis: The seed of the hidden inputs, what isolates submissions, and keys.
        remarks: What the instructor should know of how the gradebook took this version of the assignment.
    """

    settings: Settings
    released: dict[str, Any]
    master: tuple[MasterCell, ...]
    cases: tuple[tuple[str, str], ...]
    judging: Future[Judge]
    runner: Runner
    basis: Basis
    remarks: tuple[str, ...] = ()

    @property
    def judge(self) -> Judge:
        """The checks, with the answer key and the points of each task.

        Raises:
            GraderError: The solutions notebook does not run, or its answers do not pass the checks.
        """
        return self.judging.result()


@dataclass(frozen=True)
class Observed:
    """One submission that was read, rebuilt and run, and is not judged yet.

    Attributes:
        verdict: How that ended.
        message: One sentence on the verdict; empty for OK.
        notes: What was mended or set aside on the way.
        original: The bytes handed in; None when they could not be read.
        rebuilt: None when the file was refused.
        run: None when nothing ran.
        run_key: Hash of what was run; "" if nothing ran.
        grade_key: Hash of the file and of everything else that its grade depends on.
        wall_s: Seconds from reading the file to the end of its run.
        handin: What the platform says of the hand-in.
    """

    student: str
    verdict: Verdict
    message: str = ""
    notes: tuple[str, ...] = ()
    original: bytes | None = None
    rebuilt: Rebuilt | None = None
    run: Run | None = None
    run_key: str = ""
    grade_key: str = ""
    wall_s: float = 0.0
    handin: Handin | None = None


@dataclass(frozen=True)
class Graded:
    """One graded submission, and what was observed of it."""

    grade: Grade
    observed: Observed
