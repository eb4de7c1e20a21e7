"""Every run of the study that is trained, by name.

A run is a data set, a size, a recipe and a seed; its name says all four. The size is a width, and the epochs where
they are not SHORT. Knows nothing of how it is trained.
"""

from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[5]
KEPT = ROOT / "grading" / "study"  # states, weights and logits of all runs: large, and not committed
RESULTS = Path(__file__).parents[1] / "results" / "study"  # what is committed

DATASETS = ("shapes", "fashion-mnist")
SEEDS = (1, 2, 3, 4, 5)
FEWER = SEEDS[:3]  # of what is only compared
SMALL, FULL = 8, 64  # widths: five seeds of everything, and the network of the contract
SHORT, LONG = 2, 10  # epochs: what a CPU can train, and what a GPU can


@dataclass(frozen=True)
class Phase:
    """One training with a one-cycle schedule of its own.

    Attributes:
        weights: Weight of each exit's loss, first exit first.
        share: Share of the run's steps.
        distilled: Weight of the divergence from the last exit's softened answer, 0 for none.
    """

    weights: tuple[float, ...]
    share: float = 1.0
    distilled: float = 0.0


TAUGHT = "warm"  # the recipe whose runs the tables of policies, clock and controls are made of
PLAIN, EQUAL = (0.0, 0.0, 0.0, 1.0), (1.0, 1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Recipe:
    """How a network is trained: its phases, and whether it begins as the plain run of the same seed ended."""

    phases: tuple[Phase, ...]
    from_plain: bool = False
    about: str = ""


RECIPES = {
    "plain": Recipe((Phase(PLAIN),), about="the last exit alone: the baseline"),
    "seed": Recipe((Phase((1.0, 0.3, 0.3, 0.3)),), about="the homework's weights, 1 and three times 0.3"),
    "equal": Recipe((Phase(EQUAL),), about="all exits alike"),
    "late": Recipe((Phase((0.3, 0.3, 0.3, 1.0)),), about="0.3 three times, and 1 for the last exit"),
    "mixed": Recipe((Phase(PLAIN, 0.5), Phase(EQUAL, 0.5)), about="half the steps plain, half all exits alike"),
    "warm": Recipe((Phase(EQUAL),), from_plain=True, about="from the finished baseline; twice the steps in all"),
    "plain again": Recipe((Phase(PLAIN),), from_plain=True, about="the warm start's twin without exits: as many steps"),
    "distilled": Recipe((Phase(EQUAL, distilled=1.0),), about="all alike, each exit taught by the last one too"),
}


OFTEN = ("plain", "seed", TAUGHT, "plain again")  # at every seed


@dataclass(frozen=True)
class Run:
    """One training, from its seed to its logits."""

    dataset: str
    recipe: str
    seed: int
    width: int = SMALL
    images: int = 30_000
    epochs: int = SHORT
    batch: int = 64
    peak: float = 0.005  # of Adam's one-cycle schedule, as in the lesson

    @property
    def name(self) -> str:
        size = f"w{self.width}" if self.epochs == SHORT else f"w{self.width}-e{self.epochs}"
        return f"{self.dataset}-{size}-{self.recipe.replace(' ', '-')}-s{self.seed}"

    @property
    def is_plain(self) -> bool:
        """Whether only the last exit was ever trained."""
        return all(phase.weights == PLAIN for phase in RECIPES[self.recipe].phases)

    @property
    def starts_from(self) -> "Run | None":
        """The run whose weights this one begins with."""
        return replace(self, recipe="plain") if RECIPES[self.recipe].from_plain else None


NARROW = (4, 6)  # plain networks that spend about what early exit spends at SMALL: 26 and 57 % of the MACs


def small_runs() -> list[Run]:
    """Every recipe, and narrower plain networks; seed by seed, so that an early stop is balanced."""
    runs = [
        run
        for seed in SEEDS
        for dataset in DATASETS
        for run in (
            *(Run(dataset, recipe, seed) for recipe in RECIPES if seed in FEWER or recipe in OFTEN),
            *(Run(dataset, "plain", seed, width) for width in NARROW if seed in FEWER),
        )
    ]
    # The rivals of a network that was warm-started, trained as long as it was.
    return runs + [
        Run(dataset, "plain again", seed, width) for seed in FEWER for dataset in DATASETS for width in NARROW
    ]


def full_runs() -> list[Run]:
    """The network of the contract, once each. Its first heads sum 65,536 features, and want smaller steps."""
    return [Run(dataset, recipe, 1, FULL, peak=0.001) for recipe in ("plain", TAUGHT) for dataset in DATASETS]


WIDE = ("plain", "seed", "equal", TAUGHT, "plain again")  # first what others begin with, last what waits for it


def wide_runs() -> list[Run]:
    """The network of the contract, trained as long as the lesson's largest profile does; it takes a GPU."""
    return [
        Run(dataset, recipe, seed, FULL, epochs=LONG, batch=256, peak=0.001)
        for dataset in DATASETS
        for seed in SEEDS
        for recipe in WIDE
    ]
