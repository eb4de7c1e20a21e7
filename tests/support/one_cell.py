"""One cell in a new box."""

from collections.abc import Callable
from typing import Any

import nbformat

from autograder.box.box import Box
from autograder.box.stream import Done
from autograder.config import Settings

CELL_S = 120


def run(settings: Settings, code: str, then: Callable[[Box], Any] = lambda box: None) -> list[Any]:
    """Outputs of one cell in a new box."""
    with Box(settings) as box:
        box.send({"at": 0, "source": code, "silent": False, "hidden": False}, CELL_S)
        done = box.receive(CELL_S)
        assert isinstance(done, Done)
        then(box)
        return [nbformat.from_dict(output) for output in done.outputs[0]]
