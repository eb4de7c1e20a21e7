"""Checks of ``per_sample_exits``: each sample's own first exit below the tolerance."""

import numpy as np

from autograder.judge.check import Failure, worth
from autograder.judge.compare import array, kind
from autograder.judge.evidence import Array

from .required import wrong_exits


@worth(2)
def check_each_sample(student, key):
    """Each sample leaves at the first exit whose own entropy, in nats, is below the tolerance, else at the last.

    This is the rule of BranchyNet: easy images leave and hard ones stay, whoever else is in the batch.
    """
    found, truth = student.values("mixed")["returned"], key.values("mixed")
    wanted = array(truth["returned"], "the exits")
    hint = "Take the softmax entropy (natural logarithm) of each sample at each exit; the first below wins."
    wrong, hint = wrong_exits(_exits(found, len(wanted)), wanted, truth, hint)
    if wrong:
        raise Failure(f"{wrong} leave at another exit than they should.", hint)


@worth(0.5, needs=check_each_sample)
def check_strictly_below(student, key):
    """Strictly below: at tolerance 0 nothing leaves early, not even a sample of entropy 0.

    Tolerance 0 promises the whole network; that is the reference all savings are measured against.
    """
    wanted = array(key.values("edges")["at_zero"], "the exits")
    if not np.array_equal(_exits(student.values("edges")["at_zero"], len(wanted)), wanted):
        raise Failure(
            "At tolerance 0, samples of entropy exactly 0 must go to the last exit.",
            "Use < and not <=. A number added inside the logarithm makes an entropy of 0 negative; use log_softmax.",
        )


@worth(1, needs=check_each_sample)
def check_edges(student, key):
    """Sure samples leave at once, above ln C all do, a batch of one works, and the logits stay as they were.

    The surest images are the ones early exit lives on; NaN would keep just these to the end.
    """
    if student.values("mixed")["intact"] is not True:
        raise Failure(
            "Expected the logits to stay as they were; they hold other values after the call.",
            "Do not change the caller's list or tensors in place: a second call would work on what you wrote there.",
        )
    for name, sentence in (
        ("below_ln_2", "Samples torn between two classes must not leave at tolerance 0.6: their entropy is ln 2"),
        ("above_ln_2", "Samples torn between two classes must leave at exit 0 at tolerance 0.8, which is above ln 2"),
        ("above_zero", "Samples of entropy 0 must leave at exit 0 as soon as the tolerance is above 0"),
        ("above_all", "At a tolerance above ln C all samples must leave at exit 0"),
        ("one_sample", "A batch of one sample must work"),
    ):
        wanted = array(key.values("edges")[name], "the exits")
        if not np.array_equal(_exits(student.values("edges")[name], len(wanted)), wanted):
            raise Failure(f"{sentence}.", "Keep 0 · log 0 from becoming NaN: use log_softmax.")


@worth(0.5, needs=check_each_sample)
def check_type(student, key):
    """The exits come as an int64 tensor of shape (N,).

    Exits index tables and stacked logits, which takes whole numbers.
    """
    found, shape = student.values("mixed")["returned"], array(key.values("mixed")["returned"], "the exits").shape
    if (
        not isinstance(found, Array)
        or not found.tensor
        or found.values.dtype != np.int64
        or found.values.shape != shape
    ):
        raise Failure(
            f"Expected an int64 tensor of shape {shape}; found {kind(found)}.",
            "Exits are used as indices: make them with dtype=torch.int64, one for each sample, in one tensor.",
        )


def _exits(value, samples):
    """Exit indices of ``samples`` samples, out of a tensor or a list."""
    if isinstance(value, list | tuple):
        value = Array(np.array([_index(item) for item in value]), tensor=False, grad=False)
    exits = array(value, "the exits", hint="Return one tensor of exits.")
    if exits.shape != (samples,):
        raise Failure(
            f"Expected one exit for each of {samples} samples; found shape {exits.shape}.",
            "The shape is (N,): one index for each sample, without a second axis.",
        )
    return exits


def _index(item):
    if isinstance(item, Array) and item.values.size == 1:
        return float(item.values.reshape(()))
    return float(item) if isinstance(item, int | float) else np.nan
