"""Notes how a network is used: what goes through its stages, in which mode, and whether a graph is built.

The self-checks and the grader ask the same spy. Knows nothing of any task.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.model import EarlyExitResNet18

Hook = Callable[[nn.Module, tuple[Any, ...]], None]


class Spy:
    """Notes how a network is used from now on.

    It hooks the first convolution of the stem and of each stage. Every way of calling these parts goes through
    there: the network as a whole, a stage, or the blocks of a stage one by one. A trace is not noted: it repeats a call
    that get_model_macs has made.

    Attributes:
        images: The batches that went into the stem, `(B, 3, 32, 32)` each.
        samples: For each stage the images that went through it.
        calls: For each stage the batches that went through it, without empty ones.
        training: Whether a stage ever ran in training mode.
        graph: Whether a stage ever ran with gradients on, and with an input or a parameter that requires one.
    """

    def __init__(self, network: EarlyExitResNet18) -> None:
        self.images: list[Tensor] = []
        self.samples, self.calls = [0, 0, 0, 0], [0, 0, 0, 0]
        self.training = self.graph = False
        self._hooks = [_first_convolution(network.stem).register_forward_pre_hook(self._note_images())]
        for index, stage in enumerate(network.stages):
            self._hooks.append(_first_convolution(stage).register_forward_pre_hook(self._note_stage(index)))

    # Hooks are functions, not methods: a deep copy of the network would take a copy of a method's spy along.

    def _note_images(self) -> Hook:
        def note(convolution: nn.Module, arguments: tuple[Any, ...]) -> None:
            if not torch.jit.is_tracing():
                self.images.append(arguments[0])

        return note

    def _note_stage(self, index: int) -> Hook:
        def note(convolution: nn.Module, arguments: tuple[Any, ...]) -> None:
            if torch.jit.is_tracing():
                return
            x = arguments[0]
            self.samples[index] += len(x)
            self.calls[index] += len(x) > 0
            self.training |= convolution.training
            self.graph |= torch.is_grad_enabled() and any(p.requires_grad for p in (x, *convolution.parameters()))

        return note

    def seen(self) -> dict[str, Any]:
        """Notes on the stages so far: `samples`, `calls`, `training` and `graph`."""
        return {
            "samples": list(self.samples),
            "calls": list(self.calls),
            "training": self.training,
            "graph": self.graph,
        }

    def remove(self) -> None:
        """Take the hooks off the network. What was noted stays."""
        for hook in self._hooks:
            hook.remove()


def _first_convolution(part: nn.Module) -> nn.Conv2d:
    return next(module for module in part.modules() if isinstance(module, nn.Conv2d))
