"""Figures made of numbers."""

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from course_lib.plots.described import STYLES, UNITS, DescribedFigure, new_figure
from course_lib.reference import Band

Row = tuple[float, float, int]  # tolerance in nats, accuracy in [0, 1], MACs in total: one row of a sweep

BAND = {"color": "0.85", "linewidth": 0, "label": "reference runs"}
TONES = ("1.0", "0.8", "0.6", "0.4", "0.1")  # of stacked bars, from the first layer up


def loss_curves(
    curves: Mapping[str, Sequence[float]],
    *,
    at_start: Mapping[str, float] | None = None,
    reference: Band | None = None,
) -> DescribedFigure:
    """Training losses by step, smoothed, with the loss that an untrained network should have.

    Args:
        curves: For each name the loss of every training step, in nats.
        at_start: For some of the names the loss to expect before training; drawn as a dotted line.
        reference: Where the losses of other seeds lay, by the share of the training done; drawn as a grey band.
    """
    figure, axes = new_figure(1, 1, size=(6, 3.2))
    said = []
    if reference is not None:
        steps = max(map(len, curves.values()))
        axes.fill_between(np.array(reference.x) * steps, reference.low, reference.high, **BAND)
    for (name, losses), style in zip(curves.items(), STYLES, strict=False):
        smooth = smoothed(losses)
        axes.plot(np.arange(len(smooth)) + len(losses) - len(smooth) + 1, smooth, label=name, **{**style, "marker": ""})
        said.append(f"{name} from {smooth[0]:.2f} to {smooth[-1]:.2f}")
        if at_start and name in at_start:
            axes.axhline(at_start[name], color=style["color"], linestyle=":", linewidth=1)
            axes.text(len(losses) / 2, at_start[name], "a guess", va="bottom", color=style["color"])
    axes.set(xlabel="training step", ylabel="loss (nats)", ylim=(0, None))
    axes.legend(frameon=False)
    figure.description = f"Training loss in nats by training step: {', '.join(said)}."
    return figure


