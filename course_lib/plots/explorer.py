"""The tolerance explorer: a slider moves the point on the frontier, and lets the images leave.

It is one piece of HTML with everything in it: no kernel, no library of widgets, nothing from the network. So it works
in JupyterLab, on Colab, in VS Code and on a saved page. Where scripts are off, a still picture remains.
"""

import base64
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from course_lib.data import ImageSet
from course_lib.plots.described import STYLES, DescribedFigure, new_figure

PAGE = Path(__file__).with_name("explorer.html")


def tolerance_explorer(
    image_set: ImageSet,
    exits_at: Mapping[float, Tensor],
    exit_predictions: Tensor,
    exit_macs: Sequence[int],
    *,
    start: float,
    shown: int = 60,
) -> DescribedFigure:
    """Accuracy and cost of each image leaving for itself, at any of the tolerances.

    Args:
        image_set: N images.
        exits_at: For each tolerance in nats the exits taken, `(N,)`.
        exit_predictions: Class answered at each exit, `(K, N)`, first exit first.
        exit_macs: MACs of one image on its way to each exit.
        start: The tolerance to begin with; the nearest is taken.
        shown: Images that are seen leaving.
    """
    tolerances = sorted(exits_at)
    places = torch.arange(len(image_set.labels))
    right = exit_predictions == image_set.labels  # (K, N)
    exits = torch.stack([exits_at[tolerance] for tolerance in tolerances])  # (T, N)
    accuracy = [float(right[row, places].double().mean()) for row in exits]
    share = [float(torch.tensor(exit_macs)[row].double().mean() / exit_macs[-1]) for row in exits]
    counts = [torch.bincount(row, minlength=len(exit_macs)).tolist() for row in exits]
    first = int(np.abs(np.array(tolerances) - start).argmin())
    few = min(shown, len(places))
    data = {
        "tolerances": tolerances,
        "accuracy": [round(value, 4) for value in accuracy],
        "share": [round(value, 4) for value in share],
        "counts": counts,
        "exits": ["".join(map(str, column)) for column in exits[:, :few].T.tolist()],
        "right": ["".join(str(int(one)) for one in column) for column in right[:, :few].T.tolist()],
        "start": first,
    }
    figure = _still(image_set, exits[first, :few], accuracy, share, first)
    figure.description = (
        "Accuracy against MACs as the tolerance changes: "
        f"{100 * accuracy[0]:.1f} % right with {share[0]:.0%} of the MACs at tolerance {tolerances[0]:.2f}, "
        f"{100 * accuracy[-1]:.1f} % with {share[-1]:.0%} at {tolerances[-1]:.2f}. "
        f"Shown is tolerance {tolerances[first]:.2f}: {100 * accuracy[first]:.1f} % with {share[first]:.0%}; "
        f"{', '.join(f'{count} images leave at exit {index}' for index, count in enumerate(counts[first]))}."
    )
    text = json.dumps(data, separators=(",", ":"))
    page = PAGE.read_text(encoding="utf-8").replace("@COUNT@", f"{len(places):,}").replace("@DATA@", text)
    page = page.replace("@SPRITE@", _sprite(image_set, few))
    figure.interactive = page.replace("@KEY@", hashlib.sha256(page.encode()).hexdigest()[:12])
    return figure


def _sprite(image_set: ImageSet, few: int) -> str:
    """The images side by side as the address of a picture."""
    strip = np.concatenate(list(image_set.images[:few, 0].numpy()), axis=1)
    picture = io.BytesIO()
    Image.fromarray((255 * strip).round().astype(np.uint8)).save(picture, format="png")
    return "data:image/png;base64," + base64.b64encode(picture.getvalue()).decode()


def _still(
    image_set: ImageSet, exits: Tensor, accuracy: Sequence[float], share: Sequence[float], place: int
) -> DescribedFigure:
    figure, (above, below) = new_figure(2, 1, size=(7, 6), height_ratios=(1, 1.1))
    above.plot(100 * np.array(share), 100 * np.array(accuracy), **STYLES[1])
    above.plot([100 * share[place]], [100 * accuracy[place]], marker="o", markersize=12, color="0.0")
    above.set(xlabel="MACs (% of the full network)", ylabel="accuracy (%)")
    across, size = 5, image_set.images.shape[-1] + 2
    groups = [torch.nonzero(exits == index).flatten().tolist() for index in range(4)]
    rows = max(1, *(-(-len(group) // across) for group in groups))
    canvas = np.ones((rows * size, 4 * (across + 1) * size), dtype=np.float32)
    for index, group in enumerate(groups):
        for number, image in enumerate(group):
            left = (index * (across + 1) + number % across) * size
            canvas[number // across * size :, left:][: size - 2, : size - 2] = image_set.images[image, 0]
        below.text(index * (across + 1) * size, -6, f"exit {index}", ha="left", va="bottom", fontsize=10)
    below.imshow(canvas, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    below.set_axis_off()
    return figure
