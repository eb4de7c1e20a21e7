"""Checks of ``evaluate_early_exit``: batches of which the last is short, at two tolerances."""

from itertools import pairwise

import numpy as np

from autograder.judge.check import Failure, worth
from autograder.judge.compare import array, close, kind, number, recognised, several, whole
from autograder.judge.evidence import Array

from .logits import entropy, probabilities
from .mistakes import WHOLE_BATCH
from .required import require_evaluation_mode, require_gradients_on, same_share

NAMES = "accuracy, exiting_points, entropies, total_macs"
TOLERANCES = ("low_tolerance", "middle_tolerance")
ORDER = "Mind the order of the return statement: accuracy, exiting_points, entropies, total_macs."
COUNTS = "A dict with all four keys 0, 1, 2 and 3, as the released cell starts it; exits where no batch left count 0."


@worth(0)
def check_returns_four(student):
    """It returns (accuracy, exiting_points, entropies, total_macs)."""
    for case in TOLERANCES:
        several(student.values(case)["returned"], NAMES)


@worth(1, needs=check_returns_four)
def check_accuracy(student, key):
    """The accuracy is that of the logits at which each batch left, as a fraction of all images.

    What counts is the answer given at the exit taken, not the one that the whole network would have given.
    """
    for case in TOLERANCES:
        found = number(student.values(case)["returned"][0], "the accuracy", ORDER)
        wanted = number(key.values(case)["returned"][0], "the accuracy")
        if not same_share(found, wanted):
            hint = "Take the logits the model returned for the batch; divide once, by the number of images."
            if student.values(case)["training"] is not False:
                hint = (
                    "The network was put into train mode: answers then depend on the batch. Call model.eval() before."
                )
            hint = recognised(found, _accuracies(key.values(case)), hint)
            raise Failure(f"Expected the accuracy {wanted:.4f}; found {found:.4f}.", hint)


@worth(1, needs=check_returns_four)
def check_exits(student, key):
    """exiting_points counts, for each exit 0 to 3, the batches that left there.

    The counts show where the saving comes from, and the MACs follow from them.
    """
    for case in TOLERANCES:
        batches, images = _sizes(key.values(case))
        found = _counts(student.values(case)["returned"][1], batches)
        wanted = _counts(key.values(case)["returned"][1], batches)
        if found != wanted:
            hint = "Count 1 for each batch, at the exit index that the model returned for this tolerance."
            if sum(found.values()) == images:
                hint = "Add 1 for each batch: batches are counted, not their number of images."
            elif sum(found.values()) > batches:
                hint = "More batches than the loader has: start the counts anew in each call, and add 1 for each batch."
            elif all(found[index] == wanted[index] for index in range(3)):
                hint = "A batch that stays to the end counts too, at exit 3, sure or not."
            elif sum(found.values()) < batches:
                hint = "Count every batch: add 1, also where an exit has its second batch."
            elif sum(found.values()) == batches:
                hint = (
                    "Is the tolerance of the argument passed to the model unchanged, on whole batches? The model "
                    "decides by the batch's mean entropy, in nats."
                )
            raise Failure(f"Expected the counts {wanted}; found {found}.", hint)


@worth(1, needs=check_returns_four)
def check_entropies(student, key):
    """entropies holds one value in nats for each batch, in order: that of the exit where it left.

    They show how sure the network was when it left, and so how a tolerance should be chosen.
    """
    for case in TOLERANCES:
        found, right = student.values(case)["returned"][2], key.values(case)
        batches, _ = _sizes(right)
        if isinstance(found, Array) and found.values.shape == (batches,):
            found = found.values.astype(float).tolist()
        if not isinstance(found, list | tuple) or len(found) != batches:
            hint = (
                ORDER if isinstance(found, dict) else "Append one entropy for each batch, the one the model returned."
            )
            raise Failure(f"Expected a list of {batches} entropies, one for each batch; found {kind(found)}.", hint)
        mine = [
            number(value, "an entropy", "Append the entropy, a number, that the model returned.") for value in found
        ]
        wanted = [number(value, "an entropy") for value in right["returned"][2]]
        if not close(mine, wanted):
            hint = "Append the entropy that the model returned with the batch's logits, at this tolerance."
            raise Failure("The entropies are not those of the exits taken.", _of_entropies(mine, wanted, right, hint))


