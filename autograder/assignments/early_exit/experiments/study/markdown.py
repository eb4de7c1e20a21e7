"""Tables in Markdown, and means over seeds with their 95 % intervals (Student's t)."""

import math
import statistics
from collections.abc import Iterable, Sequence

T_95 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776}  # by degrees of freedom


def table(header: str, rows: Iterable[Sequence[object]]) -> str:
    """Rows of cells below a header such as "run | batch"."""
    titles = [title.strip() for title in header.split("|")]
    lines = (titles, ["---"] * len(titles), *rows)
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in lines)


def mean_of(values: Iterable[float], scale: float = 1.0, places: int = 1) -> str:
    """A mean over seeds with its 95 % interval, as text."""
    values = [scale * value for value in values]
    if not values:
        return ""
    mean = fixed(statistics.mean(values), places)
    if len(values) == 1:
        return mean
    half = T_95[len(values) - 1] * statistics.stdev(values) / math.sqrt(len(values))
    return f"{mean} ± {half:.{places}f}"


def fixed(value: float, places: int) -> str:
    """A number with so many places, and no minus before a zero."""
    return f"{round(value, places) + 0.0:.{places}f}"  # of -0.0 makes 0.0
