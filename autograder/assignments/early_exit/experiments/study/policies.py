"""Rules for leaving early, replayed on stored logits: which exit each image takes, what that costs and gets right.

Nothing here runs a network. A rule of one threshold is replayed for all its thresholds at once. An image has left by
exit k at threshold t exactly when the smallest of its scores at exits 0..k is below t. So one sort per exit answers
every threshold by a binary search in cumulative sums.

Shape letters: K exits, N images, C classes, T thresholds. Scores are low where the network is sure.

References:
    [1] Teerapittayanon et al. 2016, "BranchyNet", https://arxiv.org/abs/1709.01686, algorithm 1 (entropy; a threshold
        for each exit)
    [2] Zhou et al. 2020, "BERT Loses Patience", https://arxiv.org/abs/2006.04152, section 3.2 (patience)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

BATCH = 128  # images that leave together under the batch mean, as in the homework
LEVELS = 40  # thresholds tried for each exit besides never: 41 ** 3 = 68,921 vectors


@dataclass(frozen=True)
class Frontier:
    """What a rule does at each of its settings.

    Attributes:
        settings: The setting of each row: thresholds `(T,)`, or vectors of them `(T, K - 1)`.
        accuracy: `(T,)`, share of the images answered rightly.
        left: `(T, K)`, share of the images that left at each exit.
    """

    settings: np.ndarray
    accuracy: np.ndarray
    left: np.ndarray

    def cost(self, table: Sequence[int]) -> np.ndarray:
        """Mean MACs of an image as a share of the way to the last exit, `(T,)`.

        Args:
            table: MACs of one image to each exit.
        """
        return self.left @ (np.asarray(table, dtype=np.float64) / table[-1])


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Softmax over the last axis, in float64."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def entropy(p: np.ndarray) -> np.ndarray:
    """Entropy in nats, in [0, ln C]; 0 ln 0 is 0."""
    return -(p * np.log(np.where(p > 0, p, 1.0))).sum(axis=-1)


def doubt(p: np.ndarray) -> np.ndarray:
    """One minus the largest probability, in [0, 1 - 1/C]."""
    return 1.0 - p.max(axis=-1)


def closeness(p: np.ndarray) -> np.ndarray:
    """One minus the distance between the two largest probabilities, in [0, 1]."""
    second, first = np.moveaxis(np.partition(p, -2, axis=-1)[..., -2:], -1, 0)
    return 1.0 - (first - second)


SCORES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "entropy": entropy,
    "max-prob": doubt,
    "margin": closeness,
}


def right_at(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Whether each exit answers each image rightly, `(K, N)` bool."""
    return logits.argmax(axis=-1) == labels


def by_threshold(scores: np.ndarray, right: np.ndarray, thresholds: np.ndarray, *, weights: np.ndarray) -> Frontier:
    """Replay one score under one threshold for all exits: leave at the first exit whose score is strictly below it.

    Args:
        scores: `(K - 1, N)`; a NaN is below nothing.
        right: `(K, N)`, right answers of each exit for each image or group of images.
        thresholds: `(T,)`.
        weights: `(N,)`, images that each column stands for.
    """
    lowest = np.minimum.accumulate(np.where(np.isnan(scores), np.inf, scores), axis=0)  # (K - 1, N)
    images = weights.sum()
    gone = np.zeros((len(thresholds), len(right)))  # (T, K): images that have left by exit k
    hits = np.zeros(len(thresholds))
    for k, lows in enumerate(lowest):
        order = lows.argsort(kind="stable")
        place = np.searchsorted(lows[order], thresholds, side="left")  # how many are strictly below
        gone[:, k] = _sums(weights[order])[place]
        # Whoever has left by exit k and not before it is answered here: what went by k, less what exit k + 1 will
        # be told again by the next sum. So each sum counts for exit k and against the exit after it.
        hits += _sums(right[k][order].astype(np.float64) - right[k + 1][order])[place]
    gone[:, -1] = images
    hits += right[-1].sum()
    left = np.diff(gone, axis=1, prepend=0.0)
    return Frontier(np.asarray(thresholds), hits / images, left / images)


def per_sample(score: str, logits: np.ndarray, labels: np.ndarray, thresholds: np.ndarray) -> Frontier:
    """Each image by its own score, [1]: "entropy", "max-prob" or "margin"."""
    scores = SCORES[score](probabilities(logits[:-1]))
    return by_threshold(scores, right_at(logits, labels), thresholds, weights=np.ones(len(labels)))


def batch_mean(logits: np.ndarray, labels: np.ndarray, thresholds: np.ndarray, *, batch: int = BATCH) -> Frontier:
    """The homework's rule: a batch leaves as a whole where its mean entropy is below the tolerance."""
    starts = np.arange(0, len(labels), batch)
    sizes = np.diff(np.append(starts, len(labels))).astype(np.float64)
    means = np.add.reduceat(entropy(probabilities(logits[:-1])), starts, axis=1) / sizes
    right = np.add.reduceat(right_at(logits, labels).astype(np.float64), starts, axis=1)
    return by_threshold(means, right, thresholds, weights=sizes)


def patience(logits: np.ndarray, labels: np.ndarray) -> Frontier:
    """Leave as soon as as many exits in a row agree, [2]; settings 1 .. K - 1 are agreements with the exit before."""
    answers = logits.argmax(axis=-1)
    agree = answers[1:] == answers[:-1]  # (K - 1, N): exit k + 1 with exit k
    right = right_at(logits, labels)
    rows = []
    for wanted in range(1, len(logits)):
        run = np.zeros(len(labels), dtype=int)
        exits = np.full(len(labels), len(logits) - 1)
        for k, same in enumerate(agree, start=1):
            run = np.where(same, run + 1, 0)
            exits = np.where((run >= wanted) & (exits == len(logits) - 1), k, exits)
        rows.append(exits)
    return _of_exits(np.arange(1, len(logits)), np.stack(rows), right)


