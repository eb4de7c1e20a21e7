"""Checks of ``choose_tolerance``: the cheapest row that is good enough."""

import itertools

from autograder.judge.check import Failure, worth
from autograder.judge.compare import close, number, recognised


@worth(1)
def check_cheapest(student, key):
    """It takes the row with the fewest MACs among those with at least the target accuracy.

    The goal is a constraint with a cost: first good enough, then cheap.
    """
    right = key.values("plain")
    found = [number(one, "the tolerance", RETURN) for one in student.values("plain")["returned"]]
    wanted = [number(one, "the tolerance") for one in right["returned"]]
    if close(found, wanted):
        return
    mistakes = [_mistakes(*case) for case in zip(right["sweeps"], right["targets"], strict=True)]
    for mine, correct, of_case in zip(found, wanted, mistakes, strict=True):
        if not close(mine, correct):
            hint = "Filter by the target first; then take the fewest MACs."
            hint = recognised(mine, of_case, hint) if correct else ZERO
            # One sweep may fit several mistakes.
            in_all = [([value for value, _ in alike], alike[0][1]) for alike in zip(*mistakes, strict=True)]
            raise Failure(f"Expected the tolerance {correct}; found {mine}.", recognised(found, in_all, hint))


@worth(1, needs=check_cheapest)
def check_met_exactly(student, key):
    """A row that meets the target exactly is good enough.

    A goal that is reached is reached; leaving that row out pays MACs for nothing.
    """
    right = key.values("met_exactly")
    found = [number(mine, "the tolerance", RETURN) for mine in student.values("met_exactly")["returned"]]
    wanted = [number(one, "the tolerance") for one in right["returned"]]
    strictly = [_strictly_above(rows, tolerance) for rows, tolerance in zip(right["sweeps"], wanted, strict=True)]
    hint = "At least means >= and not >." if close(found, strictly) else FEWEST
    for mine, one in zip(found, wanted, strict=True):
        if not close(mine, one):
            raise Failure(f"Expected the tolerance {one}; found {mine}.", hint)


@worth(1, needs=check_cheapest)
def check_ties(student, key):
    """Among rows with equally few MACs it takes the smaller tolerance.

    At equal cost the smaller tolerance is the more careful one.
    """
    hint = "Where several rows have equally few MACs, the smallest tolerance among them: compare it second."
    _compare(student, key, "ties", hint)


@worth(1, needs=check_cheapest)
def check_none(student, key):
    """Where no row is good enough it gives 0.0, which never exits early.

    Where nothing is good enough the whole network must run, and 0.0 says so.
    """
    found = number(student.values("none_good_enough")["returned"], "the tolerance", NONE)
    if not close(found, number(key.values("none_good_enough")["returned"], "the tolerance")):
        raise Failure(f"Expected 0.0 when no row meets the target; found {found}.", NONE)


FEWEST = (
    "Of the rows that reach the target, or meet it exactly, take the one with the fewest MACs: nothing else counts. "
    "Rounded to float32, a row no longer meets it exactly."
)
RETURN = "Return the tolerance of one row: a single number."
ZERO = "A row's tolerance can be 0.0 too: do not take it for a sign that no row was found yet. The fewest MACs decide."
PLACE = "This place counts the rows that reach the target: look it up among these, not in the whole sweep."
NONE = "Think of the sweep in which no row reaches the target: return 0.0 there."


def _compare(student, key, case, hint):
    for mine, right in zip(student.values(case)["returned"], key.values(case)["returned"], strict=True):
        found, wanted = number(mine, "the tolerance", RETURN), number(right, "the tolerance")
        if not close(found, wanted):
            raise Failure(f"Expected the tolerance {wanted}; found {found}.", hint)


def _strictly_above(rows, tolerance):
    """What > gives in place of >= where the row of this tolerance meets the target exactly."""
    target = next(row[1] for row in rows if row[0] == tolerance)
    above = [row for row in rows if row[1] > target]
    return min(above, key=lambda row: row[2])[0] if above else 0.0


def _mistakes(rows, target):
    """Results of known mistakes, with hints."""
    good = [row for row in rows if row[1] >= target]
    cheapest, cheapest_of_all = min(good, key=lambda row: row[2]), min(rows, key=lambda row: row[2])
    no_row = "The fewest MACs come from a row that does not reach the target: filter with accuracy >= target first."
    return [
        (rows.index(cheapest), "This is the row's place in the list, its index; return its tolerance."),
        (
            0.0,
            "Some rows reach the target. Filter all rows by it first, and do not stop at one that misses it; then take "
            'the fewest MACs. A search for the fewest starts at float("inf"): a fixed number may be too small.',
        ),
        (cheapest[2], "These are the fewest MACs; return their row's tolerance, not the MACs."),
        (cheapest[1], "This is the row's accuracy; return its tolerance."),
        (max(good, key=lambda row: row[1])[0], "The fewest MACs are wanted, not the highest accuracy."),
        (max(good)[0], "The fewest MACs are wanted, not the largest tolerance: it need not be the cheapest."),
        (
            min(good)[0],
            "The fewest MACs are wanted, not the smallest tolerance: look at all rows that are good enough.",
        ),
        (_until_the_first_failure(rows, target), "Look at every row: do not stop at the first that misses the target."),
        (max(good, key=lambda row: row[2])[0], "The fewest MACs are wanted; this is the most expensive row."),
        (min(good, key=lambda row: row[1])[0], "The fewest MACs are wanted, not the accuracy closest to the target."),
        (good[0][0], "The rows come in no order: the first that fits need not be the cheapest, with the fewest MACs."),
        (good[-1][0], "The rows come in no order: the last that fits need not be the cheapest, with the fewest MACs."),
        (
            min((row for row in rows if row[2] >= target), key=lambda row: row[1])[0],
            "Are the columns mixed up? A row is (tolerance, accuracy, total_macs), in this order.",
        ),
        (
            next(row for row in rows if row[1] < target)[0],
            "Leave out the rows that miss the target before you look for the fewest MACs: with 0 MACs they would win.",
        ),
        (cheapest_of_all[0], f"{no_row} Both are fractions in [0, 1], compared exactly, not rounded."),
        (_cheapest(rows, target - 0.02), f"{no_row} The target is used as it is, not lowered again."),
        (_cheapest(rows, target - 0.005), f"{no_row} Compare exactly: do not round."),
        (rows[good.index(cheapest)][0], PLACE),
        (sorted(rows)[sorted(good).index(cheapest)][0], PLACE),
    ]


def _until_the_first_failure(rows, target):
    """What comes of going up the tolerances and stopping at the first row that misses the target."""
    good = list(itertools.takewhile(lambda row: row[1] >= target, sorted(rows)))
    return min(good, key=lambda row: row[2])[0] if good else 0.0


def _cheapest(rows, target):
    return min((row for row in rows if row[1] >= target), key=lambda row: (row[2], row[0]))[0]
