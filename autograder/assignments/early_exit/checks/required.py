"""Requirements that several checks share."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from autograder.judge.check import Failure
from autograder.judge.compare import array, close

from .logits import clear_cut
from .mistakes import of_exits

GRADIENT_AWAY = 0.1  # of its length


def require_evaluation_mode(values: Mapping[str, Any], *, why: str = "", when: str = "before the loop") -> None:
    """Passes where the network ran in eval mode and built no graph, as the observer noted in ``values``.

    Args:
        why: What is wrong with train mode here, as the end of the sentence that says so.
        when: Where model.eval() belongs.

    Raises:
        Failure: It ran in train mode, or with a graph.
    """
    if values["training"] is not False:
        raise Failure(f"Expected eval mode; the network ran in train mode{why}.", f"Call model.eval() {when}.")
    if values["graph"] is not False:
        raise Failure(
            "Expected no graph; gradients were enabled during the forward pass.", "Use with torch.no_grad(): ..."
        )


def require_gradients_on(values: Mapping[str, Any]) -> None:
    """Passes where gradients were on again after the call.

    Raises:
        Failure: They were off.
    """
    if values["gradients_on"] is not True:
        raise Failure(
            "Expected gradients to be on again after the call; they are off, and nothing can be trained any more.",
            "torch.set_grad_enabled(False) stays in force: use with torch.no_grad(): ...",
        )


def require_gradient(found: Any, wanted: Any) -> None:
    """Passes where the loss has the right gradient at the first layer.

    Another order of adding up, as channels last has, may move an activation across the kink of its ReLU. One of these
    moves the whole gradient by up to 5 % of its length, in 600 gradients; a part that is detached, by 25 % or more.

    Args:
        found: The array of evidence, or None where the loss does not depend on that layer.
        wanted: The solution's.

    Raises:
        Failure: There is none, or it is another one.
    """
    if found is None:
        raise Failure(
            "Expected a loss that reaches the first layer; found one without a gradient.",
            "Return the tensor itself: .item(), torch.tensor(), .detach() and no_grad cut it off.",
        )
    right = array(wanted, "the gradient")
    away = np.linalg.norm(array(found, "the gradient", right.shape) - right) / np.linalg.norm(right)
    if not away < GRADIENT_AWAY:
        raise Failure("The loss has the right value but not the right gradient.", "Is a part of it detached?")


def same_share(found: float, wanted: float) -> bool:
    """Whether two shares of the same few images are one: they differ by what float32 rounds, and not by an image."""
    return close(found, wanted, rtol=0, atol=1e-6)


def wrong_exits(found: np.ndarray, wanted: np.ndarray, truth: Mapping[str, Any], otherwise: str) -> tuple[str, str]:
    """How many samples leave at a wrong exit, and why. Samples that rounding could move are not judged.

    Args:
        found: ``(N,)`` exits, and so is ``wanted``.
        truth: Values of the key: all exits' ``logits`` and the ``tolerance``.
        otherwise: The hint where no known mistake explains the exits.

    Returns:
        "3 of 60 samples" and the hint; two empty texts where none is wrong.
    """
    judged = clear_cut(truth["logits"], truth["tolerance"])
    wrong = int((found[judged] != wanted[judged]).sum())
    if not wrong:
        return "", ""
    logits = np.stack([array(part, "logits") for part in truth["logits"]])
    return f"{wrong} of {int(judged.sum())} samples", of_exits(found, logits, truth["tolerance"], judged, otherwise)
