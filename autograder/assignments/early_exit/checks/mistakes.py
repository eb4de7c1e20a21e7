"""Recognises a mistake from the value that it leads to, so that the hint is about that mistake and no other.

Each known mistake is made here on the solution's evidence: an entropy in bits, or the last sure exit instead of the
first. If that gives the student's value, its hint is shown. If no known mistake does, the check's general hint is
shown. No verdict depends on this file.
"""

from collections.abc import Callable, Sequence

import numpy as np

from .logits import cross_entropy, entropy, probabilities

# The hint for labels compared with argmax() of all logits of a batch.
WHOLE_BATCH = "argmax() alone looks for the largest logit of the whole batch: for each image it is argmax(dim=1)."

Measure = Callable[[np.ndarray], np.ndarray]  # (K, N, C) logits -> (K, N), lower is surer
Choice = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (K, N) sure, (K, N) entropies -> (N,) exits


def of_exits(found: np.ndarray, logits: np.ndarray, tolerance: float, judged: np.ndarray, otherwise: str) -> str:
    """Why samples leave at the exits ``found`` (N,), given all exits' logits (K, N, C); ``judged`` (N,) bool."""
    last, entropies = len(logits) - 1, entropy(logits)
    wanted = first_sure(entropies < tolerance, entropies)

    def same(exits: np.ndarray) -> bool:
        return bool(np.array_equal(found[judged], exits[judged]))

    if (found[judged] == last).all():
        return (
            "All samples go to the last exit: compare each sample's own entropy with the tolerance, no mean over the "
            "batch. It is that of one softmax, in nats; NaN is below nothing."
        )
    if not found.any():
        return (
            "All samples leave at exit 0: is the minus sign there, is the softmax of the logits taken, "
            "are the classes summed, without a mean, and does each sample leave for itself?"
        )
    with np.errstate(all="ignore"):
        hints = [hint for measure, hint in MEASURES if same(first_sure(measure(logits) < tolerance, entropies))]
    hints += [hint for choice, hint in CHOICES if same(choice(entropies < tolerance, entropies))]
    fixed = [other for other in (0.8, 0.45, 0.05) if same(first_sure(entropies < other, entropies))]
    hints += [f"These are the exits at tolerance {other:g}: use the argument." for other in fixed]
    if hints:
        return " Or: ".join(dict.fromkeys(hints))  # several mistakes may lead to the same exits
    for other in np.nextafter(np.unique(entropies), np.inf):
        if same(first_sure(entropies < other, entropies)):
            return (
                f"These are the exits at another tolerance, about {other:.2g}, not at {tolerance:.2f}. Is the argument "
                "used as it is, and is the entropy in nats: ln, a sum, and nothing added or multiplied?"
            )
    if np.array_equal(np.sort(found), np.sort(wanted)):
        return "As many leave at each exit as should, but in another order: put the exits back at the input's places."
    if same(np.minimum(wanted, last - 1)):
        return "No sample is at the last exit: is the last stage left out?"
    return otherwise


def of_joint_loss(logits: Sequence[np.ndarray], labels: np.ndarray) -> list[tuple[float, str]]:
    """What known mistakes make of the joint loss, with hints, given all exits' logits (N, C) and the labels (N,)."""
    losses = np.array([cross_entropy(part, labels) for part in logits])
    soft = [cross_entropy(probabilities(part), labels) for part in logits]
    wanted = np.dot([1, 0.3, 0.3, 0.3], losses)
    weighted = [(1, logits[0]), *((0.3, part) for part in logits[1:])]
    mixed = np.sum([w * part for w, part in weighted], axis=0)
    first = "exit_outputs begins with the first exit, and the first weight is the large one"
    return [
        (wanted / 1.9, "The weights are not divided by their sum, 1.9."),
        (wanted / 4, "The weighted losses are added up: take their sum, not their mean."),
        (losses.sum(), "The weights are not all equal: the first exit weighs 1, each other 0.3."),
        (losses.mean(), "A weighted sum, not the mean: the first exit weighs 1, each other 0.3."),
        (0.3 * losses.sum(), "The first exit weighs 1, not 0.3."),
        (np.dot([0.3, 0.3, 0.3, 1], losses), f"Are the weights reversed? {first}."),
        (np.dot([0.3, 1, 1, 1], losses), f"Are the weights exchanged? {first}; each other exit weighs 0.3."),
        (np.dot([1, 0.3, 0.09, 0.027], losses), "Each exit but the first weighs 0.3: no powers of it."),
        (losses[0] + 0.3 * losses.sum(), "The first exit is counted twice: the others begin at exit 1."),
        (np.dot([1, 0.3, 0.3, 0], losses), "The last exit is left out: all four exits belong to the sum."),
        (losses[0], "This is the first exit's loss alone: all four exits belong to the sum."),
        (losses[-1], "This is the last exit's loss alone: all four exits belong to the sum."),
        (np.dot([1, 0.3, 0.3, 0.3], soft), "No softmax before the criterion: it takes logits."),
        (sum(cross_entropy(w * part, labels) for w, part in weighted), "Weigh the losses, not the logits."),
        (cross_entropy(mixed, labels), "Add up the losses of the four exits, not their logits."),
    ]


def first_sure(sure: np.ndarray, entropies: np.ndarray) -> np.ndarray:
    """The first exit that is sure of each sample, else the last: (K, N) bool -> (N,)."""
    last = len(sure) - 1
    return np.where(sure[:last].any(axis=0), sure[:last].argmax(axis=0), last)


