"""Checks of ``mac_ratio``: standard over early-exit MACs."""

from autograder.judge.check import Failure, worth
from autograder.judge.compare import close, number, recognised

PUBLISHED = 1.4469414982
GENERAL = "Divide the standard total by the early-exit total, both of them arguments; round neither them nor the ratio."
NEGATIVE = "MACs are never negative: totals of 10**12 do not fit into 32 bits. Divide the arguments as they are."


@worth(1)
def check_ratio(student, key):
    """The ratio is the standard total over the early-exit total.

    It is the headline number: how many times less is computed.
    """
    for mine, right in zip(student.values("two_totals")["returned"], key.values("two_totals")["returned"], strict=True):
        found, wanted = number(mine, "the ratio", "Return one number."), number(right, "the ratio")
        if close(found, wanted):
            continue
        hint = recognised(
            found,
            [
                (1 / wanted, "Upside down: the standard total over the early-exit total, not the other way round."),
                (100 * wanted, "A ratio, not percent: leave out the factor 100."),
                (1 - 1 / wanted, "This is the share that was saved; divide the one total by the other instead."),
                (
                    100 - 100 / wanted,
                    "This is the share that was saved, in percent; divide the one total by the other.",
                ),
                (wanted - 1, "A ratio of 1 means that nothing was saved: do not subtract 1."),
                (int(wanted), "Integer division (//) drops the fraction: divide with /."),
                (wanted / (wanted - 1), "Divide by the early-exit total itself, not by the MACs that were saved."),
                (wanted / (wanted + 1), "Divide by the early-exit total alone, not by the sum of both."),
                (PUBLISHED, "This is the published run's ratio: use the arguments."),
            ],
            NEGATIVE if found < 0 else GENERAL,
            rtol=1e-4,
        )
        raise Failure(f"Expected {wanted:.4f}; found {found:.4f}.", hint)
