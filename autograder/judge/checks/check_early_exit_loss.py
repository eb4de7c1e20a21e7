"""Checks of ``early_exit_loss``: a weighted sum of the four exits' cross-entropies."""

from autograder.judge.compare import Failure, array, close, number
from autograder.judge.evidence import Array
from autograder.judge.plugin import worth


@worth(2)
def check_value(student, key):
    """The loss is the sum of the exits' cross-entropies with weights 1, 0.3, 0.3, 0.3."""
    for case in ("random_logits", "ten_classes"):
        found = number(student.values(case)["returned"], "the loss")
        wanted = number(key.values(case)["returned"], "the loss")
        if not close(found, wanted):
            hint = (
                "Each term is weight times criterion(exit's logits, labels); the first exit weighs 1, each other 0.3."
            )
            if close(found, wanted / 1.9):
                hint = "The weights are not divided by their sum."
            raise Failure(f"Expected the loss {wanted:.4f}; found {found:.4f}.", hint)


@worth(1)
def check_gradient(student, key):
    """Its gradient reaches every exit, in proportion to that exit's weight."""
    loss = student.values("random_logits")["returned"]
    if not isinstance(loss, Array) or loss.values.shape != () or not loss.tensor:
        raise Failure(
            "Expected a scalar tensor; found something else.",
            "Sum the terms as tensors: .item() cuts the gradient off.",
        )
    found, wanted = student.values("random_logits")["gradients"], key.values("random_logits")["gradients"]
    for index, (mine, right) in enumerate(zip(found, wanted, strict=True)):
        if mine is None:
            raise Failure(
                f"Expected a gradient at exit {index}; found none.",
                "Every exit's loss must be part of the sum, as a tensor.",
            )
        if not close(array(mine, "the gradient"), array(right, "the gradient")):
            raise Failure(f"The gradient at exit {index} does not have the right size.", "Is this exit's weight right?")
