"""Checks of ``early_exit_loss``: a weighted sum of the four exits' cross-entropies."""

import numpy as np

from autograder.judge.check import Failure, worth
from autograder.judge.compare import array, close, number, recognised
from autograder.judge.evidence import Array

from .logits import cross_entropy
from .mistakes import of_joint_loss

GENERAL = (
    "Each term is weight times criterion(exit's logits, labels), with the labels in their order; the first exit weighs "
    "1, each other 0.3."
)
ONE_TENSOR = "Sum the terms to one tensor: .item() makes a float, which has no gradient; a list has no backward()."


@worth(2)
def check_value(student, key):
    """The loss is the sum of the exits' cross-entropies with weights 1, 0.3, 0.3, 0.3.

    The weights decide which exit the shared layers serve most.
    """
    for case in ("random_logits", "ten_classes"):
        found = number(student.values(case)["returned"], "the loss", ONE_TENSOR)
        wanted = number(key.values(case)["returned"], "the loss")
        if not close(found, wanted):
            hint = GENERAL
            if case == "random_logits":
                hint = recognised(found, of_joint_loss(*_logits_and_labels(key.values(case))), "", rtol=1e-4)
                hint = hint or _weights_found(found, student.values(case), key.values(case)) or GENERAL
            first, again = (student.values("random_logits")[name] for name in ("returned", "again"))
            if not close(number(again, "the loss", ONE_TENSOR), number(first, "the loss", ONE_TENSOR)):
                hint = "A second call with the same inputs gives another loss: keep nothing from earlier calls."
            raise Failure(f"Expected the loss {wanted:.4f}; found {found:.4f}.", hint)


@worth(1)
def check_gradient(student, key):
    """Its gradient reaches every exit, in proportion to that exit's weight.

    An exit without a gradient is never trained, and would leave with guesses.
    """
    values = student.values("random_logits")
    loss = values["returned"]
    if not isinstance(loss, Array) or loss.values.size != 1 or not loss.tensor:
        raise Failure("Expected a scalar tensor; found something else.", ONE_TENSOR)
    if values["intact"] is not True:
        raise Failure(
            "Expected the list of exits to stay as it was; it holds fewer than four afterwards.",
            "Do not pop from the caller's list: take its parts by index.",
        )
    found, wanted = values["gradients"], key.values("random_logits")["gradients"]
    for index, (mine, right) in enumerate(zip(found, wanted, strict=True)):
        if mine is None:
            raise Failure(
                f"Expected a gradient at exit {index}; found none.",
                "Every exit's loss must be part of the sum, as it is: .item(), torch.tensor(), detach() "
                "and no_grad cut it off.",
            )
        if not close(array(mine, "the gradient"), array(right, "the gradient")):
            right_value = close(number(loss, "the loss"), number(key.values("random_logits")["returned"], "the loss"))
            hint = "Is this exit's weight right?" if right_value else "It follows from the loss: mend that first."
            raise Failure(f"The gradient at exit {index} does not have the right size.", hint)
    if values["backward"] is not False:
        raise Failure(
            "Expected the loss alone; backward() was called on it.",
            "The training loop calls backward(): called twice, it doubles the gradient.",
        )


def _weights_found(found, mine, right):
    """Names the weights that a sum of the exits' losses was made with: each exit's gradient grows with its own."""
    logits, labels = _logits_and_labels(right)
    losses = [cross_entropy(part, labels) for part in logits]
    weights = []
    for one, own, weight in zip(mine["gradients"], right["gradients"], (1, 0.3, 0.3, 0.3), strict=True):
        own = array(own, "the gradient")
        pull = np.zeros_like(own) if one is None else array(one, "the gradient", own.shape)
        weights.append(weight * (pull * own).sum() / np.square(own).sum())
    if not close(found, np.dot(weights, losses), rtol=1e-3):
        return ""
    listed = ", ".join(f"{weight:.3g}" for weight in weights)
    return f"Here the exits weigh {listed}: the first exit weighs 1, each other 0.3."


def _logits_and_labels(right):
    return [array(part, "logits") for part in right["exits"]], right["labels"].values
