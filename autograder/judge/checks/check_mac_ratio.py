"""Checks of ``mac_ratio``: standard over early-exit MACs."""

from autograder.judge.compare import Failure, close, number
from autograder.judge.plugin import worth


@worth(1)
def check_ratio(student, key):
    """The ratio is the standard total over the early-exit total."""
    for mine, right in zip(student.values("two_totals")["returned"], key.values("two_totals")["returned"], strict=True):
        found, wanted = number(mine, "the ratio"), number(right, "the ratio")
        if not close(found, wanted):
            hint = "It is above 1 when early exit saves MACs." if found < 1 else "Divide without rounding."
            raise Failure(f"Expected {wanted:.4f}; found {found:.4f}.", hint)
