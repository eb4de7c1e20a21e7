"""What is printed on a terminal: sentences and tables, with nothing in them that moves its cursor."""

from rich.console import Console
from rich.markup import escape

from autograder.printable import printable

NARROW = 72  # columns of a terminal that has no room for whole tables


class Terminal:
    """The terminal that a command prints on, or what takes its place.

    Attributes:
        console: Takes tables, too.
    """

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """One line."""
        self.console.print(plain(text))


def plain(text: str) -> str:
    """A text as rich takes it, without markup and on one line."""
    return escape(printable(text))
