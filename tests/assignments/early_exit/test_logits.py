"""What the checks of this lesson compute again: entropies in nats, cross entropies, samples too close to call."""

import math

import numpy as np
import pytest

from autograder.assignments.early_exit.checks.logits import clear_cut, cross_entropy, entropy, same_logits, transformed
from autograder.assignments.early_exit.checks.required import require_gradient, same_share
from autograder.judge.check import Failure
from autograder.judge.compare import close
from autograder.judge.evidence import Array


def tensor(values: object, dtype: str = "float32") -> Array:
    return Array(np.array(values, dtype=dtype), tensor=True, grad=False)


def test_entropy_is_in_nats():
    rows = np.array([[0.0, 0.0, 0.0, 0.0], [1000.0, 0.0, 0.0, 0.0]])

    assert entropy(rows) == pytest.approx([math.log(4), 0.0])


def test_entropy_of_two_classes_is_the_textbook_one():
    logits = np.log(np.array([[0.25, 0.75]]))

    assert entropy(logits) == pytest.approx([-(0.25 * math.log(0.25) + 0.75 * math.log(0.75))])


def test_entropy_keeps_the_other_axes():
    assert entropy(np.zeros((2, 5, 6), dtype=np.float32)).shape == (2, 5)


def test_cross_entropy_is_the_mean_of_minus_log_probability_of_the_label():
    logits = np.log(np.array([[0.25, 0.75], [0.5, 0.5]]))

    assert cross_entropy(logits, np.array([1, 0])) == pytest.approx(-(math.log(0.75) + math.log(0.5)) / 2)


def test_cross_entropy_of_large_logits_is_finite():
    assert cross_entropy(np.array([[1000.0, 0.0]]), np.array([1])) == pytest.approx(1000.0)


def test_cross_entropy_of_nan_is_nan_so_that_it_fails():
    assert not close(cross_entropy(np.array([[math.nan, 0.0]]), np.array([1])), 0.7)


def test_samples_near_the_tolerance_at_any_exit_are_not_judged():
    sure, even = [1000.0, 0.0], [0.0, 0.0]
    exits = [tensor([sure, even, sure]), tensor([sure, sure, even])]

    assert clear_cut(exits, math.log(2)).tolist() == [True, False, False]
    assert clear_cut(exits, math.log(2) + 2e-4).tolist() == [True, True, True]
    assert clear_cut(exits, 0.0).tolist() == [False, False, False]


def test_a_gradient_that_rounding_moved_across_a_kink_is_right_and_a_detached_part_is_not():
    wanted = tensor(np.random.default_rng(1).standard_normal((4, 3, 3, 3)))
    away = np.roll(wanted.values, 1)

    require_gradient(tensor(wanted.values + 0.05 * away), wanted)
    for found, said in (
        (tensor(wanted.values + 0.25 * away), "not the right gradient"),
        (tensor(np.full_like(away, np.nan)), "not the right gradient"),
        (None, "without a gradient"),
    ):
        with pytest.raises(Failure, match=said):
            require_gradient(found, wanted)


def test_a_small_logit_next_to_large_ones_may_round_as_they_do():
    wanted = np.array([[11.0, 0.001], [-6.0, 0.0]])

    assert same_logits(wanted + 1e-4, wanted) and not same_logits(wanted + 5e-3, wanted)
    assert same_logits(wanted[:0], wanted[:0]) and not same_logits(wanted * np.nan, wanted)


def test_probabilities_and_their_logarithms_are_no_logits():
    logits = np.array([[2.0, 0.0, -1.0], [0.0, 0.0, 5.0]])
    exponentials = np.exp(logits)
    soft = exponentials / exponentials.sum(axis=1, keepdims=True)

    assert "a softmax" in transformed(soft, logits) and "log_softmax" in transformed(np.log(soft), logits)
    assert transformed(logits, logits) == transformed(logits / 2, logits) == ""


def test_the_mean_of_batches_is_not_taken_for_the_accuracy_however_near_it_is():
    hits, sizes = (5, 4, 5, 4, 5, 4), (8, 8, 8, 8, 8, 7)
    mean = sum(hit / size for hit, size in zip(hits, sizes, strict=True)) / 6

    assert same_share(float(np.float32(27 / 47)), 27 / 47)
    assert mean == pytest.approx(27 / 47, abs=7e-5) and not same_share(mean, 27 / 47)
