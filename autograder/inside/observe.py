"""Runs one hidden case on what is defined in the notebook and emits the values as one display message.

``observe`` is called by a cell that the grader executes after the notebook's own.

Student code may tamper with the observer, because both run in one process. That gains nothing: the observer holds no
answer, so a forger must compute the right numbers, and that is the task. Silence, malformed evidence and doubled
evidence count as nothing.

Hidden inputs are drawn inside the box from the workspace's seed, so they need not be sent. The same seed gives the
same inputs in the solution's box and in a student's. The seed enters the box only after the notebook has run.
"""

import contextlib
import io
import json
import random
import sys
import zlib
from typing import Any

import numpy as np

from . import cases
from .encode import MAX_TEXT, encode
from .kept import names_of
from .names import EVIDENCE, NO_FUNCTION
from .settings import as_at_the_start


def record(task: str, case: str, namespace: dict[str, Any], seed: int, explain: bool = False) -> dict[str, Any]:
    """Call ``namespace[task]`` on the hidden inputs of ``case``, with the names that its self-check saw (kept.py) and
    without what the last cells left set (settings.py). Seeds all random numbers.

    Args:
        namespace: The notebook's names.
        explain: Add what explains a wrong answer; for the solutions, whose evidence is the key.

    Returns:
        ``task``, ``case``, and ``values`` (name -> encoded value) or ``error`` (what was raised, in words).
    """
    found: dict[str, Any] = {"task": task, "case": case}
    with names_of(task, namespace):
        found |= _called(task, case, namespace, seed, explain)
    return found


def _called(task: str, case: str, namespace: dict[str, Any], seed: int, explain: bool) -> dict[str, Any]:
    try:
        if not callable(namespace.get(task)):
            raise NameError(f"{NO_FUNCTION} {task}")
        random.seed(0)
        np.random.seed(0)
        with (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
            as_at_the_start(),
        ):
            parts = cases.loaded().get(task, case)(namespace, generator(seed, f"{task}/{case}"))
            values = next(parts)
            for explanation in parts if explain else ():
                values |= explanation
            return {"values": {name: encode(value) for name, value in values.items()}}
    except (Exception, SystemExit) as error:
        return {"error": f"{type(error).__name__}: {error}"[:MAX_TEXT]}


def observe(task: str, case: str, seed: int, explain: bool = False) -> None:
    """Record ``case`` of the student's ``task`` and display it, as one message of the type EVIDENCE."""
    from IPython import get_ipython

    shell = get_ipython()
    shell.display_pub.publish({EVIDENCE: json.dumps(record(task, case, shell.user_ns, seed, explain))})


def generator(seed: int, case: str) -> np.random.Generator:
    """Random numbers of one hidden case; also seeds torch where it is loaded, for code that draws its own.

    The same seed and case give the same numbers in the solution's box and in a student's, so inputs are never sent.
    """
    words = [seed & 0xFFFFFFFF, seed >> 32, zlib.crc32(case.encode())]
    rng = np.random.default_rng(words)
    state = int(rng.integers(2**62))
    if torch := sys.modules.get("torch"):
        torch.manual_seed(state)
    return rng
