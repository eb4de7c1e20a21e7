"""Imports what a box needs before any student code runs, on our time and not on the notebook's.

The template does it for warm boxes; a cold box does it itself. A notebook finds the same in both.
"""

import gc
import importlib
import sys
from collections.abc import Collection, Sequence

from . import cases

# What the kernel, its driver and the observer import.
PRELOADED = (
    "IPython.core.completerlib",
    "IPython.core.logger",
    "IPython.core.pylabtools",
    "IPython.extensions.storemagic",
    "ipykernel.debugger",  # which a kernel imports as it starts, and which takes half of that time
    "ipykernel.ipkernel",
    "ipykernel.kernelapp",
    "jupyter_client.asynchronous",
    "nbclient",
    "nbformat.v4",
    "tornado.platform.asyncio",
    "inside.confine",
    "inside.driver",
    "inside.kernel",
    "inside.observe",
    "inside.programs",
    "inside.start",
)


# jsonschema, which nbformat imports, takes this if it is there, and then makes a grammar for a second. Nobody uses it.
NOT_NEEDED = "rfc3987_syntax"


def preload(modules: Sequence[str], packages: Collection[str], folder: str) -> None:
    """Import it all, and leave it out of every later search for garbage.

    Searching ever more modules during the imports takes a quarter of the time and finds next to nothing. In a fork, the
    first search would write to every page of theirs, and so copy it.

    Args:
        modules: What the assignment's notebook imports.
        packages: Packages that must have every module named of them; any other may be arranged otherwise in another
            release, and then loads what it needs later.
        folder: The assignment's folder ``inside``; "" if it has no hidden cases.

    Raises:
        ImportError: A package, or a part of it that it needs, is not there.
    """
    gc.disable()
    sys.modules[NOT_NEEDED] = None  # type: ignore[assignment]  # which is how Python marks what cannot be imported
    try:
        for name in (*modules, *PRELOADED):
            try:
                importlib.import_module(name)
            except ModuleNotFoundError as missing:
                if missing.name != name or name.partition(".")[0] in ("inside", *packages):
                    raise
        if folder:
            cases.load(folder)
        gc.freeze()
    finally:
        sys.modules.pop(NOT_NEEDED, None)
        gc.enable()
