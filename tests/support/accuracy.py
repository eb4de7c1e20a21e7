"""Shares with their intervals, and tables of them: how often the grader was right, and how sure that is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

Z = 1.959964  # of a 95 % interval


@dataclass(frozen=True)
class Share:
    """How many of how many."""

    hits: int
    count: int

    @classmethod
    def of(cls, flags: Iterable[bool]) -> "Share":
        """The share of the flags that are true."""
        flags = list(flags)
        return cls(sum(flags), len(flags))

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % score interval (Wilson 1927); from 0 to 1 where nothing was counted."""
        if not self.count:
            return 0.0, 1.0
        n, p = self.count, self.hits / self.count
        middle = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
        half = Z / (1 + Z * Z / n) * sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
        return max(0.0, middle - half), min(1.0, middle + half)

    def __str__(self) -> str:
        low, high = (f"{100 * bound:.1f}" for bound in self.interval)
        return f"{self.hits} of {self.count} ({low} to {high} %)" if self.count else "none"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table of Markdown that also reads well in a terminal."""
    lines = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )
