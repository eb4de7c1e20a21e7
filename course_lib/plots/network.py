"""A drawing of the network with its exits, and of how many images take each."""

from collections.abc import Sequence
from typing import Any

from matplotlib.patches import FancyArrowPatch, Rectangle

from course_lib.plots.described import DescribedFigure, new_figure

THICKEST = 14  # points, of an arrow that all images take


def network(exit_macs: Sequence[int], left: Sequence[int] | None = None) -> DescribedFigure:
    """Stem, stages and heads from left to right; an arrow is as thick as there are images on it.

    Args:
        exit_macs: MACs of one image on its way to each exit.
        left: How many images left at each exit; None draws thin arrows.
    """
    exits = range(len(exit_macs))
    figure, axes = new_figure(1, 1, size=(7.4, 2.9))
    axes.set(xlim=(-1.25, 2 * len(exit_macs) + 0.1), ylim=(-1.7, 1.3))
    axes.set_axis_off()
    total = sum(left) if left else 0
    on_the_way = [sum(left[index:]) / total if left else None for index in exits]
    _box(axes, -0.9, "stem", "")
    for index, macs in enumerate(exit_macs):
        x = 2 * index + 0.6
        _box(axes, x, f"stage {index}", f"{macs / exit_macs[-1]:.0%} of the MACs\nso far")
        _arrow(axes, (x - (0.75 if index == 0 else 1.3), 0.5), (x, 0.5), on_the_way[index])
        share = left[index] / total if left else None
        _arrow(axes, (x + 0.35, 0), (x + 0.35, -0.95), share)
        text = f"exit {index}" + (f"\n{left[index]:,} images" if left else "")
        axes.text(x + 0.35, -1.05, text, ha="center", va="top", fontsize=10)
    costs = ", ".join(f"exit {index} after {macs / exit_macs[-1]:.0%}" for index, macs in enumerate(exit_macs))
    figure.description = f"A stem and {len(exit_macs)} stages, with an exit after each: {costs} of the MACs."
    if left:
        said = ", ".join(f"{count} at exit {index}" for index, count in enumerate(left))
        figure.description += f" Images that left: {said}."
    return figure


def _box(axes: Any, x: float, name: str, below: str) -> None:
    axes.add_patch(Rectangle((x, 0), 0.7, 1, facecolor="0.9", edgecolor="0.0"))
    axes.text(x + 0.35, 0.5, name, ha="center", va="center", fontsize=9)
    if below:
        axes.text(x + 0.5, -0.08, below, ha="left", va="top", fontsize=8)


def _arrow(axes: Any, start: tuple[float, float], end: tuple[float, float], share: float | None) -> None:
    """An arrow from start to end; none where no image goes."""
    if share == 0:
        return
    width = 1.5 if share is None else max(1.0, THICKEST * share)
    look: dict[str, Any] = {
        "arrowstyle": "-|>",
        "mutation_scale": 10 + width,
        "linewidth": width,
        "color": "0.35",
        "zorder": 0,
    }
    axes.add_patch(FancyArrowPatch(start, end, shrinkA=0, shrinkB=0, **look))
