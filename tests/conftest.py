"""What every test shares: one thread for torch, as in the box and in CI, so that times and last digits agree."""

import os

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
