"""The self-checks that there are: how one is made, run and asked again, and what it called the function with last.

Knows nothing of any task.
"""

import contextlib
import copy
import functools
import io
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from course_lib.ready import RIGHT
from course_lib.selfcheck.raised import fold_away
from course_lib.selfcheck.student import SelfCheckFailure, Student, describe, last_calls

asked: dict[str, Callable[[Any], Student]] = {}  # task -> its self-check, without a word said


def self_check(arguments: str) -> Callable[[Callable[[Student], None]], Callable[[Any], None]]:
    """Make `check_<task>(function)` out of a function of that name that asks a `Student` things.

    It says in one line that all was well, or raises. The random states of Python, NumPy and torch are left as
    they were found.

    Args:
        arguments: Those of the student's function, as the notebook writes them.
    """

    def decorate(check: Callable[[Student], None]) -> Callable[[Any], None]:
        task = check.__name__.removeprefix("check_")

        def ask(function: Any) -> Student:
            student = Student(task, arguments, function)
            last_calls.pop(task, None)
            try:
                with _random_states_kept(), torch.enable_grad():
                    torch.manual_seed(0)
                    check(student)
                    hint = "torch.set_grad_enabled(False) stays in force and stops all training: with torch.no_grad()"
                    on = torch.is_grad_enabled()
                    student.require(on, "gradients on again after the call", "they are off", hint=hint)
            except SelfCheckFailure as failure:
                failure.task = task
                raise
            return student

        @functools.wraps(check)
        def run(function: Any) -> None:
            try:
                student = ask(function)
            except SelfCheckFailure as failure:
                if isinstance(failure.__cause__, Exception):
                    fold_away(failure.__cause__)
                raise
            print(f"{task}: looks right ({student.passed} checks)")

        asked[task] = ask

        return run

    return decorate


@contextlib.contextmanager
def _random_states_kept() -> Iterator[None]:
    python_state, numpy_state = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)


class Inputs(tuple[Any, ...]):
    """What a self-check called a function with last; shown as a description, used as the arguments.

    Attributes:
        text: The description.
    """

    text: str

    def __repr__(self) -> str:
        return self.text


def show(task: str) -> Inputs:
    """What the self-check of a task called the function with last, to call it again: `f(*selfcheck.show("f"))`.

    After a self-check that failed these are the inputs at which it failed. The arguments are copies. Where it has not
    run yet it runs now, silently: a grader runs a student's cells and no self-check.

    Args:
        task: The name of the function.

    Raises:
        ValueError: There is no such task, or its function is not defined yet.
    """
    function = getattr(sys.modules["__main__"], task, None)
    if task not in last_calls and task in asked and function is not None:
        says(task, function)
    if task not in last_calls:
        raise ValueError(f"The self-check of {task!r} has not called it yet. Run the cell with its self-check first.")
    signature, arguments = last_calls[task]
    inputs = Inputs(copy.deepcopy(arguments))
    names = signature[signature.index("(") + 1 : -1].split(", ")
    inputs.text = "\n".join(
        [f"the last call was {signature} with"]
        + [f"  {name} = {shown(value)}" for name, value in zip(names, arguments, strict=True)]
    )
    return inputs


def shown(value: Any) -> str:
    """A value in full if it is small, else what it is."""
    if isinstance(value, DataLoader):
        batches = [shown(labels) for _, labels in value]
        return f"a loader of {len(batches)} batches, with the labels {'; '.join(batches)}"
    if isinstance(value, Tensor) and value.numel() <= 64:
        return str([[round(x, 4) for x in row] for row in value.tolist()] if value.ndim == 2 else value.tolist())
    if isinstance(value, list | tuple):
        apart = ",\n    " if any(isinstance(item, Tensor) for item in value) else ", "
        return f"[{apart.join(shown(item) for item in value)}]"
    if isinstance(value, nn.Module):
        return f"an {type(value).__name__}"
    return describe(value) if isinstance(value, Tensor) else repr(value)


def says(task: str, function: Any) -> str:
    """What the self-check of a task says of a function, in one line."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            asked[task](function)
    except SelfCheckFailure as failure:
        return "not yet: " + str(failure).rpartition("hint:")[2].strip()
    return RIGHT
