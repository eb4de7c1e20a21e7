"""The grades of a submission and of a class. Plain frozen values; knows nothing of notebooks, boxes or nbgrader."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from autograder.marks import Mark, Marks

UNFINISHED = "the ... of the TODO"  # what a check says that it found where a task is as it was released


class Verdict(StrEnum):
    """How a submission's run ended. Exactly one per submission."""

    OK = "OK"
    PARTIAL_RUN = "PARTIAL_RUN"  # some cell raised; what ran is judged
    TIMEOUT = "TIMEOUT"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    KERNEL_DIED = "KERNEL_DIED"
    OUTPUT_LIMIT = "OUTPUT_LIMIT"
    BAD_FILE = "BAD_FILE"
    EMPTY = "EMPTY"
    GRADER_ERROR = "GRADER_ERROR"  # our fault: scores nothing, is shown first, is graded again on a re-run


@dataclass(frozen=True)
class Handin:
    """Who handed in, when and how, as the learning platform's names say it.

    Attributes:
        platform: The scheme of the names, as intake/platforms.py calls it.
        name: The student, or the team, as the platform writes the name; "" if it does not.
        id: What the platform knows the student by; "" if it does not say.
        late: Whether the platform marked it as late; None where its names hold no such mark.
        submitted: Time stamp, ISO 8601; without an offset it is the platform's own time. "" if there is none.
        attempt: What orders the hand-ins of one student: a time, or a number; "" if nothing does.
        team: Who handed in together; "" for one student.
        source: Name of the folder or zip that was graded.
        file: The graded file in it; "" if there is none.
        unused: Other files that the student handed in.
    """

    platform: str
    name: str = ""
    id: str = ""
    late: bool | None = None
    submitted: str = ""
    attempt: str = ""
    team: str = ""
    source: str = ""
    file: str = ""
    unused: tuple[str, ...] = ()


@dataclass(frozen=True)
class NotRecognised:
    """An entry of a class that could not be told to be anybody's hand-in.

    Attributes:
        name: Its path in the class.
        what: What it is.
    """

    name: str
    what: str


@dataclass(frozen=True)
class CheckResult:
    """One line of the rubric.

    Attributes:
        name: The sentence the student reads.
        passed: True, False, or None when it could not be told.
        message: What was expected and what was found; empty when passed.
        hint: What to look at; may be empty.
        share: Relative worth among the checks of its task; 0 for a mere precondition.
        why: Why it matters; empty for a mere precondition.
    """

    name: str
    passed: bool | None
    message: str = ""
    hint: str = ""
    share: float = 1.0
    why: str = ""


@dataclass(frozen=True)
class TaskGrade:
    """The checks of one task and the points they earn.

    Attributes:
        broken: How checks themselves broke on this submission, for the instructor.
    """

    task: str
    max_score: float
    checks: tuple[CheckResult, ...] = ()
    broken: tuple[str, ...] = ()

    @property
    def score(self) -> float:
        """Points, proportional to the shares of the checks that passed, rounded to a hundredth."""
        total = sum(check.share for check in self.checks)
        earned = sum(check.share for check in self.checks if check.passed is True)
        return round(self.max_score * earned / total, 2) if total else 0.0


@dataclass(frozen=True)
class Round:
    """One grading of an assignment in a workspace, and everything but the file that its grades depend on.

    Attributes:
        number: 1 for the first.
        seed: Seed of the hidden inputs.
        box: What isolated the submissions.
        when: When it began: ISO 8601, UTC, to the second; "" if that is not known.
        reason: What the instructor said of it.
        machine: The computer's name.
        basis: What it was graded with -> hash of that, as :func:`autograder.keys.basis_parts` names them; empty if an
            older grader did not keep it.
    """

    number: int
    seed: int
    box: str
    when: str = ""
    reason: str = ""
    machine: str = ""
    basis: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Grade:
    """Everything the grader has to say of one submission.

    Attributes:
        message: One sentence on the verdict; empty for OK.
        notes: What was mended or set aside on the way, for the instructor and the student.
        wall_s: Seconds from reading the file to the end of its run; waiting for an equal notebook's run is among them.
        key: Hash of everything the grade depends on; "" if that is not known.
        run: Hash of what was run; two submissions with the same cells have the same. "" if nothing ran.
        not_run: Given cells that were not run, because no check reads what they define.
        whole: Why all were run; "" if some were not, or nothing ran.
        handin: What the platform says of the hand-in; None if it did not come through a class's folder or zip.
        other_release: grade_ids of the given cells that were handed in as another release of the notebook has them.
        file: Hash of the file handed in; "" if it could not be read, or that is not known.
        round: The round that it comes from; None until it is recorded.
        marks: All questions with what people gave, as the gradebook had them when it was read; None if it was not.
    """

    student: str
    verdict: Verdict
    tasks: tuple[TaskGrade, ...] = ()
    message: str = ""
    notes: tuple[str, ...] = field(default=())
    wall_s: float = 0.0
    key: str = ""
    run: str = ""
    not_run: tuple[str, ...] = ()
    whole: str = ""
    handin: Handin | None = None
    other_release: tuple[str, ...] = ()
    file: str = ""
    round: Round | None = None
    marks: Marks | None = None

    @property
    def broken(self) -> tuple[str, ...]:
        """How checks themselves broke on this submission, for the instructor alone."""
        return tuple(f"{task.task}: {text}" for task in self.tasks for text in task.broken)

    @property
    def score(self) -> float:
        """Automatic points earned."""
        return round(sum(task.score for task in self.tasks), 2)

    @property
    def max_score(self) -> float:
        """Automatic points that can be earned."""
        return sum(task.max_score for task in self.tasks)

    @property
    def total(self) -> float:
        """Points earned so far, those that people gave among them."""
        return self.marks.score if self.marks else self.score

    @property
    def total_max(self) -> float:
        """Points that can be earned, those for written answers among them."""
        return self.marks.max_score if self.marks else self.max_score

    @property
    def written(self) -> tuple[Mark, ...]:
        """The written answers."""
        return self.marks.written if self.marks else ()

    @property
    def by_hand(self) -> tuple[Mark, ...]:
        """The tasks that a person gave other points than the grader."""
        return self.marks.by_hand if self.marks else ()

    @property
    def waiting(self) -> tuple[str, ...]:
        """Questions that a person has to look at."""
        return self.marks.waiting if self.marks else ()


