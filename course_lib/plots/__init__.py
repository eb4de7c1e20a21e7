"""The figures of the notebook: numbers and images in, one matplotlib Figure out.

Every figure can be read in grey: curves differ in dash and marker, bars carry their numbers. Each describes itself
in words. Knows nothing of models, of how its numbers came about, or of grading.
"""

from course_lib.plots.charts import (
    Row,
    depths_by_exit,
    exit_bars,
    factors_by_exit,
    frontier,
    loss_curves,
    sweep,
)
from course_lib.plots.explorer import tolerance_explorer
from course_lib.plots.network import network
from course_lib.plots.pictures import BESIDE, CAPTION, class_grid, factor_rows, gallery, overthinking

__all__ = [
    "BESIDE",
    "CAPTION",
    "Row",
    "class_grid",
    "depths_by_exit",
    "exit_bars",
    "factor_rows",
    "factors_by_exit",
    "frontier",
    "gallery",
    "loss_curves",
    "network",
    "overthinking",
    "sweep",
    "tolerance_explorer",
]
