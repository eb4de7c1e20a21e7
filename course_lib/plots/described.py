"""A figure that says in words what it shows, for readers who do not see it, and for pages that lost the picture."""

import base64
import html
import io
import sys
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

DPI = 90  # sharp enough on a slide, and 20 kB a picture
UNITS = {"size": " (pixels)", "rotation": " (degrees)"}  # of the difficulty factors; the others have none

# One style for each curve of a figure. The greys differ, and so do dash and marker where they do not.
STYLES: tuple[dict[str, Any], ...] = (
    {"color": "0.0", "linestyle": "-", "marker": "o"},
    {"color": "0.45", "linestyle": "--", "marker": "s"},
    {"color": "0.65", "linestyle": "-.", "marker": "^"},
)


class DescribedFigure(Figure):
    """A matplotlib figure with a description.

    Attributes:
        description: What is to be seen, in a sentence or two. A notebook keeps it as the picture's alternative text
            and as its plain text.
        interactive: HTML that stands in for the picture where scripts run.
    """

    description = ""
    interactive = ""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, str], dict[str, Any]]:
        # IPython asks for this before it would draw the figure itself, which leaves no room for a description.
        # The picture is there twice: JupyterLab and nbconvert show an alternative text only if it is in HTML, and
        # nbgrader's pages and GitHub show the picture alone.
        drawn, picture = io.BytesIO(), io.BytesIO()
        self.savefig(drawn, format="png", dpi=DPI)
        Image.open(drawn).convert("L").save(picture, format="png", optimize=True)  # our figures are grey: half the size
        png = base64.b64encode(picture.getvalue()).decode()
        alt = html.escape(self.description)
        shown = f'<img alt="{alt}" src="data:image/png;base64,{png}" style="max-width: 100%; background: white">'
        data = {"text/plain": self.description, "text/html": shown + self.interactive, "image/png": png}
        return data, {"image/png": {"alt": self.description}}


def new_figure(rows: int, columns: int, *, size: tuple[float, float], **settings: Any) -> tuple[DescribedFigure, Any]:
    """A figure of ``rows`` by ``columns`` axes that pyplot does not hold, ``size`` inches wide and high."""
    figure, axes = plt.subplots(
        rows, columns, figsize=size, layout="constrained", FigureClass=DescribedFigure, **settings
    )
    plt.close(figure)  # a notebook would show a figure twice: once as a result, once because it is open
    _drawn_once()
    if rows * columns <= 2:
        for axis in np.ravel(axes):
            axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _drawn_once() -> None:
    """Keep the inline backend from drawing our figures again: of what we give, it would replace the picture."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is not None:
        shell.display_formatter.formatters["image/png"].for_type(DescribedFigure, lambda _: None)
