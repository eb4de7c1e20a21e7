"""Reads the `.npy` dictionaries of earlier years, `{"x": images, "y": labels}`, and runs nothing in them.

Such a file is a pickle, and a pickle is a program: loading it the usual way (`allow_pickle=True`) calls
whatever it names. Here the few names that an array needs are answered by inert records, and every other name
is refused. The arrays are rebuilt from the records' raw bytes afterwards. This guards against code, not
against a file that asks for much memory.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

_PLAIN_KINDS = "biuf"  # numpy's kind letters of truth values, integers and floats


def load_npy_dict(path: Path | str) -> dict[str, np.ndarray]:
    """Loads the arrays "x" and "y" from a `.npy` file that holds one dictionary.

    Args:
        path: The file.

    Returns:
        The arrays under "x" and "y" as they were saved, numbers or truth values, of equal length; other keys
        are left out.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file holds anything but such a dictionary, or names anything but array parts.
    """
    with open(path, "rb") as file:
        try:
            content = _read_saved_object(file)
        except Exception as error:  # a damaged pickle can fail in any way at all
            raise ValueError(
                f"{path} should hold one dictionary saved by numpy.save, but cannot be read: {error}"
            ) from error
    if not isinstance(content, dict) or not {"x", "y"} <= content.keys():
        raise ValueError(f"{path} should hold a dictionary with the keys 'x' and 'y', but holds {_describe(content)}.")
    arrays = {}
    for key in ("x", "y"):
        if not isinstance(content[key], _Array):
            raise ValueError(f"{path} should hold an array under {key!r}, but holds {_describe(content[key])}.")
        try:
            arrays[key] = content[key].rebuild()
        except (ValueError, TypeError) as error:
            raise ValueError(f"The array {key!r} in {path} should be plain numbers, but is not: {error}") from error
    if arrays["x"].shape[:1] != arrays["y"].shape[:1] or arrays["x"].ndim == 0:
        raise ValueError(
            f"{path} should hold as many images as labels, "
            f"but 'x' has shape {arrays['x'].shape} and 'y' has shape {arrays['y'].shape}."
        )
    return arrays


class _Dtype:
    """Stands for a numpy.dtype in the file: its code, such as "f4", and its byte order."""

    def __init__(self, code: str, *_copy_flags: object) -> None:
        self.code, self.byte_order = code, "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.byte_order = state[1]  # state is (version, byte order, then what only structured types have)

    def rebuild(self) -> np.dtype[Any]:
        dtype = np.dtype(f"{self.byte_order}{self.code}")
        if dtype.kind not in _PLAIN_KINDS:
            raise ValueError(f"its element type is {dtype}.")
        return dtype


class _Array:
    """Stands for a numpy.ndarray in the file: shape, element type, memory order, and its content."""

    def __init__(self, *_placeholder: object) -> None:
        self.shape: tuple[int, ...] = ()
        self.dtype: Any = None
        self.fortran_order = False
        self.content: Any = b""  # bytes of an array of numbers, list of an array of objects

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _version, self.shape, self.dtype, self.fortran_order, self.content = state

    def rebuild(self) -> np.ndarray:
        if not isinstance(self.dtype, _Dtype) or not isinstance(self.content, bytes):
            raise ValueError("its elements are objects.")
        dtype = self.dtype.rebuild()
        if len(self.content) != math.prod(self.shape) * dtype.itemsize:
            raise ValueError(f"{len(self.content)} bytes do not fill shape {self.shape} of {dtype}.")
        flat = np.frombuffer(self.content, dtype=dtype)
        return flat.reshape(self.shape, order="F" if self.fortran_order else "C").copy()  # writeable


def _reconstruct(*_placeholder: object) -> _Array:
    return _Array()


# numpy moved its internals from numpy.core to numpy._core in version 2; files of both are about.
_PERMITTED: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "dtype"): _Dtype,
    ("numpy", "ndarray"): _Array,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
}


class _ArrayUnpickler(pickle.Unpickler):
    """Unpickles numbers, texts, lists, dictionaries and array records; finds nothing else."""

    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        try:
            return _PERMITTED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which no array needs. It was not run.") from None


def _read_saved_object(file: BinaryIO) -> object:
    """Reads the object in a `.npy` file whose array is of shape () and holds one object."""
    version = np.lib.format.read_magic(file)
    if version != (1, 0):  # numpy writes higher versions only for headers longer than this kind of file has
        raise ValueError(f"its format version is {version}, not (1, 0).")
    shape, _fortran_order, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype != np.dtype(object) or shape != ():
        raise ValueError(f"it holds an array of {dtype} of shape {shape}, not one object.")
    array = _ArrayUnpickler(file).load()
    return array.content[0] if isinstance(array, _Array) else array


def _describe(content: object) -> str:
    """Names what was found, without printing it."""
    if isinstance(content, dict):
        return f"the keys {sorted(map(str, content))}"
    return "an array of objects" if isinstance(content, _Array) else f"a {type(content).__name__}"
