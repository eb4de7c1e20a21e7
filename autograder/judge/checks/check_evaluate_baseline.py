"""Checks of ``evaluate_baseline``: (accuracy, total_macs) over 55 images in batches of 16, 16, 16 and 7."""

from autograder.judge.compare import Failure, close, number, several, whole
from autograder.judge.plugin import worth

IMAGES = 55


@worth(0)
def check_returns_a_pair(student):
    """It returns (accuracy, total_macs)."""
    several(student.values("short_last_batch")["returned"], "accuracy, total_macs")


@worth(1, needs=check_returns_a_pair)
def check_accuracy(student, key):
    """The accuracy is the fraction of all images that are classified right."""
    found = number(student.values("short_last_batch")["returned"][0], "the accuracy")
    wanted = number(key.values("short_last_batch")["returned"][0], "the accuracy")
    if close(found, wanted):
        return
    hint = "Count the right answers of all batches and divide once, by the number of images: the last batch is short."
    if close(found, 100 * wanted):
        hint = "A fraction lies in [0, 1]; leave out the factor 100."
    elif close(found, wanted * IMAGES):
        hint = "Divide the number of right answers by the number of images."
    raise Failure(f"Expected the accuracy {wanted:.4f}; found {found:.4f}.", hint)


@worth(1, needs=check_returns_a_pair)
def check_macs(student, key):
    """The MACs are the sum over all images of one full forward pass."""
    found = whole(student.values("short_last_batch")["returned"][1], "the MACs")
    wanted = whole(key.values("short_last_batch")["returned"][1], "the MACs")
    if found != wanted:
        hint = "Each batch costs its number of images times the MACs of one image; the last batch is short."
        if found * IMAGES == wanted:
            hint = "This is the cost of one image; the total is over all images."
        raise Failure(f"Expected {wanted:,} MACs; found {found:,}.", hint)


@worth(1, needs=check_returns_a_pair)
def check_mode(student):
    """A model that comes from training is evaluated in eval mode and without building a graph."""
    values = student.values("fresh_from_training")
    several(values["returned"], "accuracy, total_macs")
    if not min(number(count, "a count") for count in values["samples"]) >= IMAGES:
        raise Failure(f"Expected all {IMAGES} images to pass the whole network; some did not.")
    if values["training"] is not False:
        raise Failure(
            "Expected eval mode; the network ran in train mode, where BatchNorm uses the batch's own statistics.",
            "Call model.eval() before the loop.",
        )
    if values["graph"] is not False:
        raise Failure("Expected no graph; gradients were enabled during the forward pass.", "Use torch.no_grad().")
