"""The machine a notebook runs on: its random generators, its device and its processors.

Knows nothing of models or data.
"""

import os
import random
from pathlib import Path

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


def use_free_processors() -> int:
    """Let torch use the processors that are free, and say how many.

    Threads that wait for a busy processor make all others wait: a network as narrow as the lesson's then trains up to
    twenty times slower than on one thread. A number that was set by OMP_NUM_THREADS stays.
    """
    if not os.environ.get("OMP_NUM_THREADS"):
        busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
        torch.set_num_threads(max(1, min(torch.get_num_threads(), int(_processors() - busy + 0.5))))
    return torch.get_num_threads()


def _processors() -> float:
    """Processors that this process may use; a container's share of them may be smaller than their number."""
    number = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return min(number, int(quota) / int(period))
    except (OSError, ValueError):  # no control group of version 2, or no limit: "max"
        return number