@worth(1, needs=check_returns_four)
def check_macs(student, key):
    """The MACs are those of the way to the exit where each batch left, for all its images, and no others were spent.

    This is what early exit is for: an image that left early must not be charged for the rest.
    """
    for case in TOLERANCES:
        right = key.values(case)
        hint = "MACs are counted: an int, the total over all images, not divided by anything."
        if isinstance(student.values(case)["returned"][3], list | tuple | dict):
            hint = ORDER
        found, wanted = (
            whole(student.values(case)["returned"][3], "the MACs", hint),
            whole(right["returned"][3], "MACs"),
        )
        if found != wanted:
            hint = (
                "A batch that left at exit k costs its images times the MACs up to exit k, from exit_macs or "
                "get_model_macs; the last batch is short."
            )
            hint = recognised(found, _macs(right), hint, rtol=1e-9)
            raise Failure(f"Expected {wanted:,} MACs; found {found:,}.", hint)
        # What left behind a stage must be missing at the next. Runs that only count MACs do not change that: they take
        # the whole way, or the way that the batch took.
        mine, right = _left(student.values(case)["samples"]), _left(key.values(case)["samples"])
        if not all(one >= other for one, other in zip(mine, right, strict=True)):
            raise Failure(
                "The MACs are those of an early exit, but more was computed: later stages saw images that had left.",
                "Let the model leave: model(images, tolerance) stops at the exit that it returns.",
            )


@worth(1, needs=(check_accuracy, check_exits, check_entropies, check_macs))
def check_mode(student, key):
    """A model that comes from training is evaluated in eval mode and without building a graph.

    In train mode BatchNorm makes the entropies depend on the batch, and the exits with them.
    """
    values = student.values("fresh_from_training")
    several(values["returned"], NAMES)
    _, images = _sizes(key.values("fresh_from_training"))
    if not number(values["samples"][0], "a count") >= images:
        raise Failure(f"Expected all {images} images to pass the first stage; some did not.", "Use the whole loader.")
    require_evaluation_mode(values)
    require_gradients_on(values)


def _sizes(right):
    """How many batches there were, and how many images in all."""
    return len(right["sizes"]), sum(right["sizes"])


def _left(samples):
    """How many samples fewer each stage saw than the one before it."""
    seen = [number(count, "a count") for count in samples]
    return [before - behind for before, behind in pairwise(seen)]


def _counts(value, batches):
    if not isinstance(value, dict) or set(value) != {0, 1, 2, 3}:
        moved = isinstance(value, int | float) or (isinstance(value, list | tuple) and len(value) == batches)
        hint = ORDER if moved else COUNTS
        raise Failure(f"Expected a dict with the keys 0, 1, 2 and 3; found {kind(value)}.", hint)
    hint = "Count batches, in whole numbers: no shares, no sets, no lists of images."
    return {index: whole(value[index], "a count", hint) for index in range(4)}


def _per_batch(right):
    """The exit that each batch took in the solution's run, found by its entropies, and each batch's logits by exit."""
    cuts = np.cumsum(right["sizes"])[:-1]
    logits = [np.split(array(part, "logits"), cuts) for part in right["exits"]]
    exits = []
    for place, left_with in enumerate(right["returned"][2]):
        means = [entropy(logits[index][place]).mean() for index in range(4)]
        exits.append(int(np.abs(np.array(means) - number(left_with, "an entropy")).argmin()))
    return exits, logits


