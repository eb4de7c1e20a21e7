"""Thresholds with a guarantee: how much worse than the full network early exit may make the answers.

The loss of an image is 1 if it leaves early with a wrong answer though the last exit is right, else 0; the risk of a
threshold is its mean. From n images drawn like those to come, a threshold is chosen whose risk is at most epsilon:

- `tested` [1, 2]: with probability at least 1 - delta over the draw. Thresholds are tested from careful to careless,
  each against "the risk is above epsilon" with the binomial tail, and the last one before the first failure is taken.
  A fixed order needs no correction for many tests, and no monotone risk.
- `in_expectation` [3]: on average over draws. Its proof wants a loss that never falls as thresholds grow careless; an
  image that is right at exit 0 and wrong at exit 1 breaks that, so each image is charged its worst loss so far.
- `naive`: the measured risk is at most epsilon. It is what people do without thinking; its cost is shown too.

References:
    [1] Jazbec et al. 2024, "Fast yet Safe: Early-Exiting with Risk Control", https://arxiv.org/abs/2405.20915
    [2] Angelopoulos et al. 2021, "Learn then Test", https://arxiv.org/abs/2110.01052, section 2.3 (fixed sequence)
    [3] Angelopoulos et al. 2022, "Conformal Risk Control", https://arxiv.org/abs/2208.02814, equation 4
"""

from math import lgamma, log, log1p

import numpy as np

from study.policies import exits_taken, right_at


def losses_at(scores: np.ndarray, logits: np.ndarray, labels: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Whether each image is answered wrongly at each threshold though the last exit is right, `(T, N)` bool.

    Args:
        scores: `(K - 1, N)`, low where the network is sure.
        logits: `(K, N, C)`.
        labels: `(N,)`.
        thresholds: `(T,)`.
    """
    right = right_at(logits, labels)
    exits = exits_taken(scores < thresholds[:, None, None])  # (T, N)
    return right[-1] & ~np.take_along_axis(right, exits, axis=0)


def binomial_tails(n: int, epsilon: float) -> np.ndarray:
    """P(Bin(n, epsilon) <= k) for k = 0 .. n: how rarely so few losses are seen where the risk is epsilon."""
    k = np.arange(n + 1)
    choose = np.array([lgamma(n + 1) - lgamma(i + 1) - lgamma(n - i + 1) for i in range(n + 1)])
    return np.minimum(1.0, np.exp(choose + k * log(epsilon) + (n - k) * log1p(-epsilon)).cumsum())


def tested(losses: np.ndarray, n: int, epsilon: float, delta: float) -> np.ndarray:
    """Index of the threshold chosen in each draw, -1 where not even the first passes, `(draws,)`.

    Args:
        losses: `(draws, T)`, number of losses among n images at each threshold, careful thresholds first.
        n: Images in a draw.
        epsilon: Risk that is allowed, in (0, 1).
        delta: Share of draws that may miss it.
    """
    return _before_first(binomial_tails(n, epsilon)[losses] > delta)


def in_expectation(losses: np.ndarray, n: int, epsilon: float) -> np.ndarray:
    """As `tested`, for the bound on the average over draws; `losses` count each image's worst so far."""
    return _before_first((losses + 1) / (n + 1) > epsilon)


def naive(losses: np.ndarray, n: int, epsilon: float) -> np.ndarray:
    """As `tested`, without any bound: the last threshold before the measured risk passes epsilon."""
    return _before_first(losses / n > epsilon)


def _before_first(failed: np.ndarray) -> np.ndarray:
    """Index before the first failure of each row; the last index where nothing failed."""
    return np.where(failed.any(axis=1), failed.argmax(axis=1), failed.shape[1]) - 1


def simulate(
    losses: np.ndarray,
    costs: np.ndarray,
    *,
    n: int,
    epsilon: float,
    delta: float,
    draws: int = 1_000,
    seed: int = 0,
) -> dict[str, dict[str, float]]:
    """How the three choices fare when the images at hand are the whole world.

    Args:
        losses: `(T, N)` bool, careful thresholds first; their row means are the true risks.
        costs: `(T,)`, mean share of the MACs at each threshold.
        n: Images in a draw, with replacement.
        epsilon: Risk that is allowed.
        delta: Share of draws that may miss it, for `tested`.
        draws: How often.
        seed: Seed of the draws.

    Returns:
        For each choice: `held`, the share of draws whose true risk is at most epsilon; `risk`, its mean; `cost`, the
        mean of the costs.
    """
    rng = np.random.default_rng(seed)
    truth = np.append(losses.mean(axis=1), 0.0)  # index -1: nobody leaves early
    costs = np.append(costs, 1.0)
    # A draw only counts how often each image was taken; counts times losses is one matrix product.
    counts = rng.multinomial(n, np.full(losses.shape[1], 1 / losses.shape[1]), size=draws).astype(np.float32)
    seen, worst = (
        np.rint(counts @ of_each.T.astype(np.float32)).astype(int)  # (draws, T)
        for of_each in (losses, np.maximum.accumulate(losses, axis=0))
    )
    chosen = {
        "tested": tested(seen, n, epsilon, delta),
        "in expectation": in_expectation(worst, n, epsilon),
        "naive": naive(seen, n, epsilon),
    }
    return {
        name: {
            "held": float((truth[index] <= epsilon).mean()),
            "risk": float(truth[index].mean()),
            "cost": float(costs[index].mean()),
        }
        for name, index in chosen.items()
    }
