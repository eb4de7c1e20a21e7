"""Checks of ``evaluate_baseline``: (accuracy, total_macs) over 53 images in batches of 16, 16, 16 and 5."""

import numpy as np

from autograder.judge.check import Failure, worth
from autograder.judge.compare import array, close, number, recognised, several, whole

SIZES = (16, 16, 16, 5)  # 53 is prime: no accuracy is a round number by chance
IMAGES = sum(SIZES)
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
    if not close(found, wanted):
        hint = "Count the right answers of all batches and divide once, by the number of images."
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
        hint = "Each image costs the way to the last exit; add that up over all images, the short last batch too."
        raise Failure(f"Expected {wanted:,} MACs; found {found:,}.", recognised(found, _macs(right), hint, rtol=1e-9))


@worth(1, needs=check_returns_a_pair)
def check_mode(student):
    """A model that comes from training is evaluated in eval mode and without building a graph.

    In train mode BatchNorm sees the test images, so that an answer depends on its neighbours; a graph costs memory
    for nothing.
    """
    values = student.values("fresh_from_training")
    several(values["returned"], "accuracy, total_macs")
    if not min(number(count, "a count") for count in values["samples"]) >= IMAGES:
        raise Failure(
            f"Expected all {IMAGES} images to pass the whole network; some did not.",
            "Go through the whole loader, and switch early exit off: early_exit=False.",
        )
    if values["training"] is not False:
        raise Failure(
            "Expected eval mode; the network ran in train mode, where BatchNorm uses the batch's own statistics.",
            "Call model.eval() before the loop.",
        )
    if values["graph"] is not False:
        raise Failure(
            "Expected no graph; gradients were enabled during the forward pass.", "Use with torch.no_grad(): ..."
        )
    if values["gradients_on"] is not True:
        raise Failure(
            "Expected gradients to be on again after the call; they are off, and nothing can be trained any more.",
            "torch.set_grad_enabled(False) stays in force: use with torch.no_grad(): ...",
        )


def _accuracies(right):
    """Accuracies of known mistakes, with hints."""
    labels = right["labels"].values
    hits = [array(logits, "logits").argmax(axis=1) == labels for logits in right["exits"]]
    batches = np.split(hits[3], np.cumsum(SIZES)[:-1])
    correct = hits[3].sum()
    short = "the last batch is short"
    exits = [
        (hit.mean(), "This is an early exit's accuracy: the plain network answers at the last exit.") for hit in hits
    ]
    return [
        (100 * correct / IMAGES, "A fraction lies in [0, 1], not percent: leave out the factor 100."),
        (correct, "This is the number of right answers: divide it by the number of images."),
        (correct / len(SIZES), "Divide by the number of images, not by the number of batches."),
        (
            np.mean([batch.mean() for batch in batches]),
            f"Not the mean of the batches' accuracies: {short}. Divide once.",
        ),
        (correct / 6000, "Count the images of this loader: there need not be 6000."),
        (correct / (len(SIZES) * SIZES[0]), f"Count the images: {short}, so they are not batches times batch size."),
        (batches[0].mean(), "This is the first batch's accuracy: does the function return inside the loop?"),
        (batches[-1].mean(), "This is the last batch's accuracy: add up over all batches."),
        (hits[3][: -SIZES[-1]].mean(), f"Images are missing: {short}, and it counts too."),
        (0, "Nothing is right: compare the labels with the argmax, the index of the largest logit."),
        *exits[:3],
    ]


def _macs(right):
    """MACs of known mistakes, with hints."""
    table = right["table"]
    one = table[3]
    return [
        (one, "This is the cost of one image; the total is over all images."),
        (one * len(SIZES), "A batch costs its number of images times the cost of one image."),
        (one * SIZES[-1], "This is the last batch alone: add up over all batches."),
        (one * SIZES[0], "This is the first batch alone: add up over all batches."),
        (one * SIZES[0] * len(SIZES), "The last batch is short: multiply by each batch's own number of images."),
        (one * (IMAGES - SIZES[-1]), "The last batch is short, but it counts too."),
        (one * sum(size * size for size in SIZES), "A whole batch's MACs are multiplied by its size once more."),
        (one * SIZES[0] * IMAGES, "A whole batch's MACs are multiplied by the number of images: that is twice over."),
        (one * 6000, "Count the images of this loader: there need not be 6000."),
        (table[0] * IMAGES, "This is the way to exit 0, the first exit; the plain network runs to the last exit."),
        (sum(table) * IMAGES, "The table's sum counts stages again: its last exit's entry is the whole way already."),
        (2 * one * IMAGES, "This is twice the MACs: one MAC is two floating-point operations (FLOPs)."),
        (right["all_heads"][3] * IMAGES, "Without early exit the other heads are not run: no all_heads here."),
        (one * IMAGES // 10**9, "In MACs, not in billions of them."),
    ]
