"""Checks of ``early_exit_step``: (exit_outputs, loss) of a forward pass through all exits.

The step is called twice: as it is, and with a stand-in for ``early_exit_loss``. It is right if its loss is the right
one, or if it returns what the stand-in gives. So a wrong loss costs points once, in its own task.
"""

from autograder.judge.check import Failure, worth
from autograder.judge.compare import array, close, number, recognised, several

from .logits import same_logits, transformed
from .mistakes import of_joint_loss
from .required import require_gradient

NAMES = "exit_outputs, loss"
SWAPPED = "Mind the order of the return statement: exit_outputs first, loss second."


@worth(0)
def check_returns_a_pair(student):
    """It returns (exit_outputs, loss)."""
    several(_any_call(student), NAMES)


@worth(1, needs=check_returns_a_pair)
def check_outputs(student, key):
    """The outputs are the logits of all four exits, first exit first.

    Which exit is which decides the weight that each gets in the loss.
    """
    values = student.values("batch")
    wanted = [array(logits, "logits") for logits in key.values("batch")["returned"][0]]
    calls = [values[call] for call in ("with_stand_in", "returned") if values[call] is not None]
    try:
        _require_outputs(calls[0], wanted, values)
    except Failure:
        if len(calls) == 1:
            raise
        _require_outputs(calls[1], wanted, values)  # of two calls one is enough: a loss that pops is judged elsewhere


@worth(1, needs=check_returns_a_pair)
def check_loss(student, key):
    """The loss is that of early_exit_loss on those outputs, as a tensor one can train on.

    Joint training works by the gradient of all exits reaching the layers that they share.
    """
    mine, right = student.values("batch"), key.values("batch")
    if mine["backward"] is not False:
        raise Failure("Expected the loss alone; backward() was called on it.", "The training loop calls backward().")
    try:
        _, loss = several(mine["with_stand_in"], NAMES)
        _, wanted = several(right["with_stand_in"], NAMES)
        handed_on = close(number(loss, "the loss"), number(wanted, "the loss"))
    except Failure:
        handed_on = False  # it may compute the loss itself
    if handed_on:  # what early_exit_loss gives, right or wrong
        require_gradient(mine["gradients_of_stand_in"][0], right["gradients_of_stand_in"][0])
        return
    if mine["returned"] is None:  # early_exit_loss raised
        said = "Expected early_exit_loss to be given all four exits' logits and the labels; it was given others."
        raise Failure(said, "Hand on all four exits' logits, then the labels, then the criterion.")
    _, loss = several(mine["returned"], NAMES)
    hint = SWAPPED if isinstance(loss, list | tuple) else "Return the tensor that early_exit_loss gives."
    found, wanted = number(loss, "the loss", hint), number(right["returned"][1], "the loss")
    if not close(found, wanted):
        logits = [array(part, "logits") for part in right["returned"][0]]
        hint = (
            "Call early_exit_loss(exit_outputs, labels, criterion) on all four exits' logits; return its loss as it is."
        )
        hint = recognised(found, of_joint_loss(logits, right["labels"].values), hint, rtol=1e-4)
        raise Failure(f"Expected what early_exit_loss gives for the returned outputs; found {found:.4f}.", hint)
    require_gradient(mine["gradients"][0], right["gradients"][0])


def _require_outputs(returned, wanted, values):
    outputs, loss = several(returned, NAMES)
    if not isinstance(outputs, list | tuple) or len(outputs) != 4:
        hint = (
            SWAPPED
            if isinstance(loss, list | tuple)
            else "Return all four exits' logits; model.early_train gives them."
        )
        raise Failure("Expected a list of four tensors, one for each exit.", hint)
    for index, (mine, right) in enumerate(zip(outputs, wanted, strict=True)):
        fewer = len(getattr(getattr(mine, "values", None), "shape", ())) == right.ndim
        hint = (
            "A row for each image, a column for each class." if fewer else "Return logits: no argmax, no predictions."
        )
        found = array(mine, f"the logits of exit {index}", right.shape, hint)
        if same_logits(found, right):
            continue
        hint = "model.early_train(images) returns all exits' logits in order, and leaves out no part of the network."
        places = [place for place, other in enumerate(wanted) if same_logits(found, other)]
        if values["training"] is False:
            hint = "The model was put into eval mode: in a training step BatchNorm has to learn."
        elif said := transformed(found, right):
            hint = said
        elif places:
            hint = (
                f"These are the logits of exit {places[0]}. model.early_train(images) returns all exits' logits, "
                "first exit first; no tolerance chooses an exit."
            )
        raise Failure(f"Expected the logits of exit {index} at place {index}; found other values.", hint)


def _any_call(student):
    values = student.values("batch")
    return values["returned"] if values["returned"] is not None else values["with_stand_in"]