def _of_exits(settings: np.ndarray, exits: np.ndarray, right: np.ndarray) -> Frontier:
    """A frontier from the exits that images take, `(T, N)`."""
    accuracy = np.take_along_axis(right, exits, axis=0).mean(axis=1)
    left = np.stack([(exits == k).mean(axis=1) for k in range(len(right))], axis=1)
    return Frontier(settings, accuracy, left)


def by_vector(scores: np.ndarray, right: np.ndarray, vectors: np.ndarray) -> Frontier:
    """Replay thresholds of their own for each exit, [1], one vector after the other.

    Args:
        scores: `(K - 1, N)`.
        right: `(K, N)` bool.
        vectors: `(T, K - 1)`.
    """
    return _of_exits(vectors, exits_taken(scores < vectors[:, :, None]), right)


def exits_taken(below: np.ndarray) -> np.ndarray:
    """The first exit whose score is below its threshold, else the last: `(..., K - 1, N)` bool to `(..., N)`."""
    return np.where(below.any(axis=-2), below.argmax(axis=-2), below.shape[-2])


def vector_frontier(scores: np.ndarray, right: np.ndarray, table: Sequence[int], *, levels: int = LEVELS) -> Frontier:
    """The vectors of thresholds that no other vector beats in both accuracy and MACs, by rising cost.

    Every vector of `levels` quantiles of each exit's score is replayed, all at once: images are counted in a grid with
    one axis for each exit's score, and the sums over its corners are what a vector leaves where.

    Args:
        scores: `(3, N)`: for three early exits.
        right: `(4, N)` bool.
        table: MACs of one image to each exit.
        levels: Thresholds tried for each exit, besides "never".
    """
    count = scores.shape[1]
    edges = [np.concatenate(([-np.inf], np.quantile(row, np.linspace(0, 1, levels)[1:]), [np.inf])) for row in scores]
    # The class of a score is the number of edges that it is not strictly below.
    cells = [np.searchsorted(edge, row, side="right") - 1 for edge, row in zip(edges, scores, strict=True)]
    shape = tuple(len(edge) - 1 for edge in edges)
    flat = np.ravel_multi_index(cells, shape)

    def below(values: np.ndarray, *axes: int) -> np.ndarray:
        """Sums over the images whose scores lie below each corner on the axes named, whatever the others are."""
        grid = np.bincount(flat, weights=values, minlength=np.prod(shape)).reshape(shape)
        for axis in range(3):
            if axis in axes:
                grid = np.insert(grid.cumsum(axis=axis), 0, 0.0, axis=axis)
            else:
                grid = grid.sum(axis=axis, keepdims=True)
        return grid

    def first_at(values: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Sums over the images that leave at each exit; values[k] are exit k's."""
        a, b, c, d = values
        at_0 = below(a, 0)
        at_1 = below(b, 1) - below(b, 0, 1)
        at_2 = below(c, 2) - below(c, 0, 2) - below(c, 1, 2) + below(c, 0, 1, 2)
        gone = below(d, 0) + below(d, 1) - below(d, 0, 1)
        gone = gone + below(d, 2) - below(d, 0, 2) - below(d, 1, 2) + below(d, 0, 1, 2)
        return [at_0, at_1, at_2, d.sum() - gone]

    hits = sum(first_at([row.astype(np.float64) for row in right])) / count
    left = np.stack(np.broadcast_arrays(*first_at([np.ones(count)] * 4)), axis=-1).reshape(-1, 4) / count
    corners = np.stack(np.meshgrid(*edges, indexing="ij"), axis=-1).reshape(-1, 3)
    everything = Frontier(corners, np.broadcast_to(hits, [len(edge) for edge in edges]).reshape(-1), left)
    return undominated(everything, table)


def undominated(frontier: Frontier, table: Sequence[int]) -> Frontier:
    """The rows that no other row beats in both accuracy and MACs, by rising cost."""
    cost = frontier.cost(table)
    order = np.lexsort((-frontier.accuracy, cost))
    best = np.maximum.accumulate(frontier.accuracy[order])
    kept = order[np.concatenate(([True], best[1:] > best[:-1]))]
    return Frontier(frontier.settings[kept], frontier.accuracy[kept], frontier.left[kept])


def cheapest(frontier: Frontier, table: Sequence[int], target: float) -> int | None:
    """The row of fewest MACs whose accuracy reaches the target, or None."""
    enough = np.flatnonzero(frontier.accuracy >= target)
    return None if len(enough) == 0 else int(enough[frontier.cost(table)[enough].argmin()])


def accuracy_at(frontier: Frontier, table: Sequence[int], share: float) -> float:
    """Accuracy that the rule reaches with a share of the MACs, NaN if it cannot spend so little.

    It is on the line between the rows on either side: tossing a coin between the two for every image reaches it.
    """
    cost = frontier.cost(table)
    order = np.lexsort((frontier.accuracy, cost))
    return float(np.interp(share, cost[order], frontier.accuracy[order], left=np.nan))


def nearest(frontier: Frontier, table: Sequence[int], share: float) -> int:
    """The row whose cost is nearest to a share of the MACs; labels play no part."""
    return int(np.abs(frontier.cost(table) - share).argmin())


def _sums(values: np.ndarray) -> np.ndarray:
    """Cumulative sums that begin with 0."""
    return np.concatenate(([0.0], np.cumsum(values)))
