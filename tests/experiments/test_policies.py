"""The replay of policies, held against doing the same image by image."""

from itertools import product

import numpy as np
import pytest

from study import policies

TABLE = (25, 50, 75, 100)


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray]:
    """Logits of four exits on 300 images of five classes, the later the better, and the labels."""
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 5, 300)
    hints = 2.5 * (labels[:, None] == np.arange(5))
    logits = np.stack([rng.normal(size=(300, 5)) + (k + 1) / 2 * hints for k in range(4)])
    logits[:, :60] = np.round(logits[:, :60])  # ties among scores
    return logits.astype(np.float32), labels


def one_by_one(scores: np.ndarray, right: np.ndarray, vector: list[float]) -> tuple[float, list[float]]:
    """Accuracy and shares left at each exit, by the definition."""
    left, hits = [0] * len(right), 0
    for image in range(right.shape[1]):
        exit_taken = next((k for k, bound in enumerate(vector) if scores[k, image] < bound), len(right) - 1)
        left[exit_taken] += 1
        hits += int(right[exit_taken, image])
    return hits / right.shape[1], [count / right.shape[1] for count in left]


@pytest.mark.parametrize("score", policies.SCORES)
def test_one_threshold_is_what_each_image_would_do(drawn, score) -> None:
    logits, labels = drawn
    scores = policies.SCORES[score](policies.probabilities(logits[:-1]))
    thresholds = np.concatenate(([0.0, scores[0, 7], scores[1, 20]], np.linspace(0.01, 2, 25)))
    got = policies.per_sample(score, logits, labels, thresholds)
    for row, threshold in enumerate(thresholds):
        accuracy, left = one_by_one(scores, policies.right_at(logits, labels), [threshold] * 3)
        assert got.accuracy[row] == pytest.approx(accuracy)
        assert got.left[row] == pytest.approx(left)


def test_the_batch_mean_moves_whole_batches_and_weighs_a_short_last_one(drawn) -> None:
    logits, labels = drawn
    entropies = policies.entropy(policies.probabilities(logits[:-1]))
    thresholds = np.linspace(0, 1.7, 30)
    got = policies.batch_mean(logits, labels, thresholds, batch=128)
    parts = [slice(0, 128), slice(128, 256), slice(256, 300)]
    means = np.stack([entropies[:, part].mean(axis=1) for part in parts], axis=1)
    of_images = np.repeat(means, [128, 128, 44], axis=1)
    for row, threshold in enumerate(thresholds):
        accuracy, left = one_by_one(of_images, policies.right_at(logits, labels), [threshold] * 3)
        assert got.accuracy[row] == pytest.approx(accuracy)
        assert got.left[row] == pytest.approx(left)


def test_the_scores_are_what_their_names_say() -> None:
    p = np.array([[0.7, 0.2, 0.1], [1.0, 0.0, 0.0], [1 / 3] * 3])
    assert policies.entropy(p) == pytest.approx([0.8018185, 0.0, np.log(3)])
    assert policies.doubt(p) == pytest.approx([0.3, 0.0, 2 / 3])
    assert policies.closeness(p) == pytest.approx([0.5, 0.0, 1.0])


def test_a_nan_never_leaves_early() -> None:
    scores, right = np.full((3, 2), np.nan), np.array([[True] * 2] * 3 + [[False] * 2])
    got = policies.by_threshold(scores, right, np.array([9.0]), weights=np.ones(2))
    assert got.left.tolist() == [[0, 0, 0, 1]] and got.accuracy.tolist() == [0]


def test_patience_waits_for_exits_that_agree() -> None:
    answers = np.array([[0, 0, 1, 0], [0, 1, 1, 1], [0, 1, 0, 0], [0, 1, 1, 1]])  # (exits, images)
    logits = np.eye(2)[answers]
    got = policies.patience(logits, np.zeros(4, dtype=int))
    # One agreement: images 0 and 2 at exit 1, image 1 at exit 2, image 3 never. Two: image 0 at 2, image 1 at 3.
    assert got.left.tolist() == [[0, 0.5, 0.25, 0.25], [0, 0, 0.25, 0.75], [0, 0, 0, 1]]
    assert got.accuracy.tolist() == [0.25, 0.25, 0.25]


def test_vectors_of_thresholds_are_counted_as_one_by_one_and_none_is_dominated(drawn) -> None:
    logits, labels = drawn
    scores = policies.doubt(policies.probabilities(logits[:-1]))
    right = policies.right_at(logits, labels)
    fitted = policies.vector_frontier(scores, right, TABLE, levels=7)
    assert len(fitted.settings) > 5
    for row, vector in enumerate(fitted.settings):
        accuracy, left = one_by_one(scores, right, vector.tolist())
        assert fitted.accuracy[row] == pytest.approx(accuracy)
        assert fitted.left[row] == pytest.approx(left)
    again = policies.by_vector(scores, right, fitted.settings)
    assert again.accuracy == pytest.approx(fitted.accuracy) and again.left == pytest.approx(fitted.left)
    assert (np.diff(fitted.cost(TABLE)) > 0).all() and (np.diff(fitted.accuracy) > 0).all()
    edges = [[*np.quantile(row, np.linspace(0, 1, 7)[1:]).tolist(), np.inf] for row in scores]
    every = np.array([*product(*([-np.inf, *row] for row in edges))])
    best = policies.undominated(policies.by_vector(scores, right, every), TABLE)
    assert best.accuracy == pytest.approx(fitted.accuracy)
    assert best.cost(TABLE) == pytest.approx(fitted.cost(TABLE))


def test_the_cheapest_row_reaches_the_target_or_there_is_none(drawn) -> None:
    logits, labels = drawn
    frontier = policies.per_sample("entropy", logits, labels, np.linspace(0, 1.7, 50))
    row = policies.cheapest(frontier, TABLE, 0.9 * frontier.accuracy.max())
    assert row is not None
    dearer = frontier.cost(TABLE) < frontier.cost(TABLE)[row]
    assert (frontier.accuracy[dearer] < 0.9 * frontier.accuracy.max()).all()
    assert policies.cheapest(frontier, TABLE, 1.01) is None


def test_costs_are_shares_of_the_way_to_the_end() -> None:
    left = np.array([[1.0, 0, 0, 0], [0, 0, 0, 1.0], [0.5, 0, 0, 0.5]])
    frontier = policies.Frontier(np.arange(3), np.array([0.5, 0.9, 0.8]), left)
    assert frontier.cost(TABLE).tolist() == [0.25, 1.0, 0.625]
    assert policies.accuracy_at(frontier, TABLE, 0.625) == pytest.approx(0.8)
    assert policies.accuracy_at(frontier, TABLE, 0.8125) == pytest.approx(0.85)
    assert np.isnan(policies.accuracy_at(frontier, TABLE, 0.2))


def test_the_nearest_row_looks_at_costs_alone() -> None:
    left = np.array([[1.0, 0, 0, 0], [0, 1.0, 0, 0], [0, 0, 0, 1.0]])
    frontier = policies.Frontier(np.arange(3), np.array([0.0, 1.0, 0.5]), left)
    assert [policies.nearest(frontier, TABLE, share) for share in (0.1, 0.55, 0.9)] == [0, 1, 2]
