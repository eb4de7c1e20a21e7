"""Takes values out of evidence for the checks, or raises a Failure that says what was expected and found.

Comparisons are written so that NaN fails.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from autograder.judge.check import Failure
from autograder.judge.evidence import Array, Other
from autograder.results import UNFINISHED

# The solution and the submission run the same float32 arithmetic on one thread of one machine; what differs is the
# order of sums (batch sizes change it). That is about 1e-6 relative here; the mistakes we know change more than 1e-2.
RTOL = 1e-4
ATOL = 1e-5


def kind(value: Any) -> str:
    """A value in words."""
    if isinstance(value, Array):
        name = "tensor" if value.tensor else "NumPy array"
        return f"a {value.values.dtype} {name} of shape {value.values.shape}"
    if isinstance(value, Other):
        return UNFINISHED if value.type_name == "ellipsis" else f"a value of type {value.type_name}"
    if value is None:
        return "None"
    if isinstance(value, bool | int | float):
        return f"{value}"
    if isinstance(value, list | tuple | dict):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a {type(value).__name__}"


def several(value: Any, names: str) -> tuple[Any, ...]:
    """The members of a returned tuple, as many as ``names`` says."""
    wanted = names.split(", ")
    if not isinstance(value, tuple | list) or len(value) != len(wanted):
        raise Failure(f"Expected ({names}); found {kind(value)}.", "Look at the return statement of the released cell.")
    return tuple(value)


def number(value: Any, what: str, hint: str = "") -> float:
    """A real number: int, float, or an array with one element."""
    if isinstance(value, Array) and value.values.size == 1 and value.values.dtype != bool:
        value = value.values.reshape(()).item()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Failure(f"Expected {what} as a number; found {kind(value)}.", hint)
    return float(value)


def whole(value: Any, what: str, hint: str = "") -> int:
    """A whole number, exactly; floats are refused because they lose the last digits of large totals."""
    if isinstance(value, Array) and value.values.size == 1 and value.values.dtype.kind in "iu":
        value = value.values.reshape(()).item()
    if isinstance(value, bool) or not isinstance(value, int):
        raise Failure(f"Expected {what} as an int; found {kind(value)}.", hint)
    return value


def array(value: Any, what: str, shape: tuple[int, ...] | None = None, hint: str = "") -> np.ndarray:
    """The numbers of a tensor or array, as float64 unless they are integers."""
    if not isinstance(value, Array):
        raise Failure(f"Expected {what} as a tensor or an array; found {kind(value)}.", hint)
    if shape is not None and value.values.shape != shape:
        raise Failure(f"Expected {what} of shape {shape}; found {value.values.shape}.", hint)
    return value.values if value.values.dtype.kind in "iub" else value.values.astype(np.float64)


def close(found: Any, wanted: Any, rtol: float = RTOL, atol: float = ATOL) -> bool:
    """Whether all of ``found`` is within tolerance of ``wanted``; never for NaN."""
    found, wanted = np.asarray(found, dtype=np.float64), np.asarray(wanted, dtype=np.float64)
    return found.shape == wanted.shape and bool(np.all(np.abs(found - wanted) <= atol + rtol * np.abs(wanted)))


def recognised(found: Any, mistakes: Iterable[tuple[Any, str]], otherwise: str, rtol: float = 1e-6) -> str:
    """The hint of the first mistake whose value is ``found``, or ``otherwise``.

    Args:
        mistakes: (value, hint) pairs: what a known mistake gives on these inputs, and what to look at then.
    """
    for value, hint in mistakes:
        if close(found, value, rtol=rtol, atol=1e-6):
            return hint
    return otherwise
