"""Notes what one call of a model computes: which functions of torch, on tensors of which sizes.

Calls with the same notes cost the same, whatever decided the way through the model. Knows nothing of costs.
"""

from collections.abc import Hashable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


class Recorder(TorchFunctionMode):
    """Notes each function of torch that is called from now on, in a trace too.

    Attributes:
        steps: One note for each call that makes or changes tensors: the function, what it was given, what came out.
        sizes: The functions with the sizes of what came out. Missing is what gave no tensor with a dimension: in a
            trace, sizes are tensors without one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[Hashable] = []
        self.sizes: list[Hashable] = []
        self._numbers: dict[int, int] = {}
        self._alive: list[Tensor] = []  # or another tensor could get the id of one that is gone

    def __torch_function__(
        self, function: Any, types: Any, arguments: tuple[Any, ...] = (), named: dict[str, Any] | None = None
    ) -> Any:
        found = function(*arguments, **(named or {}))
        parts = found if isinstance(found, list | tuple) else (found,)
        tensors = [part for part in parts if isinstance(part, Tensor)]
        if tensors or found is None:  # else a look at a tensor: what its answer leads to is seen in what follows
            self.steps.append((function, self.described(arguments), self.described(named), self.described(found)))
        if any(part.ndim for part in tensors):
            self.sizes.append((function, *(part.shape for part in tensors)))
        return found

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
