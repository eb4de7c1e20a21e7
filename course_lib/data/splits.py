"""A data set as the rest of the course knows it: labelled images, three splits of them, and batches.

Knows nothing of where the images come from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

CHANNELS = 3  # what the network's first convolution expects; a grey picture is shown to it three times


@dataclass(frozen=True, eq=False)  # eq would compare tensors element by element and answer with a tensor
class ImageSet:
    """Labelled images, with what is known of each image's difficulty.

    Attributes:
        images: Shape (N, 3, 32, 32), float32, in [0, 1]. The three channels share one memory: clone before
            writing to them.
        labels: Shape (N,), int64, in [0, num_classes).
        factors: Per name an array of shape (N,); empty for photographs, whose difficulty nobody wrote
            down. The data set's own module gives unit and range of each.
    """

    images: Tensor
    labels: Tensor
    factors: Mapping[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def from_grey(
        cls, grey: np.ndarray, labels: np.ndarray, factors: Mapping[str, np.ndarray] | None = None
    ) -> ImageSet:
        """Builds a set from one-channel images of shape (N, H, W), without copying a float32 array."""
        one_channel = torch.from_numpy(np.asarray(grey, dtype=np.float32)).unsqueeze(1)  # (N, 1, H, W)
        images = one_channel.expand(-1, CHANNELS, -1, -1)  # (N, 3, H, W) on the memory of (N, 1, H, W)
        return cls(images, torch.from_numpy(np.asarray(labels, dtype=np.int64)), dict(factors or {}))

    def __len__(self) -> int:
        """Number of images."""
        return len(self.labels)

    def first(self, count: int) -> ImageSet:
        """The first `count` images, or all if there are fewer, on the same memory."""
        factors = {name: values[:count] for name, values in self.factors.items()}
        return ImageSet(self.images[:count], self.labels[:count], factors)


@dataclass(frozen=True, eq=False)
class Splits:
    """One data set in three disjoint parts: fit on `train`, choose on `validation`, report on `test` once."""

    name: str
    class_names: tuple[str, ...]
    train: ImageSet
    validation: ImageSet
    test: ImageSet

    @property
    def num_classes(self) -> int:
        """Number of classes; labels are below it."""
        return len(self.class_names)


def make_loader(
    image_set: ImageSet, batch_size: int, *, shuffle: bool = False, seed: int = 0
) -> DataLoader[tuple[Tensor, ...]]:
    """Cuts an image set into batches of (images, labels).

    Args:
        image_set: What to cut.
        batch_size: Images per batch; the last batch may be shorter.
        shuffle: Whether to draw a new order in every epoch.
        seed: Decides the orders; the global random state is neither read nor changed.

    Returns:
        A loader of pairs of shapes (B, 3, 32, 32) float32 and (B,) int64. It works in the calling process:
        the images are in memory already, and worker processes would only cost start-up time.

    Raises:
        ValueError: If `batch_size` is not positive.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, but is {batch_size}. Give the images per batch.")
    dataset = TensorDataset(image_set.images, image_set.labels)
    generator = torch.Generator().manual_seed(seed)
    return DataLoader(dataset, batch_size=batch_size, shuffle=shuffle, num_workers=0, generator=generator)
