"""Checks of ``choose_tolerance`` in the tiny assignment."""

from autograder.judge.check import Failure, worth
from autograder.judge.compare import number

from .same import same


@worth(2)
def check_cheapest(student, key):
    """The row with the fewest MACs is chosen among those that are good enough.

    That is what a tolerance is for.
    """
    for mine, right in zip(student.values("plain")["returned"], key.values("plain")["returned"], strict=True):
        same(mine, right, "Leave out the rows below the target, then take the one with the fewest MACs.")


@worth(1, needs=check_cheapest)
def check_none(student, key):
    """Where no row is good enough, the tolerance is 0.

    At 0 every image goes to the end.
    """
    found = number(student.values("none_good_enough")["returned"], "the tolerance")
    if found != number(key.values("none_good_enough")["returned"], "the tolerance"):
        raise Failure(f"Expected 0 where no row reaches the target; found {found:g}.", "Return 0.0 in the end.")
