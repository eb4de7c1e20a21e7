"""Reads what came out of a box: strict, bounded, without pickle. The other half is ``autograder.inside.encode``.

Every byte was written next to student code, so every field is checked for its type and its range before it is used. The
judge never imports, unpickles or evaluates anything that came from a submission. If tests and student code shared a
process, the student's code could patch the tests; that is how nbgrader and otter are beaten.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.errors import EvidenceError
from autograder.judge.check import Failure
from autograder.printable import printable_lines

DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64")
MAX_DEPTH = 8
MAX_DIMENSIONS = 8
MAX_PAIRS = 10_000  # of a mapping, as encode.py gives them
MAX_KEY = 2**53  # larger numbers can be chosen so that all of them share a hash
MAX_CONTAINERS = 200_000  # each takes some 100 bytes once read
OF_NAMES = "Use only what the function is given; a name from another cell may hold something else."
# Of any assignment: what an error says, and what to look at then.
RAISED_ANYWHERE = (("NameError", OF_NAMES), ("UnboundLocalError", OF_NAMES), ("not callable", OF_NAMES))
RAISED_OTHERWISE = (
    "Call the function yourself in a cell: Python names the line. Print what that line works on, and its shape."
)


@dataclass(frozen=True)
class Array:
    """A tensor or a NumPy array.

    Attributes:
        tensor: Whether it was a torch tensor.
        grad: Whether it required gradients.
    """

    values: np.ndarray
    tensor: bool
    grad: bool


@dataclass(frozen=True)
class Other:
    """A value of a type that the evidence does not carry."""

    type_name: str


@dataclass(frozen=True)
class Observation:
    """One hidden case.

    Attributes:
        values: Name -> None, bool, int, float, str, list, tuple, dict, Array or Other; empty when the call raised.
        error: What the call raised, as text; "" when it returned.
    """

    values: Mapping[str, Any]
    error: str = ""


class Evidence:
    """The observed cases of one task.

    Args:
        task: Whose function was called.
        observations: Case -> observation; None for a case that was called and never seen to return.
        silence: What to tell the student where a case is missing.
        raised: (sign, hint) pairs: what an error says, and what to look at then.
    """

    def __init__(
        self,
        task: str,
        observations: Mapping[str, Observation | None],
        silence: str = "",
        raised: Iterable[tuple[str, str]] = (),
    ) -> None:
        self._task = task
        self._observations = observations
        self._silence = silence
        self._raised = (*RAISED_ANYWHERE, *raised)

    def values(self, case: str, raised: str = RAISED_OTHERWISE) -> Mapping[str, Any]:
        """The values that the case wrote down.

        Args:
            case: Its name.
            raised: The hint where the call raised an error that no sign explains.

        Raises:
            Failure: The call raised, was stopped, or left nothing.
            LookupError: The assignment lists no such case of the task.
        """
        if case not in self._observations:
            listed = ", ".join(self._observations)
            raise LookupError(f"assignment.toml lists no case {case!r} of {self._task} under [cases], only {listed}")
        observation = self._observations[case]
        if observation is None:
            raise Failure(self._silence or "The function was never seen to return.", "Does the cell run on its own?")
        if observation.error:
            hint = next((hint for sign, hint in self._raised if sign in observation.error), raised)
            raise Failure(f"Called on inputs of the right form, it raised {observation.error.rstrip('.')}.", hint)
        return observation.values


def evidence_by_task(
    cases: Iterable[tuple[str, str]],
    texts: Mapping[tuple[str, str], str],
    raised: Iterable[tuple[str, str]] = (),
    silences: Mapping[str, str] | None = None,
) -> dict[str, Evidence]:
    """Task -> its evidence; a text that is not well-formed counts as not given.

    Args:
        cases: (task, case) pairs that were called.
        texts: (task, case) -> what the box emitted.
        raised: As :class:`Evidence` takes it.
        silences: Task -> what to say where a case is missing.
    """
    observations: dict[str, dict[str, Observation | None]] = {}
    for task, case in cases:
        of_task = observations.setdefault(task, {})
        of_task[case] = None
        if (task, case) in texts:
            try:
                of_task[case] = read_observation(texts[task, case], task, case)
            except EvidenceError:
                continue  # fail closed: malformed evidence is no evidence
    said = silences or {}
    return {task: Evidence(task, of_task, said.get(task, ""), raised) for task, of_task in observations.items()}


def read_observation(text: str, task: str, case: str) -> Observation:
    """The observation in ``text``, which must be of this task and case.

    Raises:
        EvidenceError: It is not what :func:`autograder.inside.observe.observe` emits.
    """
    if text.count("[") + text.count("{") > MAX_CONTAINERS:
        raise EvidenceError(f"the evidence of {task}/{case} holds too many lists and objects")
    try:
        record = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise EvidenceError(f"the evidence of {task}/{case} is not JSON") from None
    if not isinstance(record, dict) or record.get("task") != task or record.get("case") != case:
        raise EvidenceError(f"the evidence of {task}/{case} is of another call")
    error = record.get("error", "")
    values = record.get("values", {})
    if not isinstance(error, str) or not isinstance(values, dict) or (not error and not values):
        raise EvidenceError(f"the evidence of {task}/{case} holds neither values nor an error")
    return Observation(
        {printable_lines(name): _decode(value, 0) for name, value in values.items()}, printable_lines(error)[:2000]
    )


def _refuse(token: str) -> None:
    raise ValueError(token)


def _decode(node: object, depth: int) -> Any:
    if not isinstance(node, dict) or depth > MAX_DEPTH:
        raise EvidenceError("a value of the evidence is malformed")
    kind, value = node.get("t"), node.get("v")
    if kind == "plain" and (value is None or isinstance(value, bool | str)):
        return printable_lines(value) if isinstance(value, str) else value
    if kind == "other" and isinstance(value, str):
        return Other(printable_lines(value)[:200])
    if kind == "int" and isinstance(value, str) and len(value) <= 60:
        return _parsed(int, value)
    if kind == "float" and isinstance(value, str) and len(value) <= 60:
        return _parsed(float.fromhex, value)
    if kind in ("list", "tuple") and isinstance(value, list):
        items = [_decode(item, depth + 1) for item in value]
        return tuple(items) if kind == "tuple" else items
    if kind == "dict" and isinstance(value, list):
        if len(value) > MAX_PAIRS:
            raise EvidenceError("a mapping of the evidence is malformed")
        return dict(_pair(pair, depth + 1) for pair in value)
    if kind in ("tensor", "array"):
        return _array(node)
    raise EvidenceError("a value of the evidence is of an unknown kind")


def _parsed(parse: Any, text: str) -> Any:
    try:
        return parse(text)
    except (ValueError, OverflowError):
        raise EvidenceError("a number of the evidence cannot be read") from None


def _pair(pair: object, depth: int) -> tuple[Any, Any]:
    if not isinstance(pair, list) or len(pair) != 2:
        raise EvidenceError("a mapping of the evidence is malformed")
    key = _decode(pair[0], depth)
    if isinstance(key, Array) and key.values.ndim == 0:
        key = key.values.item()
    if not isinstance(key, str | int | float | bool | None):
        raise EvidenceError("a key of the evidence is neither a number nor text")
    if isinstance(key, int | float) and not -MAX_KEY < key < MAX_KEY:
        raise EvidenceError("a key of the evidence is a number too large to count anything")
    return key, _decode(pair[1], depth)


def _array(node: dict[str, Any]) -> Array:
    dtype, shape, data = node.get("dtype"), node.get("shape"), node.get("data")
    if dtype not in DTYPES or not isinstance(data, str) or not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS:
        raise EvidenceError("an array of the evidence is malformed")
    if not all(type(size) is int and 0 <= size < 2**31 for size in shape):
        raise EvidenceError("an array of the evidence has an impossible shape")
    try:
        raw = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise EvidenceError("the bytes of an array cannot be read") from None
    count = 1
    for size in shape:
        count *= size
    if len(raw) != count * np.dtype(dtype).itemsize:
        raise EvidenceError("an array of the evidence has more or fewer bytes than its shape")
    try:
        values = np.frombuffer(raw, dtype="uint8" if dtype == "bool" else dtype).reshape(shape)
    except ValueError:
        raise EvidenceError("an array of the evidence has an impossible shape") from None
    if dtype == "bool":
        values = values != 0
    return Array(values, tensor=node.get("t") == "tensor", grad=node.get("grad") is True)
