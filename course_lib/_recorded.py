"""Notes what one call of a model computes: which functions of torch, on tensors of which sizes.

Calls with the same notes cost the same, whatever decided the way through the model. Knows nothing of costs.
"""

from collections.abc import Hashable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


class Functions(TorchFunctionMode):
    """Notes the functions of torch that make or change tensors from now on, in a trace too.

    Attributes:
        called: The functions, in order, without those that make a single number.
    """

    def __init__(self) -> None:
        super().__init__()
        self.called: list[Hashable] = []

    def __torch_function__(
        self, function: Any, types: Any, arguments: tuple[Any, ...] = (), named: dict[str, Any] | None = None
    ) -> Any:
        found = function(*arguments, **(named or {}))
        tensors = [part for part in _parts(found) if isinstance(part, Tensor)]
        if found is None or any(part.ndim for part in tensors):  # in a trace, a size is a tensor without a dimension
            self.called.append(function)
        if found is None or tensors:  # else it looks at a tensor, and what its answer leads to is seen in what follows
            self.note(function, arguments, named, found)
        return found

    def note(self, function: Any, arguments: Any, named: Any, found: Any) -> None:
        """Called after each function that makes or changes a tensor, numbers among them."""


class Recorder(Functions):
    """Notes also what these functions are given, and what comes out. Not for a trace, where a look at a size is traced.

    Attributes:
        steps: One note for each of them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[Hashable] = []
        self._numbers: dict[int, int] = {}
        self._alive: list[Tensor] = []  # or another tensor could get the id of one that is gone

    def note(self, function: Any, arguments: Any, named: Any, found: Any) -> None:
        """Keep the function and a description of the rest."""
        self.steps.append((function, *map(self.described, (arguments, named, found))))

    def described(self, value: Any) -> Hashable:
        """A value with a number and a size in place of each tensor.

        Tensors are told apart by numbers, because what no returned tensor needs may cost nothing. A float's own value
        is left out: what it changes is seen in sizes, and it may be another each time.
        """
        if isinstance(value, Tensor):
            key = id(value)
            if key not in self._numbers:
                self._numbers[key] = len(self._alive)
                self._alive.append(value)
            return (self._numbers[key], *value.shape)
        if isinstance(value, list | tuple):
            return tuple(map(self.described, value))
        if isinstance(value, dict):
            return tuple((key, self.described(inner)) for key, inner in value.items())
        return value if isinstance(value, int | str | torch.dtype) else str(type(value))


def _parts(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)
