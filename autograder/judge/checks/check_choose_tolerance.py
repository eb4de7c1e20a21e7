"""Checks of ``choose_tolerance``: the cheapest row that is good enough."""

from autograder.judge.compare import Failure, close, number
from autograder.judge.plugin import worth


def _compare(student, key, case, hint):
    for mine, right in zip(student.values(case)["returned"], key.values(case)["returned"], strict=True):
        found, wanted = number(mine, "the tolerance"), number(right, "the tolerance")
        if not close(found, wanted):
            raise Failure(f"Expected the tolerance {wanted}; found {found}.", hint)


@worth(1)
def check_cheapest(student, key):
    """Of the rows with at least the target accuracy it takes the one with the fewest MACs."""
    _compare(student, key, "plain", "The rows come in no order, and a larger tolerance need not be cheaper.")


@worth(1, needs=check_cheapest)
def check_met_exactly(student, key):
    """A row that meets the target exactly is good enough."""
    _compare(student, key, "met_exactly", "At least means >= and not >.")


@worth(1, needs=check_cheapest)
def check_ties(student, key):
    """Among rows with equally few MACs it takes the smaller tolerance."""
    _compare(student, key, "ties", "Compare the MACs first and the tolerance second.")


@worth(1, needs=check_cheapest)
def check_none(student, key):
    """Where no row is good enough it gives 0.0, which never exits early."""
    found = number(student.values("none_good_enough")["returned"], "the tolerance")
    if not close(found, number(key.values("none_good_enough")["returned"], "the tolerance")):
        raise Failure(f"Expected 0.0 when no row meets the target; found {found}.")
