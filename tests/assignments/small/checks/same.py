"""What the checks of this folder share."""

from autograder.judge.check import Failure
from autograder.judge.compare import close, number


def same(found, wanted, hint):
    """Require one number."""
    if not close(number(found, "the tolerance"), number(wanted, "the tolerance")):
        raise Failure(f"Expected {wanted:g}; found {found:g}.", hint)
