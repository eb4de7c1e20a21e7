"""What cells may leave switched on or off: inside, all is as at the start."""

import contextlib
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch

from autograder.inside.settings import as_at_the_start


def trains() -> bool:
    layer = torch.nn.Linear(2, 2)
    loss = layer(torch.ones(1, 2)).sum()
    loss.backward()
    return loss.dtype == torch.float32 and layer.weight.grad is not None and loss.device.type == "cpu"


@pytest.mark.parametrize(
    "left",
    [
        lambda: torch.inference_mode(),
        lambda: torch.no_grad(),
        lambda: torch.autocast("cpu", dtype=torch.bfloat16),
        lambda: contextlib.nullcontext(),
    ],
    ids=["inference mode", "no gradients", "autocast", "nothing"],
)
def test_modes_of_torch_are_off(left: object) -> None:
    with left(), as_at_the_start():
        assert trains()


def test_the_default_device_and_type_are_torchs() -> None:
    try:
        torch.set_default_device("meta")
        torch.set_default_dtype(torch.float64)
        with as_at_the_start():
            assert trains()
    finally:
        torch.set_default_device(None)
        torch.set_default_dtype(torch.float32)


def test_hooks_on_every_module_are_gone() -> None:
    torch.nn.modules.module.register_module_forward_hook(lambda *_: torch.zeros(1))
    with as_at_the_start():
        assert torch.nn.Linear(2, 3)(torch.ones(1, 2)).shape == (1, 3)


def test_warnings_and_errors_of_numpy_are_quiet() -> None:
    with warnings.catch_warnings(action="error"), np.errstate(all="raise"), as_at_the_start():
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        assert np.isinf(np.float64(1) / np.float64(0))


def test_where_torch_is_not_loaded_it_is_not_loaded() -> None:
    code = (
        "import sys\nfrom autograder.inside.settings import as_at_the_start\n"
        "with as_at_the_start():\n    print('torch' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
