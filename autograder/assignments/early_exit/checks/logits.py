"""Computes again from logits what a submission claims, so that each task is judged separately.

A loss, for example, is compared with that of the claimed outputs. If these are wrong, another check says so.
"""

from typing import Any

import numpy as np

from autograder.judge.compare import array, close


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean cross-entropy in nats of ``(N, C)`` logits: a claimed loss is computed again from the claimed outputs."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(-log_probabilities[np.arange(len(labels)), labels].mean())


def entropy(logits: np.ndarray) -> np.ndarray:
    """Softmax entropy in nats of each row of ``(..., C)`` logits."""
    logits = logits.astype(np.float64)
    shifted = logits - logits.max(axis=-1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return -(np.exp(log_probabilities) * log_probabilities).sum(axis=-1)


def clear_cut(exit_logits: list[Any], tolerance: float) -> np.ndarray:
    """Which samples no rounding can move: no exit's entropy lies within 1e-4 nats of the tolerance. ``(N,)`` bool."""
    entropies = np.stack([entropy(array(logits, "logits")) for logits in exit_logits])
    return np.asarray((np.abs(entropies - tolerance) > 1e-4).all(axis=0))


def same_logits(found: np.ndarray, wanted: np.ndarray) -> bool:
    """Whether logits differ by rounding alone: a sum of large terms may round by as much as a small logit."""
    scale = max(1.0, float(np.abs(wanted).max(initial=0)))
    return close(found / scale, wanted / scale)


def transformed(found: np.ndarray, logits: np.ndarray) -> str:
    """The hint where ``found`` is a softmax or log-softmax of the logits; "" for anything else."""
    soft = probabilities(logits)
    if close(found, soft):
        return "Return the logits as they are, without a softmax."
    if close(found, np.log(soft.clip(1e-38))):
        return "Return the logits as they are, without a log_softmax."
    return ""


def probabilities(logits: np.ndarray, axis: int = -1) -> np.ndarray:
    """Softmax along an axis."""
    exponentials = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=axis, keepdims=True))
