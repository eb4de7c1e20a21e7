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
        called: The functions, in order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.called: list[Hashable] = []

    def __torch_function__(
        self, function: Any, types: Any, arguments: tuple[Any, ...] = (), named: dict[str, Any] | None = None
    ) -> Any:
        found = function(*arguments, **(named or {}))
        # Else it only looks at a tensor, and what its answer leads to is seen in what follows. In a trace, what tells
        # of a size is a tensor without a dimension.
        if found is None or any(isinstance(part, Tensor) and part.ndim for part in _parts(found)):
            self.called.append(function)
            self.note(arguments, named, found)
        return found

    def note(self, arguments: Any, named: Any, found: Any) -> None:
        """Called after each of these functions."""


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

    def note(self, arguments: Any, named: Any, found: Any) -> None:
        """Keep a description of all three."""
        self.steps.append((self.called[-1], *map(self.described, (arguments, named, found))))

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
