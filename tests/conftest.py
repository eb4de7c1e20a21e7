"""What every test shares: one thread for torch, as in the box and in CI, so that times and last digits agree."""

import gc
import os
import sys

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

# As for the command line: with it, the first import of nbformat takes three seconds.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


# What the tests import is half a million objects. To search them for garbage takes a third of a second, each time.
gc.disable()


def pytest_collection_finish() -> None:
    """Search for garbage from now on, but not among what was imported."""
    gc.freeze()
    gc.enable()
