"""Turns what a student's function returned into plain JSON: numbers, arrays as bytes, containers of those.

The other half is ``autograder.judge.evidence``. Whatever is not in the format is named by its type and carries nothing.
"""

import base64
import sys
from typing import Any

import numpy as np

MAX_ITEMS = 10_000
MAX_DEPTH = 5
MAX_TEXT = 2_000
MAX_BYTES = 8 << 20  # of one array; all that a task asks for takes a thousandth of it
DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64")


def encode(value: object, depth: int = 0) -> dict[str, Any]:
    """``value`` as a JSON object with its kind under "t"."""
    torch = sys.modules.get("torch")  # where it is not loaded, no value is a tensor
    if torch and isinstance(value, torch.Tensor):
        array = value.detach().to("cpu")
        array = array.float() if array.dtype == torch.bfloat16 else array
        return _array(array.numpy(), tensor=True, grad=bool(value.requires_grad))
    if isinstance(value, np.ndarray | np.generic):
        return _array(np.asarray(value), tensor=False, grad=False)
    if value is None or isinstance(value, bool):
        return {"t": "plain", "v": value}
    if isinstance(value, int):
        return {"t": "int", "v": str(int(value))[:60]}
    if isinstance(value, float):
        return {"t": "float", "v": float(value).hex()}
    if isinstance(value, str):
        return {"t": "plain", "v": value[:MAX_TEXT]}
    if isinstance(value, list | tuple) and depth < MAX_DEPTH and len(value) <= MAX_ITEMS:
        items = [encode(item, depth + 1) for item in value]
        return {"t": "tuple" if isinstance(value, tuple) else "list", "v": items}
    if isinstance(value, dict) and depth < MAX_DEPTH and len(value) <= MAX_ITEMS:
        pairs = [[encode(key, depth + 1), encode(item, depth + 1)] for key, item in value.items()]
        return {"t": "dict", "v": pairs}
    return {"t": "other", "v": type(value).__name__[:MAX_TEXT]}


def _array(array: np.ndarray, *, tensor: bool, grad: bool) -> dict[str, Any]:
    if array.dtype.name not in DTYPES or array.nbytes > MAX_BYTES:
        return {"t": "other", "v": f"array of {array.size} {array.dtype.name}"[:MAX_TEXT]}
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return {
        "t": "tensor" if tensor else "array",
        "dtype": array.dtype.name,
        "shape": list(array.shape),
        "data": data,
        "grad": grad,
    }
