"""What answers are worth: full marks for the solutions, and for wrong ones the points that they earned.

Which checks an answer fails is in the catalogue, tests/rubric/, and tested in test_rubric.py. The cases are run here
without a box; the key is the solutions notebook.
"""

import re
from collections.abc import Callable

import pytest
from in_process import graded, points
from rubric import ROOT, answers

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
        ("predict_with_compaction", "one_image_at_a_time", 1.75),  # no batch that shrinks
        ("predict_with_compaction", "everything_then_pick", 2.0),  # half of the points are for what is not computed
        ("baseline_step", "loss_as_a_number", 1.0),
        ("evaluate_early_exit", "every_exit_computed", 4.0),
        ("choose_tolerance", "always_zero", 0.0),  # right where no row fits, which alone earns nothing
        ("per_sample_exits", "always_the_last_exit", 0.0),
    ],
)
def test_a_wrong_answer_keeps_the_points_that_it_earned(score: Score, task: str, name: str, points: float) -> None:
    assert score(task, **{task: WRONG[task, name]}) == points


NONSENSE = {  # of the right types, and nothing else
    "baseline_step": "def baseline_step(m, x, y, c):\n    return torch.rand(len(x), 6), torch.tensor(1.0)",
    "evaluate_baseline": "def evaluate_baseline(m, loader, d):\n    return 0.5, 1000",
    "early_exit_loss": "def early_exit_loss(o, y, c):\n    return torch.tensor(1.0)",
    "early_exit_step": "def early_exit_step(m, x, y, c):\n    return [torch.rand(len(x), 6)] * 4, torch.tensor(1.0)",
    "evaluate_early_exit": "def evaluate_early_exit(m, loader, t, d):\n    return 0.5, {0: 0, 1: 0, 2: 0, 3: 0}, [], 9",
    "mac_ratio": "def mac_ratio(a, b):\n    return 1.0",
    "choose_tolerance": "def choose_tolerance(sweep, target):\n    return 0.0",
    "per_sample_exits": "def per_sample_exits(o, t):\n    return torch.zeros(len(o[0]), dtype=torch.int64)",
    "predict_with_compaction": (
        "def predict_with_compaction(m, x, t):\n"
        "    return torch.rand(len(x), 6), torch.zeros(len(x), dtype=torch.int64)"
    ),
}
LOOPS = {  # right modes, the network run, and no answer
    "evaluate_baseline": """def evaluate_baseline(model, loader, device):
    model.eval()
    with torch.no_grad():
        for images, _ in loader:
            model(images, 0.0, early_exit=False)
    return 0.0, 0""",
    "evaluate_early_exit": """def evaluate_early_exit(model, loader, tolerance, device):
    model.eval()
    with torch.no_grad():
        for images, _ in loader:
            model(images, tolerance)
    return 0.0, {0: 0, 1: 0, 2: 0, 3: 0}, [], 0""",
    "predict_with_compaction": """def predict_with_compaction(model, images, tolerance):
    model.eval()
    with torch.no_grad():
        model.early_train(images)
    return torch.zeros(len(images), 6), torch.zeros(len(images), dtype=torch.int64)""",
}


@pytest.mark.parametrize("task", NONSENSE)
def test_an_answer_of_the_right_types_alone_earns_nothing(score: Score, task: str) -> None:
    assert score(task, **{task: NONSENSE[task]}) == 0


@pytest.mark.parametrize("task", LOOPS)
def test_a_loop_in_the_right_mode_that_computes_nothing_earns_nothing(score: Score, task: str) -> None:
    assert score(task, **{task: LOOPS[task]}) == 0


def test_who_hands_in_what_course_lib_can_do_gets_less_than_four_points(score: Score) -> None:
    # The model decides for a batch, and a batch may be one image. Nothing else in there answers a task.
    one_by_one = WRONG["predict_with_compaction", "one_image_at_a_time"]
    assert score("predict_with_compaction", predict_with_compaction=one_by_one) < 4
    library = "".join(path.read_text() for path in (ROOT / "course_lib").rglob("*.py"))
    assert not re.search(r"F\.log_softmax|\.log\(\)|entr\(|Categorical|model\(image\[", library)


def test_a_gradient_of_zeros_is_no_gradient(score: Score) -> None:
    cell = "def baseline_step(m, x, y, c):\n    o = m(x, 0.0, False)\n    return o, c(o, y).detach() + 0 * o.sum()"

    assert score("baseline_step", baseline_step=cell) == 1.0
