"""Small networks and images whose outcome is known beforehand, and a look at what is done with them.

The self-checks compare a student's function with these. Knows nothing of any task.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from course_lib._spy import Spy
from course_lib.model import EarlyExitResNet18

CLASSES = 6
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


def listening_network() -> EarlyExitResNet18:
    """In eval mode, with heads so loud that a brighter image gets a lower entropy."""
    model = network().eval()
    for head in model.heads:
        nn.init.normal_(linear_of(head).weight, std=4 / math.sqrt(linear_of(head).in_features))
    return model


def always_answer(head: nn.Module, label: int, sharpness: float = 4.0) -> None:
    """Make a head answer `label` whatever it is shown: logit `sharpness` for it, 0 for the other classes."""
    linear = linear_of(head)
    nn.init.zeros_(linear.weight)
    with torch.no_grad():
        linear.bias.copy_(sharpness * nn.functional.one_hot(torch.tensor(label), CLASSES))


def loss_of(sharpness: float, right: float) -> float:
    """Mean cross entropy, in nats, of answers of that sharpness of which the share `right` in [0, 1] is right."""
    return math.log(math.exp(sharpness) + CLASSES - 1) - right * sharpness


def entropy_of(sharpness: float) -> float:
    """Entropy, in nats, of an answer of that sharpness."""
    scale = math.exp(sharpness)
    return math.log(scale + CLASSES - 1) - sharpness * scale / (scale + CLASSES - 1)


def linear_of(head: nn.Module) -> nn.Linear:
    """The one linear layer of a head."""
    (linear,) = (module for module in head.modules() if isinstance(module, nn.Linear))
    return linear


def noise(count: int) -> Tensor:
    """Images of nothing: `(count, 3, 32, 32)`, in [0, 1)."""
    return torch.rand(count, 3, 32, 32)


def brightened(brightness: Tensor) -> Tensor:
    """Noise, each image multiplied by its own number of `brightness` `(N,)`."""
    return noise(len(brightness)) * brightness.view(-1, 1, 1, 1)


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
