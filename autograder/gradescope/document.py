"""A grade -> the document that Gradescope reads: results.json by its specification.

Every text is declared plain (``output_format`` "text"), so Gradescope escapes it, and is bounded in length. A task is
one test with its points. A written answer is a test without points, because a person gives them. What only the
instructor may know is a test that Gradescope never shows to students.
"""

from collections.abc import Sequence
from typing import Any

from autograder.marks import Mark
from autograder.printable import printable_lines
from autograder.report.text import checks_text, points
from autograder.results import Grade

MAX_TEXT = 10_000  # characters of one output
MAX_NOTES = 50
WRITTEN = "A person marks this answer. It carries {points}, which are not among the automatic points."


def results_document(grade: Grade, written: Sequence[Mark], for_the_instructor: Sequence[str]) -> dict[str, Any]:
    """The document.

    Args:
        grade: Any but a ``GRADER_ERROR``, which is nobody's score.
        written: The questions that a person marks.
        for_the_instructor: Sentences that no student sees.
    """
    tests: list[dict[str, Any]] = [
        {
            "name": task.task,
            "score": task.score,
            "max_score": task.max_score,
            "status": "passed" if task.score == task.max_score else "failed",
            "output": _text(checks_text(task)),
            "tags": ["automatic"],
        }
        for task in grade.tasks
    ]
    for mark in written:
        carries = f"{points(mark.max_score)} point{'' if mark.max_score == 1 else 's'}"
        tests.append({"name": mark.question, "output": WRITTEN.format(points=carries), "tags": ["written"]})
    common = {"output_format": "text", "visibility": "visible"}
    tests = [{**test, "number": str(number), **common} for number, test in enumerate(tests, start=1)]
    told = _text("\n".join(for_the_instructor))
    tests.append({"name": "For instructors", "output": told, **common, "visibility": "hidden"})
    return {
        # On top, because not every test has points.
        "score": grade.score,
        "execution_time": round(grade.wall_s, 1),
        "output": _text("\n".join(_head(grade, written))),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
    }


def _head(grade: Grade, written: Sequence[Mark]) -> list[str]:
    """What concerns the whole submission."""
    lines = [f"Verdict: {grade.verdict}"]
    lines += [grade.message] if grade.message else []
    lines += [f"Note: {note}" for note in grade.notes[:MAX_NOTES]]
    lines += [f"{len(grade.notes) - MAX_NOTES} more notes are left out."] if len(grade.notes) > MAX_NOTES else []
    if written:
        waiting = points(sum(mark.max_score for mark in written))
        lines.append(f"The score holds the automatic points. A person gives up to {waiting} for the written answers.")
    return lines


def _text(text: str) -> str:
    """Text that may be shown, and is not too long."""
    shown = printable_lines(text)
    return shown if len(shown) <= MAX_TEXT else f"{shown[:MAX_TEXT]}\n(The rest is left out.)"
