"""The checks on answers: right ones written in other ways get full marks, wrong ones lose what they did not earn.

The cases are run here, without a box, on functions that the tests bring along; the key is the solutions notebook.
"""

from collections.abc import Callable

import pytest
from in_process import graded, points

POINTS = points()
Score = Callable[..., float]
pytestmark = pytest.mark.slow


@pytest.fixture(name="score", scope="module")
def _score() -> Score:
    """Points of a task whose cell, or other cells, are replaced."""
    return lambda task, **cells: graded(task, **cells).score


@pytest.mark.parametrize("task", POINTS)
def test_the_solution_gets_full_marks(score: Score, task: str) -> None:
    assert score(task) == POINTS[task]


LOOPED_STAGES = """
@torch.no_grad()
def predict_with_compaction(model, images, tolerance):
    model.eval()
    logits, exits = None, torch.full((len(images),), 3)
    alive, x = torch.arange(len(images)), model.stem(images)
    for k in range(4):
        for block in model.stages[k]:
            x = block(x)
        out = model.heads[k](x)
        logits = torch.zeros(len(images), out.shape[1]) if logits is None else logits
        H = torch.distributions.Categorical(logits=out).entropy()
        go = (H < tolerance) if k < 3 else torch.ones(len(out), dtype=torch.bool)
        logits[alive[go]], exits[alive[go]] = out[go], k
        x, alive = x[~go], alive[~go]
        if len(alive) == 0:
            break
    return logits, exits
"""
COPIED = """
import copy
def evaluate_baseline(model, loader, device):
    net, right, macs = copy.deepcopy(model).eval(), 0, 0
    with torch.inference_mode():
        for images, labels in loader:
            right += (net(images, 0, False).argmax(1) == labels).sum()
            macs += get_model_macs(net, (images, 0, False))
    return right / len(loader.dataset), macs
"""
ARRAYS = """
import numpy as np
from collections import Counter
def evaluate_early_exit(model, loader, tolerance, device):
    model.eval(); counts = Counter({k: 0 for k in range(4)}); H = []; right = macs = n = 0
    table = exit_macs(model, (3, 32, 32))
    with torch.no_grad():
        for images, labels in loader:
            out, k, h = model(images, tolerance)
            counts[k] += 1; H.append(h); n += len(labels); macs += table[k] * len(labels)
            right += (out.argmax(1) == labels).sum().item()
    return np.float64(right / n), counts, np.array(H), macs
"""
TWICE = """
@torch.no_grad()
def evaluate_early_exit(model, loader, tolerance, device):
    model.eval(); counts = dict.fromkeys(range(4), 0); H = []; right = macs = n = 0
    for images, labels in loader:
        macs += get_model_macs(model, (images, tolerance))
        x = model.stem(images)
        for k in range(4):
            x = model.stages[k](x)
            out = model.heads[k](x)
            h = torch.distributions.Categorical(logits=out).entropy().mean().item()
            if h < tolerance:
                break
        counts[k] += 1; H.append(h); n += len(labels); right += (out.argmax(1) == labels).sum().item()
    return right / n, counts, H, macs
"""
CLAIMED = """
@torch.no_grad()
def evaluate_early_exit(model, loader, tolerance, device):
    model.eval(); counts = dict.fromkeys(range(4), 0); H = []; right = macs = n = 0
    table = exit_macs(model, (3, 32, 32))
    for images, labels in loader:
        for k, out in enumerate(model.early_train(images)):
            h = torch.distributions.Categorical(logits=out).entropy().mean().item()
            if h < tolerance:
                break
        counts[k] += 1; H.append(h); n += len(labels); right += (out.argmax(1) == labels).sum().item()
        macs += table[k] * len(labels)
    return right / n, counts, H, macs
"""


@pytest.mark.parametrize(
    ("task", "source"),
    [
        ("predict_with_compaction", LOOPED_STAGES),
        ("evaluate_baseline", COPIED),
        ("evaluate_early_exit", ARRAYS),
        ("evaluate_early_exit", TWICE),
        (
            "early_exit_loss",
            "import torch.nn.functional as F\ndef early_exit_loss(o, y, c):\n"
            "    return F.cross_entropy(o[0], y) + 0.3 * sum(F.cross_entropy(e, y) for e in o[1:])",
        ),
        ("mac_ratio", "mac_ratio = lambda a, b: torch.tensor(a, dtype=torch.float64) / b"),
        (
            "early_exit_step",
            "def early_exit_step(m, x, y, c):\n    o = m.early_train(x)\n"
            "    return tuple(o), c(o[0], y) + 0.3 * (c(o[1], y) + c(o[2], y) + c(o[3], y))",
        ),
    ],
)
def test_right_answers_written_in_other_ways_get_full_marks(score: Score, task: str, source: str) -> None:
    assert score(task, **{task: source}) == POINTS[task]


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
    ("task", "source", "points"),
    [
        (
            "predict_with_compaction",  # one image at a time: nothing is removed from a batch
            "def predict_with_compaction(model, images, tolerance):\n"
            "    got = [model(image[None], tolerance) for image in images]\n"
            "    return torch.cat([g[0] for g in got]), torch.tensor([g[1] for g in got])",
            3.25,  # a quarter for staying together, half for the graph
        ),
        (
            "baseline_step",
            "def baseline_step(m, x, y, c):\n    o = m(x, 0.0, False)\n    return o, c(o, y).detach() + 0 * o.sum()",
            1.0,
        ),
        (
            "baseline_step",
            "def baseline_step(m, x, y, c):\n    o = m(x, 0.0, False)\n    return o, c(o, y).item()",
            1.0,
        ),
        ("evaluate_early_exit", CLAIMED, 4.0),  # every exit of every batch is computed
        ("choose_tolerance", "def choose_tolerance(sweep, target):\n    return 0.0", 0.0),
        ("per_sample_exits", "def per_sample_exits(o, t):\n    return torch.full((len(o[0]),), 3)", 0.0),
    ],
)
def test_wrong_answers_lose_what_they_did_not_earn(score: Score, task: str, source: str, points: float) -> None:
    assert score(task, **{task: source}) == points
