"""The machine a notebook runs on: its random generators and its device.

Knows nothing of models or data.
"""

import random

import numpy as np
import torch


def seed_everything(seed: int) -> None:
    """Start the random generators of Python, NumPy and torch, on every device, from one seed.

    The same seed repeats a run on the same machine; another device may differ in the last digits.

    Args:
        seed: From 0 to 2**32 - 1, the range NumPy takes.

    Raises:
        ValueError: The seed is out of that range.
    """
    np.random.seed(seed)  # first: it is the one that refuses a seed, before another generator has moved
    random.seed(seed)
    torch.manual_seed(seed)


def pick_device() -> torch.device:
    """The fastest device here: an NVIDIA GPU, else an Apple GPU, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")
