"""The figures of the notebook: numbers and images in, one matplotlib Figure out.

Every figure can be read in grey: curves differ in dash and marker, bars carry their numbers. Knows nothing of
models, of how its numbers came about, or of grading.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from course_lib.data import ImageSet

Row = tuple[float, float, int]  # tolerance in nats, accuracy in [0, 1], MACs in total: one row of a sweep

CAPTION = 14  # white pixels below an image, for two lines of text
UNITS = {"size": " (pixels)", "rotation": " (degrees)"}  # of the difficulty factors; the others have none

# One style for each curve of a figure. The greys differ, and so do dash and marker where they do not.
STYLES: tuple[dict[str, Any], ...] = (
    {"color": "0.0", "linestyle": "-", "marker": "o"},
    {"color": "0.45", "linestyle": "--", "marker": "s"},
    {"color": "0.65", "linestyle": "-.", "marker": "^"},
)


def class_grid(image_set: ImageSet, class_names: Sequence[str], *, columns: int = 10) -> Figure:
    """The first images of each class, a row for each class.

    Args:
        image_set: Where to take them from.
        class_names: In the order of the labels.
        columns: Images in a row; a class with fewer leaves its row unfinished.
    """
    labels = image_set.labels.numpy()
    rows = [(name, np.flatnonzero(labels == label)[:columns].tolist()) for label, name in enumerate(class_names)]
    return _image_rows(image_set, rows)[0]


def factor_rows(image_set: ImageSet, *, label: int, columns: int = 10) -> Figure:
    """Images of one class, a row for each difficulty factor, from small on the left to large on the right.

    Factors are compared by magnitude: a turn to the left is as large as one to the right.

    Args:
        image_set: One whose factors are known.
        label: The class.
        columns: Images in a row, at equal steps of rank.

    Raises:
        ValueError: The image set has no factors.
    """
    if not image_set.factors:
        raise ValueError("There are no difficulty factors to show. Use a drawn data set such as 'shapes'.")
    members = np.flatnonzero(image_set.labels.numpy() == label)
    steps = np.linspace(0, len(members) - 1, columns).astype(int)
    rows = []
    for name, signed in image_set.factors.items():
        values = np.abs(signed)
        chosen = members[np.argsort(values[members], kind="stable")][steps]
        ends = " to ".join(f"{round(values[image], 2):.3g}" for image in (chosen[0], chosen[-1]))
        rows.append((f"{name}{UNITS.get(name, '')}\n{ends}", chosen.tolist()))
    return _image_rows(image_set, rows)[0]


def loss_curves(curves: Mapping[str, Sequence[float]], *, at_start: Mapping[str, float] | None = None) -> Figure:
    """Training losses by step, smoothed, with the loss that an untrained network should have.

    Args:
        curves: For each name the loss of every training step, in nats.
        at_start: For some of the names the loss to expect before training; drawn as a dotted line.
    """
    figure, axes = _figure(1, 1, size=(6, 3.2))
    for (name, losses), style in zip(curves.items(), STYLES, strict=False):
        window = max(1, len(losses) // 40)
        smooth = np.convolve(losses, np.full(window, 1 / window), mode="valid")
        axes.plot(np.arange(len(smooth)) + window, smooth, label=name, **{**style, "marker": ""})
        if at_start and name in at_start:
            axes.axhline(at_start[name], color=style["color"], linestyle=":", linewidth=1)
            axes.text(len(losses) / 2, at_start[name], "a guess", va="bottom", color=style["color"])
    axes.set(xlabel="training step", ylabel="loss (nats)", ylim=(0, None))
    axes.legend(frameon=False)
    return figure


def exit_bars(counts: Mapping[int, int], *, unit: str) -> Figure:
    """How many left at which exit.

    Args:
        counts: Exit index to a number of batches or images.
        unit: What was counted, such as "batches".
    """
    figure, axes = _figure(1, 1, size=(4.5, 2.6))
    names = [f"exit {index}" for index in counts]
    bars = axes.bar(names, list(counts.values()), color="0.6", edgecolor="0.0")
    axes.bar_label(bars)
    axes.set(ylabel=unit)
    axes.margins(y=0.15)
    return figure


def sweep(rows: Sequence[Row], *, target: float, images: int) -> Figure:
    """Accuracy and cost against the tolerance, one above the other.

    Args:
        rows: `(tolerance, accuracy, total_macs)`.
        target: The accuracy wanted, in [0, 1]; drawn as a line.
        images: How many images the totals are for.
    """
    tolerances, accuracies, macs = np.array(sorted(rows), dtype=float).T
    figure, (above, below) = _figure(2, 1, size=(6, 4.2), sharex=True)
    above.plot(tolerances, 100 * accuracies, **STYLES[0])
    above.axhline(100 * target, color="0.5", linestyle=":")
    above.annotate("target", (tolerances[-1], 100 * target), ha="right", va="bottom", color="0.4")
    above.set(ylabel="accuracy (%)")
    below.plot(tolerances, macs / images / 1e6, **STYLES[0])
    below.set(xlabel="entropy tolerance (nats)", ylabel="million MACs per image", ylim=(0, None))
    return figure


def frontier(curves: Mapping[str, Sequence[Row]], *, full_macs: int) -> Figure:
    """Accuracy against cost: further up and further left is better.

    Args:
        curves: For each rule its rows `(tolerance, accuracy, total_macs)`.
        full_macs: The MACs of running every image to the end, for the same images.
    """
    figure, axes = _figure(1, 1, size=(6, 3.8))
    for (name, rows), style in zip(curves.items(), STYLES, strict=False):
        points = sorted((100 * macs / full_macs, 100 * accuracy) for _, accuracy, macs in rows)
        axes.plot(*zip(*points, strict=True), label=name, markersize=5, **style)
    axes.set(xlabel="MACs (% of the full network)", ylabel="accuracy (%)")
    axes.legend(frameon=False, loc="lower right")
    return figure


def gallery(
    image_set: ImageSet,
    class_names: Sequence[str],
    exits: Tensor,
    predictions: Tensor,
    confidence: Tensor,
    *,
    columns: int = 5,
) -> Figure:
    """For each exit the images that left there most and least sure, with the answer they got.

    Wrong answers are followed by the right one in brackets.

    Args:
        image_set: N images.
        class_names: In the order of the labels.
        exits: Exit taken, `(N,)`.
        predictions: Class answered, `(N,)`.
        confidence: Probability of that class, `(N,)`.
        columns: Images on each side.
    """
    rows: list[tuple[str, list[int | None]]] = []
    for index in range(int(exits.max()) + 1):
        members = np.flatnonzero((exits == index).numpy())
        members = members[np.argsort(-confidence.numpy()[members], kind="stable")].tolist()
        surest, least_sure = members[:columns], members[columns:][-columns:]
        empty = (2 * columns + 1 - len(surest) - len(least_sure)) * [None]
        rows.append((f"exit {index}", [*surest, *empty, *least_sure]))
    figure, axes, tile = _image_rows(image_set, rows, margin=CAPTION)
    for row, (_, places) in enumerate(rows):
        for column, image in enumerate(places):
            if image is not None:
                label, answer = int(image_set.labels[image]), int(predictions[image])
                caption = class_names[answer] + ("" if answer == label else f"\n({class_names[label]})")
                left, top = column * tile, (row + 1) * tile - CAPTION
                axes.text(left, top, caption, ha="left", va="top", fontsize=6)
    for left, title in ((0, "surest at this exit"), (columns + 1, "least sure at this exit")):
        axes.text(left * tile, -4, title, ha="left", va="bottom", fontsize=9)
    return figure


def factors_by_exit(factors: Mapping[str, np.ndarray], exits: Tensor) -> Figure:
    """The spread of each difficulty factor's magnitude among the images that left at each exit.

    A box holds the middle half of the images, the line in it is the median.

    Args:
        factors: For each factor its values, `(N,)`.
        exits: Exit taken, `(N,)`.

    Raises:
        ValueError: There are no factors.
    """
    if not factors:
        raise ValueError("There are no difficulty factors to show. Use a drawn data set such as 'shapes'.")
    taken = sorted(set(exits.tolist()))
    figure, axes = _figure(1, len(factors), size=(2.1 * len(factors), 2.8), squeeze=False)
    for axis, (name, values) in zip(axes[0], factors.items(), strict=True):
        groups = [np.abs(values[(exits == index).numpy()]) for index in taken]
        axis.boxplot(
            groups,
            tick_labels=[str(index) for index in taken],
            showfliers=False,
            medianprops={"color": "0.0", "linewidth": 2},
        )
        axis.set(title=name + UNITS.get(name, ""), xlabel="exit")
        axis.title.set_fontsize(10)
    return figure


# --- what the figures have in common ---


def _figure(rows: int, columns: int, *, size: tuple[float, float], **settings: Any) -> tuple[Figure, Any]:
    figure, axes = plt.subplots(rows, columns, figsize=size, layout="constrained", **settings)
    plt.close(figure)  # a notebook would show a figure twice: once as a result, once because it is open
    if rows * columns <= 2:
        for axis in np.ravel(axes):
            axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _image_rows(
    image_set: ImageSet, rows: Sequence[tuple[str, Sequence[int | None]]], *, margin: int = 2
) -> tuple[Figure, Any, int]:
    """Named rows of images as one picture, which draws in a tenth of the time of as many axes.

    Args:
        image_set: Where the images are.
        rows: For each row its name and the places of its images; None leaves a gap.
        margin: White pixels to the right of and below each image.

    Returns:
        The figure, its axes in pixels, and the pixels from one image to the next.
    """
    size = image_set.images.shape[-1]
    tile = size + margin
    columns = max(len(members) for _, members in rows)
    canvas = np.ones((len(rows) * tile, columns * tile), dtype=np.float32)
    for row, (_, members) in enumerate(rows):
        for column, image in enumerate(members):
            if image is not None:
                canvas[row * tile :, column * tile :][:size, :size] = image_set.images[image, 0]
    figure, axes = _figure(1, 1, size=(0.019 * tile * columns + 1, 0.019 * tile * len(rows) + 0.2))
    axes.imshow(canvas, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_axis_off()
    for row, (name, _) in enumerate(rows):
        axes.text(-4, row * tile + size / 2, name, ha="right", va="center", fontsize=9)
    return figure, axes, tile
