"""How a self-check talks with a student: it calls the function, compares, and says what is wrong in three lines.

Knows nothing of any task.
"""

import contextlib
import copy
import functools
import inspect
import io
import math
import random
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from course_lib.ready import RIGHT
from course_lib.selfcheck.raised import explain, fold_away


class SelfCheckFailure(AssertionError):
    """A student's function did not do what its task asks for.

    Args:
        expected: What should have come back.
        found: What came back.
        hint: Where to look.
    """

    task = ""  # set where it is known

    def __init__(self, expected: str, found: str, hint: str) -> None:
        found = " ".join(found.split())  # on one line: a tensor's rows have one each
        super().__init__(f"expected: {expected}\nfound:    {found}\nhint:     {hint}")

    def _render_traceback_(self) -> list[str]:
        # IPython asks for this: the three lines say it all, the frames of the check would only hide them.
        again = f'\n\nThe inputs: selfcheck.show("{self.task}")' if self.task in last_calls else ""
        return [f"SelfCheckFailure\n{_wrapped(str(self))}{again}"]


def _wrapped(text: str) -> str:
    """Lines that fit a narrow window of JupyterLab, which would cut words in two."""
    fill = functools.partial(textwrap.fill, width=68, subsequent_indent=" " * 10, break_long_words=False)
    return "\n".join(map(fill, text.splitlines()))


class RaisedInStudentCode(SelfCheckFailure):
    """A student's function raised an exception; the text is that of `raised.explain`."""

    def __init__(self, text: str) -> None:
        AssertionError.__init__(self, text)


class Inputs(tuple[Any, ...]):
    """What a self-check called a function with last; shown as a description, used as the arguments.

    Attributes:
        text: The description.
    """

    text: str

    def __repr__(self) -> str:
        return self.text


asked: dict[str, Callable[[Any], "Student"]] = {}  # task -> its self-check, without a word said
last_calls: dict[str, tuple[str, tuple[Any, ...]]] = {}  # task -> its signature, and copies of the last arguments


class Student:
    """The student's function, and what is asked of it.

    Attributes:
        passed: How many questions were answered well so far.
    """

    def __init__(self, task: str, arguments: str, function: Any) -> None:
        self.task = task
        self.signature = f"{task}({arguments})"
        self.function = function
        self.passed = 0

    def call(self, *arguments: Any, hint: str = "") -> Any:
        """Call the function.

        Args:
            hint: What to say if it raises or returns nothing; "" for what the error suggests.

        Raises:
            SelfCheckFailure: It is no function, takes other arguments, raises, returns nothing, or still returns
                `...`.
        """
        if not callable(self.function):
            what = "run the cell that defines it, and hand over the function itself, not a result of it"
            raise SelfCheckFailure(f"the function {self.signature}", describe(self.function), what)
        if not _takes(self.function, arguments):
            found = f"{self.task}{inspect.signature(self.function)}"
            raise SelfCheckFailure(self.signature, found, "keep the arguments of the first line as they were")
        last_calls[self.task] = self.signature, copy.deepcopy(arguments)
        try:
            result = self.function(*arguments)
        except Exception as error:
            raise RaisedInStudentCode(explain(error, self.function, hint)) from error
        if _unfinished(result):
            what = "fill in the TODO, or that of a function it calls"
            raise SelfCheckFailure("a result", "it still returns ...", what)
        if result is None:
            what = hint or "does every way through the function end in a return?"
            raise SelfCheckFailure("a result", "None", what)
        return result

    def call_for(self, names: str, *arguments: Any, hint: str = "") -> tuple[Any, ...]:
        """Call the function for several results, named as in `"outputs, loss"`.

        Raises:
            SelfCheckFailure: As `call`, or it does not return that many.
        """
        result = self.call(*arguments, hint=hint)
        count = len(names.split(", "))
        if not isinstance(result, tuple | list) or len(result) != count:
            expected = f"{count} results: {names}"
            raise SelfCheckFailure(expected, describe(result), "keep the return line as it was")
        return tuple(result)

    def require(self, holds: bool, expected: str, found: str, *, hint: str) -> None:
        """Count what holds; end the self-check at what does not.

        Raises:
            SelfCheckFailure: `holds` is false.
        """
        if not holds:
            raise SelfCheckFailure(expected, found, hint)
        self.passed += 1

    def same_number(self, found: Any, right: float, meaning: str, *, hint: str) -> None:
        """Require one number, as `close` compares, described as in `"accuracy at tolerance 0"`."""
        self.require(close(found, right), f"{right:.6g} {meaning}", describe(found), hint=hint)

    def same_list(self, found: Sequence[Any], right: Sequence[Any], meaning: str, *, hint: str) -> None:
        """Require the same items in the same order."""
        self.require(list(found) == list(right), f"{list(right)} {meaning}", f"{list(found)}", hint=hint)


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


def number(value: Any) -> float | None:
    """One number as a float, be it Python's, NumPy's or a tensor; None for anything else."""
    if isinstance(value, Tensor):
        value = value.detach()  # torch warns where a number is taken from a tensor that still has a gradient
    try:
        return None if isinstance(value, str | bytes) else float(value)
    except (TypeError, ValueError, RuntimeError):
        return None


def close(value: Any, right: float) -> bool:
    """One number within 1e-4, relative or absolute: float32 sums of a few terms. NaN is close to nothing."""
    found = number(value)
    return found is not None and math.isclose(found, right, rel_tol=1e-4, abs_tol=1e-4)


def recognised(found: Any, mistakes: Sequence[tuple[float, str]], otherwise: str) -> str:
    """The hint of the first known mistake that leads to the number found, else the other one."""
    return next((hint for value, hint in mistakes if close(found, value)), otherwise)


def describe(value: Any) -> str:
    """What a value is, in a few words."""
    if isinstance(value, Tensor):
        if value.ndim == 0:
            return f"a tensor with the number {value.item():.6g}"
        return f"a tensor of shape {tuple(value.shape)}, {value.dtype}"
    text = f"{value:,}" if isinstance(value, int) else f"{value:.6g}" if isinstance(value, float) else repr(value)
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({type(value).__name__})"


def _takes(function: Callable[..., Any], arguments: Sequence[Any]) -> bool:
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError:
        return False
    return True


def _unfinished(value: Any) -> bool:
    """Whether a `...` of the released notebook is still in there."""
    if isinstance(value, Mapping):
        return any(_unfinished(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(_unfinished(item) for item in value)
    return value is ...


@contextlib.contextmanager
def _random_states_kept() -> Iterator[None]:
    python_state, numpy_state = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
