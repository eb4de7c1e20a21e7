"""Checks of ``evaluate_early_exit``: 65 images in batches of 12, the last of 5, at two tolerances."""

from itertools import pairwise

from autograder.judge.compare import Failure, close, kind, number, several, whole
from autograder.judge.evidence import Array
from autograder.judge.plugin import worth

NAMES = "accuracy, exiting_points, entropies, total_macs"
TOLERANCES = ("low_tolerance", "middle_tolerance")
BATCHES = 6


@worth(0)
def check_returns_four(student):
    """It returns (accuracy, exiting_points, entropies, total_macs)."""
    for case in TOLERANCES:
        several(student.values(case)["returned"], NAMES)


@worth(1, needs=check_returns_four)
def check_accuracy(student, key):
    """The accuracy is that of the logits at which each batch left, as a fraction of all images."""
    for case in TOLERANCES:
        found = number(student.values(case)["returned"][0], "the accuracy")
        wanted = number(key.values(case)["returned"][0], "the accuracy")
        if close(found, wanted):
            continue
        hint = "Take the logits the model returned for the batch; divide once, by the number of images."
        if close(found, 100 * wanted):
            hint = "A fraction lies in [0, 1]; leave out the factor 100."
        raise Failure(f"Expected the accuracy {wanted:.4f}; found {found:.4f}.", hint)


@worth(1, needs=check_returns_four)
def check_exits(student, key):
    """exiting_points counts, for each exit 0 to 3, the batches that left there."""
    for case in TOLERANCES:
        found = _counts(student.values(case)["returned"][1])
        wanted = _counts(key.values(case)["returned"][1])
        if found != wanted:
            hint = "Is the tolerance of the argument passed to the model?"
            if sum(found.values()) > BATCHES:
                hint = "Count each batch once, not its images."
            raise Failure(f"Expected the counts {wanted}; found {found}.", hint)


@worth(1, needs=check_returns_four)
def check_entropies(student, key):
    """entropies holds one value in nats for each batch, in order: that of the exit where it left."""
    for case in TOLERANCES:
        found, wanted = student.values(case)["returned"][2], key.values(case)["returned"][2]
        if isinstance(found, Array) and found.values.ndim == 1:
            found = found.values.astype(float).tolist()
        if not isinstance(found, list | tuple) or len(found) != BATCHES:
            raise Failure(f"Expected a list of {BATCHES} entropies, one for each batch; found {kind(found)}.")
        mine = [number(value, "an entropy") for value in found]
        if not close(mine, [number(value, "an entropy") for value in wanted]):
            hint = "Append the entropy that the model returned with the batch's logits."
            if close(sorted(mine), sorted(number(value, "an entropy") for value in wanted)):
                hint = "Keep the batches' order; do not sort."
            raise Failure("The entropies are not those of the exits taken.", hint)


@worth(1, needs=check_returns_four)
def check_macs(student, key):
    """The MACs are those of the way to the exit where each batch left, for all its images, and no others were spent."""
    for case in TOLERANCES:
        found = whole(student.values(case)["returned"][3], "the MACs")
        wanted = whole(key.values(case)["returned"][3], "the MACs")
        if found != wanted:
            raise Failure(
                f"Expected {wanted:,} MACs; found {found:,}.",
                "A batch that left at exit k costs its images times the MACs up to exit k; the last batch is short.",
            )
        # What left behind a stage must be missing at the next. Runs that only count MACs do not change that: they take
        # the whole way, or the way that the batch took.
        mine, right = _left(student.values(case)["samples"]), _left(key.values(case)["samples"])
        if not all(one >= other for one, other in zip(mine, right, strict=True)):
            raise Failure(
                "The MACs are those of an early exit, but more was computed: later stages saw images that had left.",
                "Let the model leave: model(images, tolerance) stops at the exit that it returns.",
            )


@worth(1, needs=check_returns_four)
def check_mode(student):
    """A model that comes from training is evaluated in eval mode and without building a graph."""
    values = student.values("fresh_from_training")
    several(values["returned"], NAMES)
    if not number(values["samples"][0], "a count") >= 65:
        raise Failure("Expected all 65 images to pass the first stage; some did not.")
    if values["training"] is not False:
        raise Failure("Expected eval mode; the network ran in train mode.", "Call model.eval() before the loop.")
    if values["graph"] is not False:
        raise Failure("Expected no graph; gradients were enabled during the forward pass.", "Use torch.no_grad().")


def _left(samples):
    """How many samples fewer each stage saw than the one before it."""
    seen = [number(count, "a count") for count in samples]
    return [before - behind for before, behind in pairwise(seen)]


def _counts(value):
    if not isinstance(value, dict) or set(value) != {0, 1, 2, 3}:
        raise Failure(
            f"Expected a dict with the keys 0, 1, 2 and 3; found {kind(value)}.",
            "Exits where no batch left count 0.",
        )
    return {index: whole(value[index], "a count") for index in range(4)}
