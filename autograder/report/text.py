"""Grades as plain text: for the terminal, the graded notebook and nbgrader's comments."""

from collections.abc import Iterable, Iterator

from autograder.changes import Change, TaskChange
from autograder.marks import Marks
from autograder.results import Grade, Round, TaskGrade

MARKS = {True: "passed", False: "FAILED", None: "not judged"}


def points(value: float) -> str:
    """Points without needless decimals: 21, 2.5, 0.67."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def score(grade: Grade | TaskGrade) -> str:
    """ "21 / 27"."""
    return f"{points(grade.score)} / {points(grade.max_score)}"


def task_text(task: TaskGrade) -> str:
    """The points of a task and all its checks. Reads well as text and as Markdown."""
    return f"{task.task}: {score(task)} points\n\n{checks_text(task)}"


def checks_text(task: TaskGrade) -> str:
    """All checks of a task: which passed, what was found, what each is worth."""
    total = sum(check.share for check in task.checks) or 1
    lines = []
    for check in task.checks:
        worth = f" ({points(task.max_score * check.share / total)} p)" if check.share else ""
        lines.append(f"- {MARKS[check.passed]}{worth}: {check.name}")
        if check.message:
            lines.append("  " + check.message.replace("\n", "\n    "))  # or an error text could forge a line
        if check.hint:
            lines.append(f"  Hint: {check.hint}")
        if check.passed is not True and check.why:
            lines.append(f"  Why it matters: {check.why}")
    return "".join(f"{line}\n" for line in lines)


def submission_text(grade: Grade, box: str) -> str:
    """The head of a graded submission: verdict, score, box and notes."""
    lines = [f"Verdict: {grade.verdict}", f"Automatic points: {score(grade)}", f"Box: {box}"]
    if grade.message:
        lines.append(grade.message)
    lines += [f"Note: {note}" for note in grade.notes]
    lines.append("Given cells show the outputs that were handed in; solution cells show the grading run.")
    if grade.other_release:
        lines.append(f"Given cells that another release of the notebook has otherwise: {len(grade.other_release)}.")
    if grade.not_run:
        lines.append(f"Given cells that were not run, because no check reads what they define: {len(grade.not_run)}.")
    elif grade.whole:
        lines.append(f"All given cells were to run: {grade.whole}.")
    return "\n".join(lines) + "\n"


def change_text(change: Change) -> str:
    """ "meyer 26 -> 27 (the checks changed)"; with the verdicts or the maxima where these differ."""
    before, after = change.before, change.after
    if before is None or after is None:
        return f"{change.student} ({', '.join(change.why)})"
    show = score if before.max_score != after.max_score else (lambda grade: points(grade.score))
    then, now = show(before), show(after)
    if before.verdict != after.verdict:
        then, now = f"{then} {before.verdict}", f"{now} {after.verdict}"
    kept = f"; by hand and kept: {', '.join(mark.question for mark in change.by_hand)}" if change.by_hand else ""
    return f"{change.student} {then} -> {now} ({', '.join(change.why)}{kept})"


def task_change_text(change: TaskChange) -> str:
    """ "mac_ratio 0 -> 1"; with the maxima where these differ."""
    before, after = change.before, change.after
    if before is None or after is None:
        return f"{change.task} {'is new' if before is None else 'is gone'}"
    if before.max_score != after.max_score:
        return f"{change.task} {score(before)} -> {score(after)}"
    return f"{change.task} {points(before.score)} -> {points(after.score)}"


def round_text(one: Round | None) -> str:
    """ ", 2026-11-27 10:00:00 UTC, seed 7, on gradebox (appeal)"; "" where nothing is known."""
    if one is None:
        return ""
    when = one.when.replace("T", " ").replace("Z", " UTC")
    parts = [when, f"seed {one.seed}", f"on {one.machine}" if one.machine else ""]
    return "".join(f", {part}" for part in parts if part) + (f" ({one.reason})" if one.reason else "")


def by_hand_lines(marks: Iterable[Marks]) -> Iterator[str]:
    """Points that a person gave in place of the automatic ones."""
    for one in marks:
        if one.by_hand:
            given = ", ".join(f"{mark.question} {points(mark.score or 0)}" for mark in one.by_hand)
            self_checks = ", ".join(f"{mark.question} {points(mark.automatic or 0)}" for mark in one.by_hand)
            yield f"By hand: {one.student}: {given} (the checks gave {self_checks})"
