"""Checks of ``baseline_step``: (outputs, loss) of the plain network on a batch of 10, and on one it is very sure of."""

import numpy as np

from autograder.judge.check import Failure, worth
from autograder.judge.compare import array, close, number, recognised, several

from .logits import cross_entropy, probabilities, same_logits, transformed
from .required import require_gradient

SWAPPED = "Mind the order of the return statement: outputs first, loss second."


@worth(0)
def check_returns_a_pair(student):
    """It returns (outputs, loss)."""
    several(student.values("batch")["returned"], "outputs, loss")


@worth(1, needs=check_returns_a_pair)
def check_outputs(student, key):
    """The outputs are the logits of the plain network: its last exit, no other.

    Everything later is compared with this network: if some batches left early, the baseline would be too cheap and
    too bad.
    """
    for case in ("batch", "sure"):
        outputs, _ = several(student.values(case)["returned"], "outputs, loss")
        wanted = array(key.values(case)["returned"][0], "logits")
        hint = "The plain network's own logits: early_exit=False, no scaling of the images, and nothing after the head."
        found = array(outputs, "the outputs", hint="Return all the logits that the model gives.")
        if found.shape != wanted.shape:
            hint = SWAPPED if found.size == 1 else "Return the logits, one for each class: no argmax, no predictions."
            raise Failure(f"Expected outputs of shape {wanted.shape}; found {found.shape}.", hint)
        if same_logits(found, wanted):
            continue
        if close(_direction(found), _direction(wanted), rtol=1e-3):
            hint = "Return the logits as they are: no scaling, no normalising, nothing after the head."
        if said := transformed(found, wanted):
            hint = said
        elif case == "sure":
            hint = "A batch of which the network is sure left early: early_exit=False always gives the last exit."
        elif student.values("batch")["training"] is False:
            hint = "The model was put into eval mode: in a training step BatchNorm has to learn."
        raise Failure("Expected the logits of the last exit; found other values.", hint)


@worth(1, needs=check_returns_a_pair)
def check_loss(student, key):
    """The loss is the criterion's on those outputs, as a tensor one can train on.

    The training loop follows this loss downhill; a wrong or cut-off one trains another network, or none.
    """
    values, right = student.values("batch"), key.values("batch")
    outputs, loss = values["returned"]
    labels, exits = right["labels"].values, [array(logits, "logits") for logits in right["exits"]]
    shape = array(right["returned"][0], "the outputs").shape
    logits = array(outputs, "the outputs", shape, hint=SWAPPED if number_of(outputs) == 1 else "Return the logits.")
    wanted, found = cross_entropy(logits, labels), number(loss, "the loss")
    if not close(found, wanted):
        of_exits = [cross_entropy(exit_logits, labels) for exit_logits in exits]
        hint = recognised(
            found,
            [
                (wanted / 10, "The criterion takes the mean over the batch already: do not divide by the batch size."),
                (wanted * 10, "The criterion's mean over the batch is wanted: do not multiply it by the batch size."),
                (cross_entropy(probabilities(logits), labels), "No softmax before the criterion: it takes logits."),
                (
                    np.dot([1, 0.3, 0.3, 0.3], of_exits),
                    "This trains all exits: the plain network has the last exit alone.",
                ),
                (sum(of_exits), "This trains all exits: the plain network has the last exit alone."),
            ],
            "criterion(outputs, labels): the logits first, the labels second, no softmax and no argmax before it.",
            rtol=1e-4,
        )
        raise Failure(f"Expected the criterion's loss on the returned outputs, {wanted:.4f}; found {found:.4f}.", hint)
    if values["backward"] is not False:
        raise Failure("Expected the loss alone; backward() was called on it.", "The training loop calls backward().")
    gradient = values["gradients"][0]
    if gradient is None or close(found, number(right["returned"][1], "the loss")):
        require_gradient(gradient, right["gradients"][0])


def _direction(logits):
    """Logits without their mean and size: what scaling and shifting leave."""
    centred = logits - logits.mean(axis=1, keepdims=True)
    return centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)


def number_of(value):
    """Numbers in an array; None for anything else."""
    return getattr(getattr(value, "values", None), "size", None)
