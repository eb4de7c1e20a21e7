"""What the cells of a notebook may leave switched on or off for the whole process; a function is judged without it."""

import contextlib
import sys
import warnings
from collections.abc import Iterator

import numpy as np

GLOBAL_HOOKS = "_global_"  # how torch.nn.modules.module calls its tables of hooks on every module


@contextlib.contextmanager
def as_at_the_start() -> Iterator[None]:
    """Warnings, NumPy's errors and torch's modes as in a fresh process; torch only if something has imported it."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings(action="ignore"))
        stack.enter_context(np.errstate(all="ignore"))
        if torch := sys.modules.get("torch"):
            torch.set_default_device(None)
            torch.set_default_dtype(torch.float32)
            for name, table in vars(torch.nn.modules.module).items():
                if name.startswith(GLOBAL_HOOKS) and isinstance(table, dict):
                    table.clear()
            stack.enter_context(torch.inference_mode(False))  # which switches gradients on too
            stack.enter_context(torch.autocast("cpu", enabled=False))
        yield