def _accuracies(right):
    """Accuracies of known mistakes, with hints."""
    exits, logits = _per_batch(right)
    (batches, images), first = _sizes(right), right["sizes"][0]
    labels = np.split(right["labels"].values, np.cumsum(right["sizes"])[:-1])
    hits = [logits[exits[place]][place].argmax(axis=1) == labels[place] for place in range(batches)]
    correct = sum(hit.sum() for hit in hits)
    flat = sum((logits[exits[place]][place].argmax() == labels[place]).sum() for place in range(batches))
    at_the_end = [(logits[3][place].argmax(axis=1) == labels[place]).sum() for place in range(batches)]
    short = "the last batch is short"
    return [
        (100 * correct / images, "A fraction lies in [0, 1], not percent: leave out the factor 100."),
        (correct, "This is the number of right answers: divide it by the number of images."),
        (correct / batches, "Divide by the number of images, not by the number of batches."),
        (np.mean([hit.mean() for hit in hits]), f"Not the mean of the batches' accuracies: {short}. Divide once."),
        (correct / 6000, "Count the images of this loader: there need not be 6000."),
        (correct / (batches * first), f"Count the images: {short}, so they are not batches times batch size."),
        (sum(at_the_end) / images, "These are the answers of the last exit: take the logits of the exit taken."),
        (0, "Nothing is right: compare the labels with argmax(dim=1), the index of each image's largest logit."),
        (flat / images, WHOLE_BATCH),
        (1 - correct / images, "This is the share of wrong answers: count the images whose argmax is their label."),
    ]


def _of_entropies(mine, wanted, right, otherwise):
    """What is wrong with a list of entropies."""
    exits, logits = _per_batch(right)
    left = [logits[exit_taken][place] for place, exit_taken in enumerate(exits)]
    of_mean = [float(-(p * np.log(p)).sum()) for p in (probabilities(part).mean(axis=0).clip(1e-30) for part in left)]
    at_the_end = [entropy(logits[3][place]).mean() for place in range(len(exits))]
    if close(sorted(mine), sorted(wanted)):
        return "Keep the batches' order; do not sort, and do not group by exit."
    if close(mine, wanted, rtol=0, atol=0.06):
        return "Append each entropy as it is: do not round."
    mistakes = [
        (np.array(wanted) / np.log(2), "The entropies are in nats already: no log2, no base 2, no bits."),
        (np.array(wanted) / np.log(left[0].shape[-1]), "The entropies are in nats: do not divide them by ln C."),
        (of_mean, "Not the entropy of the mean probabilities, but the mean of each image's: the model returns it."),
        (at_the_end, "These are the entropies at the last exit: take those of the exit taken, as the model returns."),
    ]
    return recognised(mine, mistakes, otherwise, rtol=1e-3)


def _macs(right):
    """MACs of known mistakes, with hints."""
    exits, _ = _per_batch(right)
    table, heads, sizes = right["table"], right["all_heads"], right["sizes"]
    images = np.array(sizes, dtype=np.int64)
    way = np.array([table[index] for index in exits], dtype=np.int64)
    total = int((images * way).sum())
    return [
        (sum(sizes) * table[3], LAST),
        (len(sizes) * table[3], "A batch costs its number of images times the way to the exit that it took."),
        (way.sum(), "A batch costs its number of images times the cost of one image."),
        (way.sum() * sizes[0], "The last batch is short: multiply by each batch's own number of images."),
        (sum(size * heads[k] for size, k in zip(sizes, exits, strict=True)), HEADS),
        (way.sum() * sizes[-1], "Not all batches have as many images as the last: count each batch's own."),
        (
            int(way.sum() * sum(sizes) / len(sizes)),
            "Not the mean size of a batch: each costs its own number of images.",
        ),
        (sum(size * (table[k] - (table[k - 1] if k else 0)) for size, k in zip(sizes, exits, strict=True)), STAGES),
        ((images * np.cumsum(table)[exits]).sum(), "exit_macs has the sums already: take the entry of the exit taken."),
        (images[-1] * way[-1], "This is the last batch alone: add up over all batches."),
        (2 * total, "This is twice the MACs: one MAC is two floating-point operations (FLOPs)."),
        (total // sum(sizes), "The total over all images, not the mean per image."),
        ((images**2 * way).sum(), "A whole batch's MACs are multiplied by its size once more."),
        (sum(size * table[3] * (k + 1) // 4 for size, k in zip(sizes, exits, strict=True)), QUARTERS),
    ]


LAST = "Every image is counted to the last exit: each costs the way to the exit taken, no more."
HEADS = "torchprofile's count is asked for: it leaves out the heads on the way, so no all_heads=True."
STAGES = "An image costs the whole way to its exit, not the last stage alone: exit_macs has the sums already."
QUARTERS = "A stage is not exactly a quarter of the network: exit_macs has the table of what each exit costs."
