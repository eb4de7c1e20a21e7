"""The guarantees of risk-controlled thresholds, simulated, and the sums they rest on."""

from math import comb

import numpy as np
import pytest

from study import risk


@pytest.fixture(scope="module")
def losses() -> np.ndarray:
    """Losses of 4,000 images at 60 thresholds whose risk climbs from 0 to 6 %."""
    rng = np.random.default_rng(5)
    return np.sort(rng.random(4_000))[None] < np.linspace(0, 0.06, 60)[:, None]


def test_the_tail_is_the_binomial_one() -> None:
    expected = np.cumsum([comb(20, k) * 0.1**k * 0.9 ** (20 - k) for k in range(21)])
    assert risk.binomial_tails(20, 0.1) == pytest.approx(expected)


def test_the_tested_threshold_holds_its_guarantee_and_the_naive_one_does_not(losses) -> None:
    costs = np.linspace(1, 0.3, len(losses))
    fate = risk.simulate(losses, costs, n=500, epsilon=0.03, delta=0.05)
    assert fate["tested"]["held"] >= 0.95
    assert fate["naive"]["held"] < 0.7
    assert fate["in expectation"]["risk"] <= 0.03
    assert fate["tested"]["cost"] > fate["naive"]["cost"]


def test_a_threshold_is_taken_before_the_first_that_fails_however_good_later_ones_are() -> None:
    seen = np.array([[0, 1, 90, 0], [0, 0, 0, 0], [90, 0, 0, 0]])
    assert risk.tested(seen, 1_000, 0.02, 0.05).tolist() == [1, 3, -1]
    assert risk.naive(seen, 1_000, 0.02).tolist() == [1, 3, -1]
    assert risk.in_expectation(seen, 1_000, 0.02).tolist() == [1, 3, -1]


def test_only_an_early_wrong_answer_that_the_end_had_right_is_a_loss() -> None:
    # Image 0: early wrong, end right. Image 1: both wrong. Image 2: early right. Two exits, two classes.
    logits = np.array([[[0, 1], [0, 1], [1, 0]], [[1, 0], [0, 1], [0, 1]]], dtype=float)
    scores = np.array([[0.2, 0.2, 0.2]])
    got = risk.losses_at(scores, logits, np.array([0, 0, 0]), np.array([0.2, 0.3]))
    assert got.tolist() == [[False, False, False], [True, False, False]]


def test_where_a_later_exit_spoils_an_answer_the_average_is_held_too() -> None:
    # Half of the images lose at careful thresholds alone, as where exit 1 is wrong and exit 0 right.
    rng = np.random.default_rng(1)
    rising = np.sort(rng.random(3_000))[None] < np.linspace(0, 0.06, 40)[:, None]
    falling = np.arange(40)[:, None] < rng.integers(0, 40, 3_000) * (rng.random(3_000) < 0.02)
    fate = risk.simulate(rising | falling, np.linspace(1, 0.3, 40), n=300, epsilon=0.03, delta=0.05)
    assert fate["in expectation"]["risk"] <= 0.03
    assert fate["tested"]["held"] >= 0.95
