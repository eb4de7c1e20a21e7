"""Checks of ``early_exit_step``: (exit_outputs, loss) of a forward pass through all exits.

It is called twice: as it is, and with a stand-in for early_exit_loss, so that a wrong loss does not count here.
"""

from autograder.judge.compare import Failure, array, close, number, several
from autograder.judge.plugin import worth

NAMES = "exit_outputs, loss"


@worth(0)
def check_returns_a_pair(student):
    """It returns (exit_outputs, loss)."""
    several(_any_call(student), NAMES)


@worth(1, needs=check_returns_a_pair)
def check_outputs(student, key):
    """The outputs are the logits of all four exits, first exit first."""
    outputs, _ = _any_call(student)
    wanted, _ = key.values("batch")["returned"]
    for index, (mine, right) in enumerate(zip(_four(outputs), wanted, strict=True)):
        right = array(right, "logits")
        if not close(array(mine, f"the logits of exit {index}", right.shape), right):
            raise Failure(
                f"Expected the logits of exit {index} at place {index}; found other values.",
                "early_train returns all exits' logits in order.",
            )


@worth(1, needs=check_returns_a_pair)
def check_loss(student, key):
    """The loss is that of early_exit_loss on those outputs, as a tensor one can train on."""
    mine, right = student.values("batch"), key.values("batch")
    try:
        _, loss = several(mine["with_stand_in"], NAMES)
        _, wanted = several(right["with_stand_in"], NAMES)
        if close(number(loss, "the loss"), number(wanted, "the loss")):
            return  # it hands on what early_exit_loss gives, right or wrong
    except Failure:
        pass  # it may compute the loss by itself
    _, loss = several(mine["returned"], NAMES)
    found, wanted = number(loss, "the loss"), number(right["returned"][1], "the loss")
    if not close(found, wanted):
        raise Failure(
            f"Expected what early_exit_loss gives for the returned outputs; found {found:.4f}.",
            "Call early_exit_loss(exit_outputs, labels, criterion).",
        )
    if mine["gradients"][0] is None:
        raise Failure("Expected a loss that reaches the first layer; found one without a gradient.")
    wanted_gradient = array(right["gradients"][0], "the gradient")
    if not close(
        array(mine["gradients"][0], "the gradient", wanted_gradient.shape), wanted_gradient, rtol=1e-2, atol=1e-4
    ):
        raise Failure("The loss has the right value but not the right gradient.", "Is a part of it detached?")


def _any_call(student):
    values = student.values("batch")
    return values["returned"] if values["returned"] is not None else values["with_stand_in"]


def _four(outputs):
    if not isinstance(outputs, list | tuple) or len(outputs) != 4:
        raise Failure("Expected a list of four tensors, one for each exit.", "Use model.early_train(images).")
    return outputs
