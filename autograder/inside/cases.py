"""The table of an assignment's hidden cases, which its cases.py fills, and how a box finds it.

A case takes the notebook's names and random numbers, calls the student's function, and yields named values. It judges
nothing: the same cases run on the solution, and outside the two are compared. A case may yield a second time: values
that explain a mistake, or that tell which results are too close to call. Only the solution's run asks for these. They
are computed after the call, because a function can read its caller's variables. Checks take them from the answer key,
never from a submission.
"""

import importlib
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Functions = dict[str, Any]  # the notebook's names
Values = Iterator[dict[str, Any]]
Case = Callable[[Functions, np.random.Generator], Values]
PACKAGE = "assignment"  # the name under which a box imports the assignment's own folder


class Cases:
    """The hidden cases of one assignment."""

    def __init__(self) -> None:
        self._of: dict[str, dict[str, Case]] = {}

    def __call__(self, task: str, name: str) -> Callable[[Case], Case]:
        """Decorator: enter a function as the case ``name`` of ``task``."""

        def enter(function: Case) -> Case:
            self._of.setdefault(task, {})[name] = function
            return function

        return enter

    def get(self, task: str, name: str) -> Case:
        """One case.

        Raises:
            LookupError: There is none of that name.
        """
        try:
            return self._of[task][name]
        except KeyError:
            has = ", ".join(self._of.get(task, ())) or "none"
            raise LookupError(f"inside/cases.py has no case {name!r} of the task {task}, it has {has}") from None

    def names(self) -> dict[str, tuple[str, ...]]:
        """Task -> its cases."""
        return {task: tuple(cases) for task, cases in self._of.items()}


def load(folder: str) -> Cases:
    """Import the folder ``inside`` of an assignment as the package ``assignment``; what its cases.py calls ``case``.

    Raises:
        ImportError: There is no cases.py, or something that it imports is missing.
    """
    package = types.ModuleType(PACKAGE)
    package.__path__ = [folder]
    sys.modules[PACKAGE] = package
    try:
        found: Cases = importlib.import_module(f"{PACKAGE}.cases").case
    except Exception as error:
        raise ImportError(f"inside/cases.py cannot be imported: {type(error).__name__}: {error}") from error
    return found


def loaded() -> Cases:
    """The cases that :func:`load` found in this process."""
    found: Cases = sys.modules[f"{PACKAGE}.cases"].case
    return found
