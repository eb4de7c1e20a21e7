"""What answers are worth: full marks for the solutions, and for wrong ones the points that they earned.

Which checks an answer fails is in the catalogue, tests/rubric/, and tested in test_rubric.py. The cases are run here
without a box; the key is the solutions notebook.
"""

from collections.abc import Callable

import pytest
from in_process import graded, points
from rubric import answers

POINTS = points()
WRONG = {(answer.task, answer.name): answer.source for answer in answers("wrong")}
Score = Callable[..., float]
pytestmark = pytest.mark.slow


@pytest.fixture(name="score", scope="module")
def _score() -> Score:
    """Points of a task whose cell, or other cells, are replaced."""
    return lambda task, **cells: graded(task, **cells).score


@pytest.mark.parametrize("task", POINTS)
def test_the_solution_gets_full_marks(score: Score, task: str) -> None:
    assert score(task) == POINTS[task]


@pytest.mark.parametrize(
    "loss",
    [
        "def early_exit_loss(o, y, c):\n    return ...",
        "def early_exit_loss(o, y, c):\n    return c(o[0], y).item()",
        "def early_exit_loss(o, y, c):\n    raise ValueError('not yet')",
        "def early_exit_loss(o, y, c):\n    return sum(c(e, y) for e in o)",
    ],
)
def test_a_wrong_loss_is_paid_for_once(score: Score, loss: str) -> None:
    assert score("early_exit_step", early_exit_loss=loss) == POINTS["early_exit_step"]
    assert score("early_exit_loss", early_exit_loss=loss) < POINTS["early_exit_loss"]


@pytest.mark.parametrize(
    ("task", "name", "points"),
    [
        ("predict_with_compaction", "one_image_at_a_time", 3.75),  # a quarter for staying together
        ("predict_with_compaction", "everything_then_pick", 2.0),  # half of the points are for what is not computed
        ("baseline_step", "loss_as_a_number", 1.0),
        ("evaluate_early_exit", "every_exit_computed", 4.0),
        ("choose_tolerance", "always_zero", 0.0),  # right where no row fits, which alone earns nothing
        ("per_sample_exits", "always_the_last_exit", 0.0),
    ],
)
def test_a_wrong_answer_keeps_the_points_that_it_earned(score: Score, task: str, name: str, points: float) -> None:
    assert score(task, **{task: WRONG[task, name]}) == points


def test_a_gradient_of_zeros_is_no_gradient(score: Score) -> None:
    cell = "def baseline_step(m, x, y, c):\n    o = m(x, 0.0, False)\n    return o, c(o, y).detach() + 0 * o.sum()"

    assert score("baseline_step", baseline_step=cell) == 1.0
