"""What the checks compare with: exact about types, blind to rounding, never fooled by NaN."""

import math

import numpy as np
import pytest

from autograder.judge.check import Failure
from autograder.judge.compare import ATOL, RTOL, array, close, kind, number, several, whole
from autograder.judge.evidence import Array, Other


def tensor(values: object, dtype: str = "float32") -> Array:
    return Array(np.array(values, dtype=dtype), tensor=True, grad=False)


def test_a_failure_has_a_rationale_and_may_have_a_hint():
    assert (Failure("found 3").rationale, Failure("found 3").hint, str(Failure("found 3", "look"))) == (
        "found 3",
        "",
        "found 3",
    )


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (tensor([[1, 2]]), "a float32 tensor of shape (1, 2)"),
        (Array(np.zeros(3, "int64"), False, False), "a int64 NumPy array of shape (3,)"),
        (Other("ellipsis"), "the ... of the TODO"),
        (Other("Module"), "a value of type Module"),
        (None, "None"),
        (True, "True"),
        (3, "3"),
        (0.5, "0.5"),
        (float("nan"), "nan"),
        ([1, 2], "a list of 2"),
        ((1,), "a tuple of 1"),
        ({}, "a dict of 0"),
        ("0.5", "a str"),
    ],
)
def test_a_value_is_told_in_words(value: object, words: str):
    assert kind(value) == words


@pytest.mark.parametrize("value", [(1, 2), [1, 2]])
def test_a_returned_tuple_is_taken_apart(value: object):
    assert several(value, "accuracy, total_macs") == (1, 2)


@pytest.mark.parametrize("value", [None, 3, (1,), (1, 2, 3), {"a": 1, "b": 2}, "ab", tensor([1, 2])])
def test_when_another_number_of_values_is_returned_then_the_failure_says_which_were_expected(value: object):
    with pytest.raises(Failure) as failure:
        several(value, "accuracy, total_macs")
    assert failure.value.rationale == f"Expected (accuracy, total_macs); found {kind(value)}."
    assert "return statement" in failure.value.hint


@pytest.mark.parametrize("value", [2, 2.0, tensor(2), tensor([2]), tensor([[2]], "int64"), tensor(2, "float16")])
def test_a_number_may_come_in_any_dress(value: object):
    found = number(value, "the ratio")

    assert (found, type(found)) == (2.0, float)


@pytest.mark.parametrize(
    "value", [None, True, "2", [2], tensor([2, 2]), tensor([]), tensor(1, "bool"), Other("ellipsis")]
)
def test_when_it_is_no_number_then_the_failure_says_what_it_is(value: object):
    with pytest.raises(Failure) as failure:
        number(value, "the ratio")
    assert failure.value.rationale == f"Expected the ratio as a number; found {kind(value)}."


@pytest.mark.parametrize("value", [2**60, tensor(2**60, "int64"), tensor([2**60], "int64")])
def test_a_whole_number_is_exact(value: object):
    assert whole(value, "the MACs") == 2**60


@pytest.mark.parametrize("value", [None, True, 2.0, "2", tensor(2.0), tensor([2, 2], "int64"), tensor(1, "bool")])
def test_when_it_is_no_whole_number_then_the_failure_says_what_it_is(value: object):
    with pytest.raises(Failure) as failure:
        whole(value, "the MACs")
    assert failure.value.rationale == f"Expected the MACs as an int; found {kind(value)}."


@pytest.mark.parametrize(
    ("dtype", "wanted"), [("float16", "float64"), ("float32", "float64"), ("int8", "int8"), ("bool", "bool")]
)
def test_an_array_is_float64_unless_it_counts(dtype: str, wanted: str):
    found = array(tensor([1, 0], dtype), "the exits", (2,))

    assert (found.dtype.name, found.tolist()) == (wanted, [1, 0])


@pytest.mark.parametrize("value", [None, 3, [1, 2], Other("ellipsis"), "x"])
def test_when_it_is_no_array_then_the_failure_says_what_it_is(value: object):
    with pytest.raises(Failure) as failure:
        array(value, "the exits")
    assert failure.value.rationale == f"Expected the exits as a tensor or an array; found {kind(value)}."


def test_when_an_array_has_another_shape_then_the_failure_says_both():
    with pytest.raises(Failure) as failure:
        array(tensor([1, 2]), "the logits", (2, 6))
    assert failure.value.rationale == "Expected the logits of shape (2, 6); found (2,)."


@pytest.mark.parametrize(
    ("found", "wanted", "same"),
    [
        (1.0, 1.0, True),
        (1.0 + 0.9 * RTOL, 1.0, True),
        (1.0 + 2 * RTOL, 1.0, False),
        (0.9 * ATOL, 0.0, True),
        (2 * ATOL, 0.0, False),
        (1e12, 1e12 * (1 + 0.5 * RTOL), True),
        ([1, 2], [1, 2], True),
        ([1, 2.1], [1, 2], False),
        ([1], [1, 1], False),
        (1, [1, 1], False),
        ([[1, 1]], [1, 1], False),
        ([], [], True),
        (math.nan, 1.0, False),
        (1.0, math.nan, False),
        (math.nan, math.nan, False),
        ([1, math.nan], [1, 2], False),
        (math.inf, 1.0, False),
        (-math.inf, 1.0, False),
        (10**400 // 10**350, 1.0, False),
    ],
)
def test_close_is_within_tolerance_of_the_wanted_one_and_never_nan(found: object, wanted: object, same: bool):
    assert close(found, wanted) is same
