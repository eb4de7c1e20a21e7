"""Checks of ``baseline_step``: (outputs, loss) of the plain network on a batch of 10."""

from autograder.judge.compare import Failure, array, close, cross_entropy, number, several
from autograder.judge.plugin import worth


@worth(0)
def check_returns_a_pair(student):
    """It returns (outputs, loss)."""
    several(student.values("batch")["returned"], "outputs, loss")


@worth(1, needs=check_returns_a_pair)
def check_outputs(student, key):
    """The outputs are the logits of the plain network: its last exit, no other."""
    outputs, _ = student.values("batch")["returned"]
    wanted = array(key.values("batch")["returned"][0], "logits")
    if not close(array(outputs, "outputs", wanted.shape), wanted):
        raise Failure(
            "Expected the logits of the last exit; found other values.",
            "Call the model with early_exit=False and return what it gives, without a softmax.",
        )


@worth(1, needs=check_returns_a_pair)
def check_loss(student, key):
    """The loss is the criterion's on those outputs, as a tensor one can train on."""
    values = student.values("batch")
    outputs, loss = values["returned"]
    labels = key.values("batch")["labels"].values
    wanted = cross_entropy(array(outputs, "outputs", (10, 6)), labels)
    found = number(loss, "the loss")
    if not close(found, wanted):
        raise Failure(
            f"Expected the criterion's loss on the returned outputs, {wanted:.4f}; found {found:.4f}.",
            "criterion(outputs, labels): logits first, labels second, and no softmax before it.",
        )
    if values["gradients"][0] is None:
        raise Failure(
            "Expected a loss that reaches the first layer; found one without a gradient.",
            "Return the tensor itself: .item(), .detach() and no_grad cut it off.",
        )
    right = key.values("batch")
    wanted_gradient = array(right["gradients"][0], "the gradient")
    if close(found, number(right["returned"][1], "the loss")) and not close(
        array(values["gradients"][0], "the gradient", wanted_gradient.shape), wanted_gradient, rtol=1e-2, atol=1e-4
    ):
        raise Failure("The loss has the right value but not the right gradient.", "Is a part of it detached?")
