"""What a box has loaded before any student code runs, on our time and not on the notebook's.

Warm boxes have it from their template, a cold one loads it itself: what a notebook then finds is the same in both.
"""

import gc
import importlib

# What notebooks, the kernel and the observer import, and torch's compiler, which it imports when operations are first
# counted. Not matplotlib's inline backend: it is to find the kernel when it is imported, or no figure would be shown
# and closed.
PRELOADED = (
    "IPython.core.completerlib",
    "IPython.core.logger",
    "IPython.core.pylabtools",
    "IPython.extensions.storemagic",
    "ipykernel.debugger",  # which a kernel imports as it starts, and which takes half of that time
    "ipykernel.ipkernel",
    "ipykernel.kernelapp",
    "matplotlib.backends.backend_agg",
    "matplotlib.pyplot",
    "tornado.platform.asyncio",
    "torch._dynamo",
    "torch.utils.flop_counter",
    "torchprofile",
    "tqdm.auto",
    "course_lib.environment",
    "course_lib.plots",
    "course_lib.pretrained",
    "course_lib.probes",
    "course_lib.selfcheck",
    "inside.confine",
    "inside.kernel",
    "inside.observe",
    "inside.programs",
    "inside.start",
)
OURS = ("course_lib.", "inside.")


def preload() -> None:
    """Import it all, and leave it out of every later search for garbage.

    To search ever more modules while they are imported takes a quarter of the time and finds next to nothing. And in a
    fork the first search would write to, and so copy, every page of theirs.

    Raises:
        ImportError: A package, or a part of it that it needs, is not there.
    """
    gc.disable()
    try:
        for name in PRELOADED:
            try:
                importlib.import_module(name)
            except ModuleNotFoundError as missing:
                if missing.name != name or name.startswith(OURS):
                    raise
                # Another version of the package is arranged otherwise: it loads, later, what it needs.
        gc.freeze()
    finally:
        gc.enable()
