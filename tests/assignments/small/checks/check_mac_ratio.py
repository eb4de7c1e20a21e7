"""Checks of ``mac_ratio`` in the tiny assignment."""

from autograder.judge.check import Failure, worth
from autograder.judge.compare import close, number, recognised


@worth(1)
def check_ratio(student, key):
    """The ratio is the first total over the second.

    It says how many times less is computed.
    """
    right = key.values("two_totals")
    found, wanted = (
        number(student.values("two_totals")["returned"], "the ratio"),
        number(right["returned"], "the ratio"),
    )
    if not close(found, wanted):
        first, second = right["totals"]
        mistakes = [(second / first, "Upside down: divide the first total by the second.")]
        hint = recognised(found, mistakes, "Divide the first total by the second.")
        raise Failure(f"Expected {wanted:.4f}; found {found:.4f}.", hint)