def _p_log_p(p: np.ndarray) -> np.ndarray:
    return np.asarray(np.where(p > 0, p * np.log(np.where(p > 0, p, 1)), 0))


def _batch_mean(logits: np.ndarray) -> np.ndarray:
    entropies = entropy(logits)
    return np.broadcast_to(entropies.mean(axis=1, keepdims=True), entropies.shape)


def _of_exits_so_far(logits: np.ndarray) -> np.ndarray:
    entropies = entropy(logits)
    return entropies.cumsum(axis=0) / np.arange(1, len(entropies) + 1)[:, None]


def _largest_of_batch(logits: np.ndarray) -> np.ndarray:
    entropies = entropy(logits)
    return np.broadcast_to(entropies.max(axis=1, keepdims=True), entropies.shape)


def _sigmoid_entropy(logits: np.ndarray) -> np.ndarray:
    return -_p_log_p(1 / (1 + np.exp(-logits))).sum(axis=-1)


MEASURES: tuple[tuple[Measure, str], ...] = (
    (lambda z: entropy(z) / np.log(2), "This is the entropy in bits: in nats the logarithm is ln, not log2."),
    (lambda z: entropy(z) / np.log(10), "The logarithm is the natural one, ln: in nats, not to base 10."),
    (lambda z: entropy(probabilities(z)), "Take the softmax once: here that of probabilities is taken again."),
    (lambda z: entropy(z) / np.log(z.shape[-1]), "The entropy is in nats, not normalised: do not divide it by ln C."),
    (lambda z: entropy(z) / z.shape[-1], "The entropy is the sum over the classes, not their mean."),
    (lambda z: -entropy(z), "Where is the minus sign? Without it every entropy is negative, and every sample leaves."),
    (_of_exits_so_far, "Each exit's own entropy decides: no mean over the exits so far."),
    (_batch_mean, "Decide by each sample's own entropy, not by the mean over the batch."),
    (_largest_of_batch, "Decide by each sample's own entropy: one need not wait until all others are sure."),
    (
        lambda z: -_p_log_p(probabilities(z, axis=1)).sum(axis=-1),
        "The softmax is over the classes, the last dimension (dim=-1), not the batch.",
    ),
    (_sigmoid_entropy, "The probabilities of the classes are the softmax of the logits, not their sigmoid."),
    (lambda z: 1 - probabilities(z).max(axis=-1), "The rule asks for the entropy, not for the largest probability."),
    (lambda z: -probabilities(z).max(axis=-1), "The rule asks for the entropy, not for the largest probability."),
    (
        lambda z: -(probabilities(z) * np.log(probabilities(z) + 1e-1)).sum(axis=-1),
        "A number added inside the logarithm changes every entropy: log_softmax needs no epsilon.",
    ),
    (
        lambda z: -(z * np.log(z)).sum(axis=-1),
        "These are logits: the entropy is one of probabilities, so softmax first.",
    ),
)


def _last_sure(sure: np.ndarray, entropies: np.ndarray) -> np.ndarray:
    last = len(sure) - 1
    return np.where(sure.any(axis=0), last - sure[::-1].argmax(axis=0), last)


def _last_sure_before_the_end(sure: np.ndarray, entropies: np.ndarray) -> np.ndarray:
    last = len(sure) - 1
    return np.where(sure[:last].any(axis=0), last - 1 - sure[:last][::-1].argmax(axis=0), last)


def _unsure_at(place: int) -> Choice:
    return lambda sure, entropies: np.where(sure.any(axis=0), first_sure(sure, entropies), place)


CHOICES: tuple[tuple[Choice, str], ...] = (
    (lambda sure, h: first_sure(~sure, h), "A sample leaves where its entropy is below the tolerance, not above it."),
    (_last_sure, "The first exit that is sure enough counts; here a later one overrules it."),
    (
        lambda sure, h: np.minimum((~sure).sum(axis=0), len(sure) - 1),
        "The first sure exit: not the number of unsure ones.",
    ),
    (
        lambda sure, h: np.minimum((~sure[:-1]).sum(axis=0), len(sure) - 1),
        "The first sure exit: not the number of unsure ones.",
    ),
    (lambda sure, h: h.argmin(axis=0), "The first exit below the tolerance, not the surest of all."),
    (
        lambda sure, h: np.where(sure.any(axis=0), h.argmin(axis=0), len(sure) - 1),
        "The first exit below the tolerance, not the surest of all.",
    ),
    (
        _unsure_at(0),
        "A sample that is never sure leaves at the last exit; here it has exit 0, as in a tensor of zeros.",
    ),
    (
        lambda sure, h: first_sure(sure[::-1], h),
        "exit_outputs begins with the first exit; here the last is asked first.",
    ),
    (_last_sure_before_the_end, "The first exit that is sure enough counts; here a later one overrules it."),
    (_unsure_at(-1), "A sample that is never sure leaves at the last exit; here it has -1."),
    (lambda sure, h: first_sure(sure, h) + 1, "Exits are numbered from 0, not from 1."),
    (lambda sure, h: len(sure) - 1 - first_sure(sure, h), "Exits are numbered from the front: the first exit is 0."),
    (
        lambda sure, h: first_sure(np.vstack([np.zeros_like(sure[:1]), sure[1:]]), h),
        "Nothing stays at exit 0, the first exit: does the loop start there, and is a 0 taken for not yet assigned?",
    ),
)
