"""Loaded by each worker when it starts (dask.yaml): on SIGTERM it says that it leaves, and then ends.

Slurm and Kubernetes send SIGTERM some time before they kill. A worker that left so is not counted as one that a
notebook ended. Dask alone would end it without a word (``dask worker --no-nanny``).
"""

import contextlib
import signal
from typing import Any


def dask_setup(worker: Any) -> None:
    """Called by Dask in the worker's process, in its main thread; with a nanny in another, where it is not needed."""
    with contextlib.suppress(ValueError):  # not the main thread
        signal.signal(
            signal.SIGTERM,
            lambda *_: worker.loop.add_callback_from_signal(worker.close_gracefully, reason="told to end"),
        )