def smoothed(losses: Sequence[float]) -> np.ndarray:
    """The running mean over a fortieth of the steps; shorter than ``losses`` by that window less one."""
    window = max(1, len(losses) // 40)
    return np.convolve(losses, np.full(window, 1 / window), mode="valid")


def exit_bars(counts: Mapping[int, int], *, unit: str) -> DescribedFigure:
    """How many left at which exit.

    Args:
        counts: Exit index to a number of batches or images.
        unit: What was counted, such as "batches".
    """
    figure, axes = new_figure(1, 1, size=(4.5, 2.6))
    names = [f"exit {index}" for index in counts]
    bars = axes.bar(names, list(counts.values()), color="0.6", edgecolor="0.0")
    axes.bar_label(bars)
    axes.set(ylabel=unit)
    axes.margins(y=0.15)
    said = ", ".join(f"{count} at exit {index}" for index, count in counts.items())
    figure.description = f"{unit.capitalize()} that left: {said}."
    return figure


def sweep(rows: Sequence[Row], *, target: float, images: int) -> DescribedFigure:
    """Accuracy and cost against the tolerance, one above the other.

    Args:
        rows: `(tolerance, accuracy, total_macs)`.
        target: The accuracy wanted, in [0, 1]; drawn as a line.
        images: How many images the totals are for.
    """
    tolerances, accuracies, macs = np.array(sorted(rows), dtype=float).T
    figure, (above, below) = new_figure(2, 1, size=(6, 4.2), sharex=True)
    above.plot(tolerances, 100 * accuracies, **STYLES[0])
    above.axhline(100 * target, color="0.5", linestyle=":")
    above.annotate("target", (tolerances[-1], 100 * target), ha="right", va="bottom", color="0.4")
    above.set(ylabel="accuracy (%)")
    below.plot(tolerances, macs / images / 1e6, **STYLES[0])
    below.set(xlabel="entropy tolerance (nats)", ylabel="million MACs per image", ylim=(0, None))
    figure.description = (
        f"From tolerance {tolerances[0]:.2f} to {tolerances[-1]:.2f} nats the accuracy goes from "
        f"{100 * accuracies[0]:.1f} % to {100 * accuracies[-1]:.1f} %, the cost from "
        f"{macs[0] / images / 1e6:.2f} to {macs[-1] / images / 1e6:.2f} million MACs per image."
    )
    return figure


def frontier(
    curves: Mapping[str, Sequence[Row]],
    *,
    full_macs: int,
    points: Mapping[str, tuple[float, int]] | None = None,
    reference: Band | None = None,
) -> DescribedFigure:
    """Accuracy against cost: further up and further left is better.

    Args:
        curves: For each rule its rows `(tolerance, accuracy, total_macs)`.
        full_macs: The MACs of running every image to the end, for the same images.
        points: Networks without exits to compare with: name to `(accuracy, total_macs)`.
        reference: Where the first curve lay for other seeds, by share of the MACs; drawn as a grey band.
    """
    figure, axes = new_figure(1, 1, size=(6, 3.8))
    said = []
    if reference is not None:
        axes.fill_between(
            100 * np.array(reference.x), 100 * np.array(reference.low), 100 * np.array(reference.high), **BAND
        )
    for (name, rows), style in zip(curves.items(), STYLES, strict=False):
        along = sorted((100 * macs / full_macs, 100 * accuracy) for _, accuracy, macs in rows)
        axes.plot(*zip(*along, strict=True), label=name, markersize=5, **style)
        half = np.interp(50, *np.array(along).T)
        said.append(
            f"{name}: {half:.1f} % right at half the MACs, {along[-1][1]:.1f} % at {along[-1][0]:.0f} % of them"
        )
    for (name, (accuracy, macs)), marker in zip((points or {}).items(), "*DPX", strict=False):
        share = 100 * macs / full_macs
        axes.plot([share], [100 * accuracy], linestyle="", marker=marker, color="0.0", markersize=11, label=name)
        said.append(f"{name}: {100 * accuracy:.1f} % at {share:.0f} % of the MACs")
    axes.set(xlabel="MACs (% of the full network)", ylabel="accuracy (%)")
    axes.legend(frameon=False, loc="lower right")
    figure.description = f"Accuracy against MACs; {'; '.join(said)}."
    return figure


def factors_by_exit(factors: Mapping[str, np.ndarray], exits: Tensor) -> DescribedFigure:
    """The spread of each difficulty factor's magnitude among the images that left at each exit.

    A box holds the middle half of the images, the line in it is the median, the diamond the mean: where most images
    have none of a factor, only the mean moves.

    Args:
        factors: For each factor its values, `(N,)`.
        exits: Exit taken, `(N,)`.

    Raises:
        ValueError: There are no factors.
    """
    if not factors:
        raise ValueError("There are no difficulty factors to show. Use a drawn data set such as 'shapes'.")
    taken = sorted(set(exits.tolist()))
    figure, axes = new_figure(1, len(factors), size=(1.5 * len(factors), 2.6), squeeze=False)
    said = []
    for axis, (name, values) in zip(axes[0], factors.items(), strict=True):
        groups = [np.abs(values[(exits == index).numpy()]) for index in taken]
        axis.boxplot(
            groups,
            tick_labels=[str(index) for index in taken],
            showfliers=False,
            showmeans=True,
            medianprops={"color": "0.0", "linewidth": 2},
            meanprops={"marker": "D", "markerfacecolor": "1.0", "markeredgecolor": "0.0", "markersize": 5},
        )
        axis.set(title=name + UNITS.get(name, ""), xlabel="exit")
        axis.title.set_fontsize(10)
        said.append(f"{name} {', '.join(f'{np.median(group):.2g} ({group.mean():.2g})' for group in groups)}")
    figure.description = (
        f"Medians, and means in brackets, of each factor among the images that left at the exits {taken}: "
        f"{'; '.join(said)}."
    )
    return figure


def depths_by_exit(depths: Tensor, exits: Tensor) -> DescribedFigure:
    """For each exit, which prediction depths the images that left there have: one bar, stacked by depth.

    Args:
        depths: Prediction depth, `(N,)`, from 0 on.
        exits: Exit taken, `(N,)`.
    """
    taken = sorted(set(exits.tolist()))
    deepest = int(depths.max())
    figure, axes = new_figure(1, 1, size=(5.5, 0.5 * len(taken) + 1.2))
    said = []
    for place, index in enumerate(taken):
        shares = np.bincount(depths[exits == index].numpy(), minlength=deepest + 1) / int((exits == index).sum())
        for depth, (left, share) in enumerate(zip(np.cumsum(shares) - shares, shares, strict=True)):
            tone = TONES[depth % len(TONES)]
            axes.barh(place, 100 * share, left=100 * left, color=tone, edgecolor="0.0", linewidth=0.6)
            if share > 0.06:
                ink = "1.0" if float(tone) < 0.5 else "0.0"
                axes.text(100 * (left + share / 2), place, str(depth), ha="center", va="center", color=ink)
        mean = float(depths[exits == index].double().mean())
        said.append(f"exit {index}: {100 * shares[0]:.0f} % at depth 0, mean {mean:.2f}")
    axes.set_yticks(range(len(taken)), [f"exit {index}" for index in taken])
    axes.invert_yaxis()
    axes.set(xlabel="images that left there (%), by prediction depth (the number in the bar)")
    figure.description = f"Prediction depths of the images that left at each exit; {'; '.join(said)}."
    return figure
