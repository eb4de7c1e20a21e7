"""What the observer writes down of a returned value, and what only by its type."""

import pytest
import torch

from autograder.inside.encode import MAX_BYTES, encode
from autograder.judge.evidence import Array, Other, _decode


def test_an_array_comes_back_as_it_was() -> None:
    back = _decode(encode(torch.tensor([[1.0, 2.0]], requires_grad=True)), 0)

    assert isinstance(back, Array)
    assert (back.values.tolist(), back.tensor, back.grad) == ([[1.0, 2.0]], True, True)


@pytest.mark.parametrize(
    "value",
    [torch.zeros(MAX_BYTES + 1, dtype=torch.uint8), torch.zeros(MAX_BYTES + 1, dtype=torch.uint8).numpy()],
)
def test_an_array_larger_than_any_answer_carries_nothing(value: object) -> None:
    assert _decode(encode(value), 0) == Other(f"array of {MAX_BYTES + 1} uint8")
