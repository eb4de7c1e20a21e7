"""The hidden cases of the tiny assignment."""

import numpy as np
from inside.cases import Cases, Functions, Values

case = Cases()


@case("mac_ratio", "two_totals")
def _(functions: Functions, rng: np.random.Generator) -> Values:
    totals = [int(total) for total in rng.integers(1_000, 9_000, size=2)]
    yield {"returned": functions["mac_ratio"](*totals)}
    yield {"totals": totals}


def _sweep(rng: np.random.Generator) -> list[tuple[float, float, int]]:
    macs = rng.permutation(np.arange(10, 18))
    return [(0.1 * place, 0.9 - 0.05 * place, int(cost)) for place, cost in enumerate(macs)]


@case("choose_tolerance", "plain")
def _(functions: Functions, rng: np.random.Generator) -> Values:
    sweeps = [_sweep(rng) for _ in range(4)]
    yield {"returned": [functions["choose_tolerance"](list(sweep), 0.72) for sweep in sweeps]}


@case("choose_tolerance", "none_good_enough")
def _(functions: Functions, rng: np.random.Generator) -> Values:
    yield {"returned": functions["choose_tolerance"](_sweep(rng), 0.99)}
