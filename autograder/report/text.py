"""Grades as plain text: for the terminal, the graded notebook and nbgrader's comments."""

from autograder.results import Grade, TaskGrade

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
    if grade.not_run:
        lines.append(f"Given cells that were not run, because no check reads what they define: {len(grade.not_run)}.")
    elif grade.whole:
        lines.append(f"All given cells were to run: {grade.whole}.")
    return "\n".join(lines) + "\n"
