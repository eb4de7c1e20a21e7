"""Checks of ``predict_with_compaction``: (logits, exits) in input order, finished samples removed on the way."""

import numpy as np

from autograder.judge.compare import Failure, array, clear_cut, close, several
from autograder.judge.plugin import worth

CASES = ("mixed", "all_leave_first", "none_leaves_early")


@worth(0)
def check_returns_a_pair(student):
    """It returns (logits, exits)."""
    several(student.values("mixed")["returned"], "logits, exits")


@worth(1, needs=check_returns_a_pair)
def check_exits(student, key):
    """Each sample leaves at the exit that its own entropies say, in input order."""
    _, exits = student.values("mixed")["returned"]
    truth = key.values("mixed")
    wanted, judged = array(truth["returned"][1], "the exits"), clear_cut(truth["logits"], truth["tolerance"])
    wrong = int((array(exits, "the exits", wanted.shape)[judged] != wanted[judged]).sum())
    if wrong:
        raise Failure(
            f"{wrong} of {int(judged.sum())} samples have another exit than they should.",
            "Keep the original places of the samples that go on, and write the exits back there.",
        )


@worth(0.5, needs=check_returns_a_pair)
def check_logits(student, key):
    """Each sample's logits are those of the exit where it left, in input order."""
    logits, _ = student.values("mixed")["returned"]
    truth = key.values("mixed")
    wanted, judged = array(truth["returned"][0], "the logits"), clear_cut(truth["logits"], truth["tolerance"])
    if not close(array(logits, "the logits", wanted.shape)[judged], wanted[judged]):
        raise Failure(
            "The logits are not those of each sample's own exit.",
            "Write each sample's logits back to its original place when it leaves.",
        )


@worth(2, needs=check_exits)
def check_removed(student, key):
    """Finished samples are really removed: each stage sees only the samples that have not left before it."""
    exits = array(student.values("mixed")["returned"][1], "the exits")
    active = [int((exits >= index).sum()) for index in range(4)]
    seen, calls = student.values("mixed")["samples"], student.values("mixed")["calls"]
    if max(calls) > 1:
        raise Failure(
            f"Expected each stage to run once for all samples still in the batch; it ran {max(calls)} times.",
            "Keep the samples together: one pass over the stages, with fewer and fewer samples.",
        )
    if seen != active:
        raise Failure(
            f"Expected the stages to see {active} samples; they saw {seen}.",
            "Index the features with those that go on before the next stage; do not run the whole model first.",
        )


@worth(0.5, needs=check_exits)
def check_edges(student, key):
    """It works when all samples leave at the first exit and when none leaves early."""
    for case in CASES[1:]:
        logits, exits = several(student.values(case)["returned"], "logits, exits")
        right_logits, right_exits = key.values(case)["returned"]
        right_logits = array(right_logits, "the logits")
        if not np.array_equal(array(exits, "the exits"), array(right_exits, "the exits")) or not close(
            array(logits, "the logits", right_logits.shape), right_logits
        ):
            raise Failure(f"Wrong when {case.replace('_', ' ')}.", "What happens when no sample is left for a stage?")
