"""Checks of ``evaluate_baseline``: (accuracy, total_macs) over batches of which the last is short."""

import numpy as np

from autograder.judge.check import Failure, worth
from autograder.judge.compare import array, number, recognised, several, whole

from .mistakes import WHOLE_BATCH
from .required import require_evaluation_mode, require_gradients_on, same_share

SWAPPED = "Mind the order of the return statement: accuracy first, total_macs second."


@worth(0)
def check_returns_a_pair(student):
    """It returns (accuracy, total_macs)."""
    several(student.values("short_last_batch")["returned"], "accuracy, total_macs")


@worth(1, needs=check_returns_a_pair)
def check_accuracy(student, key):
    """The accuracy is the fraction of all images that are classified right.

    An average of averages weighs the images of a short last batch more than all others.
    """
    found = number(student.values("short_last_batch")["returned"][0], "the accuracy", "Return one number.")
    wanted = number(key.values("short_last_batch")["returned"][0], "the accuracy")
    if not same_share(found, wanted):
        hint = "Count the right answers of all batches and divide once, by the number of images."
        if student.values("short_last_batch")["training"] is not False:
            hint = (
                "The network was put into train mode: answers then depend on the batch. Call model.eval() once, before."
            )
        hint = SWAPPED if found > 1e6 else recognised(found, _accuracies(key.values("short_last_batch")), hint)
        raise Failure(f"Expected the accuracy {wanted:.4f}; found {found:.4f}.", hint)


@worth(1, needs=check_returns_a_pair)
def check_macs(student, key):
    """The MACs are the sum over all images of one full forward pass.

    The saving is a ratio of two totals, and it is only as right as this one.
    """
    accuracy, macs = student.values("short_last_batch")["returned"]
    swapped = isinstance(accuracy, int) and accuracy > 1e6
    found = whole(macs, "the MACs", SWAPPED if swapped else "MACs are counted: whole numbers, in MACs, undivided.")
    right = key.values("short_last_batch")
    wanted = whole(right["returned"][1], "the MACs")
    if found != wanted:
        hint = (
            "Each image costs the way to the last exit, by torchprofile's count: get_model_macs or exit_macs. Add that "
            "up over all images, the short last batch too."
        )
        raise Failure(f"Expected {wanted:,} MACs; found {found:,}.", recognised(found, _macs(right), hint, rtol=1e-9))


@worth(1, needs=(check_accuracy, check_macs))
def check_mode(student, key):
    """A model that comes from training is evaluated in eval mode and without building a graph.

    In train mode BatchNorm sees the test images, so that an answer depends on its neighbours; a graph costs memory
    for nothing.
    """
    values = student.values("fresh_from_training")
    several(values["returned"], "accuracy, total_macs")
    images = sum(key.values("fresh_from_training")["sizes"])
    if not min(number(count, "a count") for count in values["samples"]) >= images:
        raise Failure(
            f"Expected all {images} images to pass the whole network; some did not.",
            "Go through the whole loader, and switch early exit off: early_exit=False.",
        )
    require_evaluation_mode(values, why=", where BatchNorm uses the batch's own statistics")
    require_gradients_on(values)


def _accuracies(right):
    """Accuracies of known mistakes, with hints."""
    sizes, images = right["sizes"], sum(right["sizes"])
    labels = right["labels"].values
    hits = [array(logits, "logits").argmax(axis=1) == labels for logits in right["exits"]]
    cuts = np.cumsum(sizes)[:-1]
    batches = np.split(hits[3], cuts)
    correct = hits[3].sum()
    parts = zip(np.split(array(right["exits"][3], "logits"), cuts), np.split(labels, cuts), strict=True)
    flat = sum((logits.argmax() == answers).sum() for logits, answers in parts)
    short = "the last batch is short"
    exits = [
        (hit.mean(), "This is an early exit's accuracy: the plain network answers at the last exit.") for hit in hits
    ]
    return [
        (0, "Nothing is right: compare the labels with the argmax, the index of the largest logit."),
        (100 * correct / images, "A fraction lies in [0, 1], not percent: leave out the factor 100."),
        (correct, "This is the number of right answers: divide it by the number of images."),
        (correct / len(sizes), "Divide by the number of images, not by the number of batches."),
        (
            np.mean([batch.mean() for batch in batches]),
            f"Not the mean of the batches' accuracies: {short}. Divide once.",
        ),
        (correct / 6000, "Count the images of this loader: there need not be 6000."),
        (correct / (len(sizes) * sizes[0]), f"Count the images: {short}, so they are not batches times batch size."),
        (batches[0].mean(), "This is the first batch's accuracy: does the function return inside the loop?"),
        (batches[-1].mean(), "This is the last batch's accuracy: add up over all batches."),
        (hits[3][: -sizes[-1]].mean(), f"Images are missing: {short}, and it counts too."),
        (flat / images, WHOLE_BATCH),
        (1 - correct / images, "This is the share of wrong answers: count the images whose argmax is their label."),
        *exits[:3],
    ]


def _macs(right):
    """MACs of known mistakes, with hints."""
    sizes, images = right["sizes"], sum(right["sizes"])
    table = right["table"]
    one = table[3]
    return [
        (one, "This is the cost of one image; the total is over all images."),
        (one * len(sizes), "A batch costs its number of images times the cost of one image."),
        (one * sizes[-1], "This is the last batch alone: add up over all batches."),
        (one * sizes[0], "This is the first batch alone: add up over all batches."),
        (one * sizes[0] * len(sizes), "The last batch is short: multiply by each batch's own number of images."),
        (one * sizes[-1] * len(sizes), "Not all batches have as many images as the last: count each batch's own."),
        (one * (images - sizes[-1]), "The last batch is short, but it counts too."),
        (one * sum(size * size for size in sizes), "A whole batch's MACs are multiplied by its size once more."),
        (one * sizes[0] * images, "A whole batch's MACs are multiplied by the number of images: that is twice over."),
        (one * 6000, "Count the images of this loader: there need not be 6000."),
        (table[0] * images, "This is the way to exit 0, the first exit; the plain network runs to the last exit."),
        (sum(table) * images, "The table's sum counts stages again: its last exit's entry is the whole way already."),
        (2 * one * images, "This is twice the MACs: one MAC is two floating-point operations (FLOPs)."),
        (right["all_heads"][3] * images, "Without early exit the other heads are not run: no all_heads here."),
        (one * images // 10**9, "In MACs, not in billions of them."),
    ]
