"""Small networks and images whose outcome is known beforehand, and a look at what is done with them.

The self-checks compare a student's function with these. Knows nothing of any task.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from course_lib._spy import Spy
from course_lib.model import EarlyExitResNet18

CLASSES = 6
LN_C = math.log(CLASSES)  # nats: the entropy, and the cross entropy, of six equally likely classes
ABOVE_ANY_ENTROPY = LN_C + 0.2  # a tolerance at which everything leaves at once
CPU = torch.device("cpu")
WIDTH = 4  # of the networks: the narrower, the sooner the student has an answer


def network() -> EarlyExitResNet18:
    """An untrained network."""
    return EarlyExitResNet18(num_classes=CLASSES, width=WIDTH)


def silent_network() -> EarlyExitResNet18:
    """One that finds all classes equally likely at each exit."""
    model = network()
    for head in model.heads:
        nn.init.zeros_(linear_of(head).weight)
        nn.init.zeros_(linear_of(head).bias)
    return model


def colour_network(sharpness: Sequence[float]) -> EarlyExitResNet18:
    """One that names an image's colour, and is the surer the brighter the image is; in eval mode.

    Exit k answers class `colour_answer(k, colour)` with a logit of `sharpness[k]` times the brightness, and gives
    every other class 0. So each image of a batch has an answer and an entropy of its own, both known beforehand.
    """
    model = network().eval()
    stages: Any = model.stages
    blocks = [block for stage in stages for block in stage]
    straight = [model.stem[0], *(block.shortcut[0] for block in blocks if len(block.shortcut))]
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                module.weight.zero_()
            elif isinstance(module, nn.BatchNorm2d) and module.running_var is not None:
                module.running_var.sub_(module.eps)  # now it changes nothing
        for block in blocks:
            block.residual[-1].weight.zero_()
        for convolution in straight:  # the three colours go straight through
            middle = convolution.kernel_size[0] // 2
            for colour in range(3):
                convolution.weight[colour, colour, middle, middle] = 1
        for index, (head, stage) in enumerate(zip(model.heads, stages, strict=True)):
            linear = linear_of(head)
            pixels = linear.in_features // stage[-1].residual[-1].num_features
            linear.weight.zero_()
            linear.bias.zero_()
            for colour in range(3):
                of_colour = slice(colour * pixels, (colour + 1) * pixels)
                linear.weight[colour_answer(index, colour), of_colour] = sharpness[index] / pixels
    return model


def colour_answer(exit_index: int, colour: int) -> int:
    """What a colour network answers at an exit: another class at each of the first three, so that they differ."""
    return (colour + exit_index) % 3


def coloured(colours: Sequence[int], brightness: Sequence[float] | None = None) -> Tensor:
    """Plain images `(N, 3, 32, 32)`, one for each colour 0, 1 or 2, of a brightness in [0, 1]."""
    images = torch.eye(3)[torch.tensor(colours)] * torch.tensor(brightness or [1.0] * len(colours))[:, None]
    return images[:, :, None, None].expand(-1, -1, 32, 32).clone()


def always_answer(head: nn.Module, label: int, sharpness: float = 4.0) -> None:
    """Make a head answer `label` whatever it is shown: logit `sharpness` for it, 0 for the other classes."""
    linear = linear_of(head)
    nn.init.zeros_(linear.weight)
    with torch.no_grad():
        linear.bias.copy_(sharpness * nn.functional.one_hot(torch.tensor(label), CLASSES))


def answers(labels: Sequence[int], sharpness: float | Tensor) -> Tensor:
    """Logits `(N, C)`: `sharpness`, one for all or one for each, for an image's label, and 0 for the other classes."""
    return nn.functional.one_hot(torch.tensor(labels), CLASSES) * torch.as_tensor(sharpness).view(-1, 1)


def after_softmax(sharpness: float) -> float:
    """How sharp an answer of that sharpness still is if its probabilities are taken for logits."""
    return (math.exp(sharpness) - 1) / (math.exp(sharpness) + CLASSES - 1)


def loss_of(sharpness: float, right: float) -> float:
    """Mean cross entropy, in nats, of answers of that sharpness of which the share `right` in [0, 1] is right."""
    return math.log(math.exp(sharpness) + CLASSES - 1) - right * sharpness


def entropy_of(sharpness: float) -> float:
    """Entropy, in nats, of an answer of that sharpness: one logit is `sharpness`, the others are 0."""
    scale = math.exp(sharpness)
    return math.log(scale + CLASSES - 1) - sharpness * scale / (scale + CLASSES - 1)


def linear_of(head: nn.Module) -> nn.Linear:
    """The one linear layer of a head."""
    (linear,) = (module for module in head.modules() if isinstance(module, nn.Linear))
    return linear


def noise(count: int) -> Tensor:
    """Images of nothing: `(count, 3, 32, 32)`, in [0, 1)."""
    return torch.rand(count, 3, 32, 32)


def batches(images: Tensor, labels: Tensor, batch_size: int) -> DataLoader[tuple[Tensor, ...]]:
    """A loader as the notebook has it, in order."""
    return DataLoader(TensorDataset(images, labels), batch_size=batch_size)


@contextmanager
def watched(model: EarlyExitResNet18) -> Iterator[Spy]:
    """Put a network in training mode, and watch what is done with it. Afterwards it is in eval mode."""
    spy = Spy(model)
    model.train()
    try:
        yield spy
    finally:
        spy.remove()
        model.eval()
