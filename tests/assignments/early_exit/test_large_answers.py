"""An answer far larger than any right one is refused by its size, before it is turned into anything larger."""

import tracemalloc

import numpy as np
import pytest

from autograder.assignments.early_exit.checks.check_evaluate_early_exit import check_entropies
from autograder.judge.compare import Failure
from autograder.judge.evidence import Array, Evidence, Observation


def test_when_millions_of_entropies_are_returned_then_they_are_not_unpacked() -> None:
    many = Array(np.zeros(8 << 20, dtype="uint8"), tensor=True, grad=False)
    answer = Observation({"returned": (0.5, {}, many, 1), "sizes": [12, 7]})
    student = Evidence("evaluate_early_exit", dict.fromkeys(("low_tolerance", "middle_tolerance"), answer))
    tracemalloc.start()
    with pytest.raises(Failure) as failure:
        check_entropies(student, student)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert "found a uint8 tensor of shape (8388608,)" in failure.value.rationale
    assert peak < 10 << 20
