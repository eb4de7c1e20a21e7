"""Figures made of the images themselves."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course_lib.data import ImageSet
from course_lib.plots.described import UNITS, DescribedFigure, new_figure

CAPTION = 18  # white pixels below an image, for two lines of text
BESIDE = 9  # white pixels to its right where it has a caption, which may be wider than the image
# Inches of a pixel. With captions a figure is still narrower than a page in a window of 1,024 pixels: a figure that is
# made to fit shrinks its letters.
PLAIN, CAPTIONED = 0.019, 0.018


def class_grid(image_set: ImageSet, class_names: Sequence[str], *, columns: int = 10) -> DescribedFigure:
    """The first images of each class, a row for each class.

    Args:
        image_set: Where to take them from.
        class_names: In the order of the labels.
        columns: Images in a row; a class with fewer leaves its row unfinished.
    """
    labels = image_set.labels.numpy()
    rows = [(name, np.flatnonzero(labels == label)[:columns].tolist()) for label, name in enumerate(class_names)]
    figure = _image_rows(image_set, rows)[0]
    figure.description = f"Example images, a row for each class: {', '.join(class_names)}."
    return figure


def factor_rows(image_set: ImageSet, *, label: int, columns: int = 10) -> DescribedFigure:
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
    figure = _image_rows(image_set, rows)[0]
    ranges = "; ".join(name.replace("\n", " ") for name, _ in rows)
    figure.description = (
        f"Images of one class, a row for each factor, from its smallest to its largest value: {ranges}."
    )
    return figure


def gallery(
    image_set: ImageSet,
    class_names: Sequence[str],
    exits: Tensor,
    predictions: Tensor,
    confidence: Tensor,
    *,
    columns: int = 4,
) -> DescribedFigure:
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
    counts = []
    for index in range(int(exits.max()) + 1):
        members = np.flatnonzero((exits == index).numpy())
        members = members[np.argsort(-confidence.numpy()[members], kind="stable")].tolist()
        surest, least_sure = members[:columns], members[columns:][-columns:]
        empty = (2 * columns + 1 - len(surest) - len(least_sure)) * [None]
        rows.append((f"exit {index}", [*surest, *empty, *least_sure]))
        wrong = [int((predictions[part] != image_set.labels[part]).sum()) for part in (surest, least_sure)]
        counts.append(f"exit {index}: {wrong[0]} of the surest wrong, {wrong[1]} of the least sure")
    figure, axes, tile = _image_rows(image_set, rows, captions=True)
    for row, (_, places) in enumerate(rows):
        for column, image in enumerate(places):
            if image is not None:
                label, answer = int(image_set.labels[image]), int(predictions[image])
                caption = class_names[answer] + ("" if answer == label else f"\n({class_names[label]})")
                _caption(axes, tile, row, column, caption)
    for left, title in ((0, "surest at this exit"), (columns + 1, "least sure at this exit")):
        axes.text(left * tile[1], -4, title, ha="left", va="bottom", fontsize=9)
    figure.description = (
        f"For each exit the {columns} images that left there surest and the {columns} least sure, with their answers; "
        f"{'; '.join(counts)}."
    )
    return figure


def overthinking(
    image_set: ImageSet, class_names: Sequence[str], exit_predictions: Tensor, *, columns: int = 7
) -> DescribedFigure:
    """Images that an earlier exit has right and the last one wrong, by the exit that has them right last.

    Below each is that exit's answer, which is the right one, and after the arrow the last exit's.

    Args:
        image_set: N images.
        class_names: In the order of the labels.
        exit_predictions: Class answered at each exit, `(K, N)`, first exit first.
        columns: Images in a row.
    """
    right = exit_predictions == image_set.labels
    places = torch.arange(len(right)).unsqueeze(1)
    last_right = torch.where(right, places, -1).amax(dim=0)  # (N,): -1 where every exit is wrong
    found = [np.flatnonzero((last_right == index).numpy()) for index in range(len(right) - 1)]
    rows = [(f"right until\nexit {index}", members[:columns].tolist()) for index, members in enumerate(found)]
    figure, axes, tile = _image_rows(image_set, rows, captions=True, columns=columns)
    for row, (_, members) in enumerate(rows):
        for column, image in enumerate(members):
            answers = (int(image_set.labels[image]), int(exit_predictions[-1, image]))
            _caption(axes, tile, row, column, "{}\n→ {}".format(*(class_names[answer] for answer in answers)))
    counts = "; ".join(f"{len(members)} right until exit {index}" for index, members in enumerate(found))
    figure.description = f"Images that the last exit gets wrong though an earlier one had them right: {counts}."
    return figure


def _caption(axes: Any, tile: tuple[int, int], row: int, column: int, text: str) -> None:
    down, across = tile
    axes.text(column * across, (row + 1) * down - CAPTION, text, ha="left", va="top", fontsize=9)


def _image_rows(
    image_set: ImageSet,
    rows: Sequence[tuple[str, Sequence[int | None]]],
    *,
    captions: bool = False,
    columns: int = 1,
) -> tuple[DescribedFigure, Any, tuple[int, int]]:
    """Named rows of images as one picture, which draws in a tenth of the time of as many axes.

    Args:
        image_set: Where the images are.
        rows: For each row its name and the places of its images; None leaves a gap.
        captions: Whether there is to be room for a caption below each image.
        columns: Images that there is room for at least.

    Returns:
        The figure, its axes in pixels, and the pixels from one image to the next, down and across.
    """
    size = image_set.images.shape[-1]
    down, across = (size + CAPTION, size + BESIDE) if captions else (size + 2, size + 2)
    columns = max(columns, *(len(members) for _, members in rows))
    canvas = np.ones((len(rows) * down, columns * across), dtype=np.float32)
    for row, (_, members) in enumerate(rows):
        for column, image in enumerate(members):
            if image is not None:
                canvas[row * down :, column * across :][:size, :size] = image_set.images[image, 0]
    inch = CAPTIONED if captions else PLAIN
    figure, axes = new_figure(1, 1, size=(inch * across * columns + 1, inch * down * len(rows) + 0.2))
    axes.imshow(canvas, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_axis_off()
    axes.set_anchor("E")  # the names are on the left
    for row, (name, _) in enumerate(rows):
        axes.text(-4, row * down + size / 2, name, ha="right", va="center", fontsize=9)
    return figure, axes, (down, across)
