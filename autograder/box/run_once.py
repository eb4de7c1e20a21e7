"""Runs one piece of our own code in a new box and gives back what it prints; for the doctor's trials."""

from autograder.box.box import Box
from autograder.box.stream import Broken, Done, NotAMessage
from autograder.box.template import Template
from autograder.config import Settings
from autograder.errors import BoxUnavailable

CELL_S = 120  # for one cell; importing torch takes seconds, many on a loaded machine


def printed_in_a_box(code: str, settings: Settings, template: Template | None = None) -> str:
    """The text that ``code`` prints as a cell of a kernel in a new box.

    Raises:
        BoxUnavailable: The box did not start, or the code took too long.
    """
    with Box(settings, template, bare=True) as box:
        try:
            return printed(box, code, CELL_S)
        except TimeoutError:
            raise BoxUnavailable("Nothing could be run in a box: it took too long.") from None
        except Broken:
            raise BoxUnavailable("Nothing could be run in a box: it ended.") from None


def printed(box: Box, code: str, seconds: float) -> str:
    """The text that ``code`` prints as a cell, without warnings: Python 3.12 and later warn at each fork of a kernel.

    Raises:
        Broken, TimeoutError: As :meth:`autograder.box.stream.Stream.receive`.
    """
    box.send({"at": 0, "source": code, "silent": False, "hidden": False}, seconds)
    said = box.receive(seconds)
    if not isinstance(said, Done):
        raise NotAMessage
    return "".join(str(output["text"]) for output in said.outputs.get(0, ()) if output.get("name") == "stdout")
