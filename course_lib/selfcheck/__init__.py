"""The visible checks of the notebook: one call behind each task, an answer at once, a hint when it is wrong.

A check feeds the student's function small inputs whose outcome is known beforehand: heads that always give the
same answer, a network that names colours, logits of which the entropy is in every textbook. Where the outcome is that
of a known mistake, the hint names it. A check holds no solution, may be looser than the grading, and knows nothing of
points. `show(task)` gives the inputs of the last call, `overview()` says what is done and what is missing,
`name_unfilled()` says which TODO an error comes from.
"""

import sys

from course_lib import ready

# In the order of the notebook, which overview() and name_unfilled() keep.
from course_lib.selfcheck.baseline import check_baseline_step, check_evaluate_baseline
from course_lib.selfcheck.early_exit import (
    check_choose_tolerance,
    check_early_exit_loss,
    check_early_exit_step,
    check_evaluate_early_exit,
    check_mac_ratio,
)
from course_lib.selfcheck.per_sample import check_per_sample_exits, check_predict_with_compaction
from course_lib.selfcheck.registry import asked, says, show
from course_lib.selfcheck.student import SelfCheckFailure
from course_lib.selfcheck.unfilled import name_unfilled

__all__ = [
    "SelfCheckFailure",
    "check_baseline_step",
    "check_choose_tolerance",
    "check_early_exit_loss",
    "check_early_exit_step",
    "check_evaluate_baseline",
    "check_evaluate_early_exit",
    "check_mac_ratio",
    "check_per_sample_exits",
    "check_predict_with_compaction",
    "name_unfilled",
    "overview",
    "show",
]


def overview() -> None:
    """Print which tasks look right now, the points they carry, and how to hand in.

    Points, and which questions have an answer, come from the saved file of the notebook.
    """
    names = vars(sys.modules["__main__"])
    now = {task: says(task, names[task]) if task in names else "not defined yet" for task in asked}
    file = ready.here(names)
    try:
        notebook = ready.read(file) if file else None
    except ready.NotReady as error:
        print(f"{error}\n")
        notebook = None
    print(ready.summary(notebook, now))