@dataclass(frozen=True)
class ClassResults:
    """A graded class: the newest grade of each student, whichever round it comes from.

    Attributes:
        assignment: Its name.
        seed: Seed of the hidden inputs of the newest round.
        box: What isolated the submissions of the newest round.
        not_recognised: What lay in the class that was graded last and is in nobody's grade.
    """

    assignment: str
    seed: int
    box: str
    grades: tuple[Grade, ...] = ()
    not_recognised: tuple[NotRecognised, ...] = ()

    @property
    def rounds(self) -> tuple[Round, ...]:
        """The rounds that the grades come from, the newest last."""
        found = {grade.round.number: grade.round for grade in self.grades if grade.round}
        return tuple(found[number] for number in sorted(found))

    @property
    def unsafe(self) -> str:
        """What stood in for the box where some grade was made without isolation; "" if none was."""
        boxes = (self.box, *(one.box for one in reversed(self.rounds)))
        return next((box or "unknown" for box in boxes if not box.startswith("bubblewrap")), "")

    @property
    def faults(self) -> set[str]:
        """Students whose submission met a fault of the grader."""
        return {grade.student for grade in self.grades if grade.verdict is Verdict.GRADER_ERROR}

    @property
    def identical(self) -> list[list[str]]:
        """Students whose notebooks hold the same cells, in groups of two and more."""
        groups: dict[str, list[str]] = {}
        for grade in self.grades:
            if grade.run:
                groups.setdefault(grade.run, []).append(grade.student)
        return [group for group in groups.values() if len(group) > 1]

    def of(self, students: Collection[str]) -> "ClassResults":
        """The same class with the grades of these students alone."""
        return replace(self, grades=tuple(grade for grade in self.grades if grade.student in students))

    def with_marks(self, marks: Mapping[str, Marks]) -> "ClassResults":
        """The same class with the marks of each student that the gradebook knows."""
        grades = (replace(grade, marks=marks.get(grade.student, grade.marks)) for grade in self.grades)
        return replace(self, grades=tuple(grades))

    def with_grade(self, grade: Grade) -> "ClassResults":
        """The same class with this student's grade added or replaced; by student, the grader's faults first."""
        return self.with_grades((grade,))

    def with_grades(self, grades: Iterable[Grade]) -> "ClassResults":
        """The same class with these students' grades added or replaced."""
        newest = {one.student: one for one in (*self.grades, *grades)}
        order = sorted(newest.values(), key=lambda one: (one.verdict is not Verdict.GRADER_ERROR, one.student))
        return replace(self, grades=tuple(order))


@dataclass(frozen=True)
class Pair:
    """Two students whose code is nearly equal.

    Attributes:
        share: Of the code of the one who wrote less, how much the other has too and few others have: from 0 to 1.
        equal: grade_ids of cells that are equal but for names and layout, and that few others have.
    """

    students: tuple[str, str]
    share: float
    equal: tuple[str, ...] = ()


@dataclass(frozen=True)
class Similar:
    """Whose code is alike. Given code counts for nothing.

    Attributes:
        equal: Groups whose code is equal but for names, comments and layout.
        near: Pairs whose code is nearly equal, the most similar first. One of each group stands for it.
        ours: Student -> how much of the shorter one, their code or our solution, is in the other: from 0 to 1. Only
            those with much of it.
        untouched: Students who wrote no code.
    """

    equal: tuple[tuple[str, ...], ...] = ()
    near: tuple[Pair, ...] = ()
    ours: Mapping[str, float] = field(default_factory=dict)
    untouched: tuple[str, ...] = ()
