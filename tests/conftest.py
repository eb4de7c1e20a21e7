"""What every test shares: one thread for torch, as in the box and in CI, so that times and last digits agree."""

import gc
import os
import sys

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

# As for the command line: with it, the first import of nbformat takes three seconds.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


def pytest_collection_finish() -> None:
    """Search what was imported for garbage no more: each time took a quarter of a second, and found nothing."""
    gc.collect()
    gc.freeze()
