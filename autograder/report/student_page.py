"""One student's page: points, each task with the student's own cell next to what was found, written answers, figures.

The page stands alone, so that it can be sent: no script, no link to another page, nothing from the network, and
nothing of anyone else. Everything in it is escaped. It is as large as what records/work.py lets through: pictures of
6 MiB in all, and a few cells of 20,000 characters for each answer.
"""

from dataclasses import dataclass, replace
from itertools import groupby

from autograder.marks import Mark, Marks
from autograder.report.frame import render
from autograder.report.markdown import safe_html
from autograder.report.text import points
from autograder.results import CheckResult, ClassResults, Grade, TaskGrade, Verdict
from autograder.work import Piece, Work

NOTHING_RAN = (Verdict.BAD_FILE, Verdict.EMPTY, Verdict.GRADER_ERROR)
# How the message of a check begins where the function could not be called to its end (grading.py, evidence.py).
SILENT = ("There is no function", "A call on hidden inputs took", "The function was never seen")

# What a student is told of a verdict: what happened, and what to do.
TOLD = {
    Verdict.OK: ("Your notebook ran without an error.", ""),
    Verdict.PARTIAL_RUN: (
        "Your notebook ran, but a cell raised an error.",
        "Restart the kernel and run all cells. Repair the first cell that raises an error: those after it may only "
        "miss what it should have left.",
    ),
    Verdict.TIMEOUT: (
        "Your notebook took too long and was stopped.",
        "Look for a loop that never ends, or for work that is done more often than needed. Run the cell alone.",
    ),
    Verdict.OUT_OF_MEMORY: (
        "Your notebook used more memory than grading allows, and was stopped.",
        "Look for something that grows with each step: a list of tensors that keep their graph, a copy in a loop.",
    ),
    Verdict.KERNEL_DIED: (
        "The kernel of your notebook ended before the notebook did.",
        "Restart the kernel and run all cells. Take out what ends the process or starts too many others.",
    ),
    Verdict.OUTPUT_LIMIT: (
        "Your notebook printed more than grading allows, and was stopped.",
        "Take out the print in a loop that runs very often, or never ends.",
    ),
    Verdict.BAD_FILE: (
        "Your file could not be read as a notebook of this assignment, so nothing in it was run.",
        "Open your notebook in Jupyter, run all cells and save it. Hand in that file, with the ending .ipynb.",
    ),
    Verdict.EMPTY: (
        "Nothing was found in what you handed in, so nothing could be run.",
        "Save your notebook, look into the file that you hand in, and ask whether you may hand it in again.",
    ),
    Verdict.GRADER_ERROR: (
        "The grader failed, not you. Your notebook will be graded again.",
        "You need not do anything.",
    ),
}


@dataclass(frozen=True)
class _Found:
    """What was found: one message, the checks that it failed, and one hint.

    Attributes:
        passed: Whether these checks passed.
        checks: (sentence, points that it is worth).
        why: Why these checks matter.
    """

    passed: bool
    checks: tuple[tuple[str, float], ...]
    message: str = ""
    hint: str = ""
    why: str = ""


@dataclass(frozen=True)
class _Part:
    """One task or one written answer, as the page shows it.

    Attributes:
        number: Its place on the page, from 1.
        told: Whether it has a section of its own, and not only its points.
        found: What the checks found.
        unjudged: Sentences of the checks that were not judged.
        unjudged_told: How many, what they are worth, and why; "" if there are none.
    """

    number: int
    mark: Mark
    title: str
    told: bool
    pieces: tuple[Piece, ...]
    found: tuple[_Found, ...] = ()
    unjudged: tuple[str, ...] = ()
    unjudged_told: str = ""

    @property
    def name(self) -> str:
        return self.mark.question

    @property
    def written(self) -> bool:
        return self.mark.written

    @property
    def score(self) -> float | None:
        return self.mark.score

    @property
    def max_score(self) -> float:
        return self.mark.max_score

    @property
    def full(self) -> bool:
        """Whether no point is missing."""
        return self.score is not None and self.score >= self.max_score

    @property
    def again(self) -> bool:
        """Whether its points were given for what has changed since, so that they may change too."""
        return self.mark.waits and self.score is not None

    @property
    def look(self) -> str:
        """The class of its points in the styles."""
        return (
            "open"
            if self.score is None or self.again
            else "passed"
            if self.full
            else "part"
            if self.score
            else "FAILED"
        )


