"""What a self-check asks of a student's function: it calls it, compares, and says what is wrong in three lines.

Knows nothing of any task.
"""

import copy
import functools
import inspect
import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from course_lib.selfcheck.raised import explain


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
