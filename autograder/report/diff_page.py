"""The page of what changed between two gradings; instructors read it."""

from collections import Counter

from autograder.changes import CheckChange, Comparison
from autograder.report.frame import render
from autograder.report.text import MARKS, round_text, task_change_text


def render_diff_page(comparison: Comparison) -> str:
    """Who has another grade and why, as a page."""
    why = Counter(cause for change in comparison.changes for cause in change.why)
    return render(
        "diff.html",
        comparison.after.results,
        comparison=comparison,
        why=why.most_common(),
        check_text=_check_text,
        round_text=round_text,
        task_change_text=task_change_text,
    )


def _check_text(check: CheckChange) -> str:
    """ "passed -> FAILED"."""
    then, now = ("not there" if one is None else MARKS[one.passed] for one in (check.before, check.after))
    return f"{then} → {now}"