def render_student_page(grade: Grade, results: ClassResults, work: Work, late: str = "") -> str:
    """The page of one student, as HTML. Without marks in the grade it shows tasks only.

    Args:
        results: The class, for the name of the assignment and for what isolated the submission.
        late: What lateness costs, as sentences.
    """
    marks = grade.marks if grade.marks and grade.marks.marks else _marks_of(grade)
    parts = _parts(grade, marks, work)
    told, do = TOLD[grade.verdict]
    return render(
        "student.html",
        results,
        style="student.css",
        grade=grade,
        marks=marks,
        parts=parts,
        open=sum(part.max_score for part in parts if part.score is None),
        again=sum(part.again for part in parts),
        told=told,
        do=do,
        cost=_cost(grade),
        nothing_ran=grade.verdict in NOTHING_RAN,
        work=work,
        late=late,
        markdown=safe_html,
    )


def _marks_of(grade: Grade) -> Marks:
    """The marks where no gradebook says any: the points of the checks."""
    fault = grade.verdict is Verdict.GRADER_ERROR
    tasks = (Mark(task.task, False, task.max_score, None if fault else task.score) for task in grade.tasks)
    return Marks(grade.student, tuple(tasks))


def _parts(grade: Grade, marks: Marks, work: Work) -> list[_Part]:
    """Tasks and written answers in the order of the notebook; a task without points comes last."""
    tasks = {task.task: task for task in grade.tasks}
    known = {mark.question for mark in marks.marks}
    rest = [Mark(task.task, False, task.max_score, task.score) for task in grade.tasks if task.task not in known]
    ran = grade.verdict not in NOTHING_RAN  # or what is in the graded notebook is ours, not the student's
    parts = []
    for number, mark in enumerate((*marks.marks, *rest), start=1):
        pieces = work.answers.get(mark.question, ()) if ran else ()
        part = _Part(
            number,
            mark,
            title=work.headings.get(mark.question) or mark.question,
            told=ran or mark.by_hand is not None or bool(mark.comment),
            pieces=pieces,
        )
        if ran and (task := tasks.get(mark.question)):
            unjudged = tuple(check.name for check in task.checks if check.passed is None)
            part = replace(part, found=_found(task), unjudged=unjudged, unjudged_told=_unjudged_told(task))
        parts.append(part)
    return parts


def _found(task: TaskGrade) -> tuple[_Found, ...]:
    """The judged checks, those with the same message together; a hint and a reason only where they stand first."""
    found: list[_Found] = []
    told: set[str] = set()
    judged = [check for check in task.checks if check.passed is not None]
    for (passed, message), of_one in groupby(judged, key=lambda check: (bool(check.passed), check.message)):
        checks = list(of_one)
        hints = [check.hint for check in checks if check.hint and check.hint not in told]
        whys = [] if passed else [check.why for check in checks if check.why and check.why not in told]
        told.update(hints, whys)
        worth = tuple((check.name, _worth(check, task)) for check in checks)
        found.append(_Found(passed, worth, message, " ".join(dict.fromkeys(hints)), " ".join(dict.fromkeys(whys))))
    return tuple(found)


def _worth(check: CheckResult, task: TaskGrade) -> float:
    return task.max_score * check.share / (sum(one.share for one in task.checks) or 1)


def _unjudged_told(task: TaskGrade) -> str:
    """One line on the checks that were not judged: of each its message repeats a sentence that stands above."""
    unjudged = [check for check in task.checks if check.passed is None]
    worth = f", worth {points(sum(_worth(check, task) for check in unjudged))} p,"
    if not unjudged:
        return ""
    if len(unjudged) == 1:
        return f"1 further check{worth} was not judged, because it builds on one that did not pass."
    return f"{len(unjudged)} further checks{worth} were not judged, because they build on one that did not pass."


def _cost(grade: Grade) -> str:
    """What the verdict cost, in words; "" where it cost nothing of its own."""
    if grade.verdict is Verdict.GRADER_ERROR:
        return "It costs you no points."
    if grade.verdict in NOTHING_RAN:
        return f"None of the {points(grade.max_score)} points of the tasks could be given."
    lost = {
        task.task: task.max_score - task.score
        for task in grade.tasks
        if any(check.message.startswith(SILENT) or check.message == grade.message for check in task.checks)
    }
    if grade.verdict is Verdict.OK:
        return ""
    if not lost:
        return "That alone cost no points: every task could be judged."
    return f"It cost {points(sum(lost.values()))} points, because this could not be judged: {', '.join(lost)}."
