"""Results of other seeds with the same notebook: bands to compare one's own curves with.

The numbers are in `reference.json`, which `reference_runs.py` of the lesson's experiments makes by
running the solutions notebook. Knows nothing of how they are drawn.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("reference.json")


@dataclass(frozen=True)
class Band:
    """The lowest and the highest of several curves at the same places.

    Attributes:
        x: Where: the share of the training that is done, or of the full network's MACs, in [0, 1].
        low: Lowest value there.
        high: Highest value there.
    """

    x: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def reference(curve: str, profile: str, data: str) -> Band | None:
    """Where the reference runs lie, or None if there are none for this profile and data set.

    Args:
        curve: "baseline_loss", "joint_loss" (nats by share of the training done) or "per_sample" (validation
            accuracy by share of the MACs).
        profile: The profile's name.
        data: The data set's name.

    Raises:
        ValueError: There is no such curve.
    """
    runs = json.loads(FILE.read_text(encoding="utf-8"))
    if curve not in runs["curves"]:
        raise ValueError(f"There is no reference curve {curve!r}. Choose one of {', '.join(runs['curves'])}.")
    if (profile, data) != (runs["profile"], runs["data"]):
        return None
    return _band(runs["curves"][curve]["x"], runs["curves"][curve]["seeds"])


def _band(x: Sequence[float], seeds: Sequence[Sequence[float]]) -> Band:
    by_place = list(zip(*seeds, strict=True))
    return Band(tuple(x), tuple(min(values) for values in by_place), tuple(max(values) for values in by_place))
