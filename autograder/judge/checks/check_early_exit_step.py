"""Checks of ``early_exit_step``: (exit_outputs, loss) of a forward pass through all exits."""

from autograder.judge.compare import Failure, array, close, number, several
from autograder.judge.plugin import worth


@worth(0)
def check_returns_a_pair(student):
    """It returns (exit_outputs, loss)."""
    several(student.values("batch")["returned"], "exit_outputs, loss")


@worth(1, needs=check_returns_a_pair)
def check_outputs(student, key):
    """The outputs are the logits of all four exits, first exit first."""
    outputs, _ = student.values("batch")["returned"]
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
    values = student.values("batch")
    outputs, loss = values["returned"]
    _four(outputs)
    found = number(loss, "the loss")
    wanted = number(key.values("batch")["returned"][1], "the loss")
    own = values["own_loss"]
    if not close(found, wanted) and (own is None or not close(found, number(own, "the loss"))):
        raise Failure(
            f"Expected what early_exit_loss gives for the returned outputs; found {found:.4f}.",
            "Call early_exit_loss(exit_outputs, labels, criterion).",
        )
    if values["gradients"][0] is None:
        raise Failure("Expected a loss that reaches the first layer; found one without a gradient.")


def _four(outputs):
    if not isinstance(outputs, list | tuple) or len(outputs) != 4:
        raise Failure("Expected a list of four tensors, one for each exit.", "Use model.early_train(images).")
    return outputs
