"""Ends the youngest box when the machine itself runs low on something that no limit of a box bounds.

Without a control group, only counts bound what the kernel keeps for a box (sockets, descriptors, mappings without a
page). A busy machine counts late. So one thread looks at the machine as a whole, however many boxes run. It cannot
know which box is to blame, so a box that ends here is never the student's fault. If the kernel's own OOM killer comes
first, it ends a box too, and not the grader (``oom_score_adj``, box.py).
"""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import psutil

from autograder.config import MIB

LOOK_EVERY_S = 0.1
RECOVERY_S = 2.0  # from the end of one box to that of the next, for the machine to get back what the first had
LOW_WATER = 512 * MIB  # of memory left; an eighth of a small machine
MOST_FILES = 0.75  # of those that may be open on the machine; a mapping that processes share is one
FILES = Path("/proc/sys/fs/file-nr")  # open, unused, and at most; see proc(5)

_lock = threading.Lock()
_boxes: list["Endable"] = []  # the youngest last
_looking: threading.Thread | None = None


class Endable(Protocol):
    """A box that can be ended."""

    def end(self, reason: str) -> None:
        """End it, and remember why."""


@contextlib.contextmanager
def guarded(box: Endable) -> Iterator[None]:
    """Let the box be ended for the machine's sake, while it runs."""
    global _looking
    with _lock:
        _boxes.append(box)
        if _looking is None:
            _looking = threading.Thread(target=_look, name="backstop", daemon=True)
            _looking.start()
    try:
        yield
    finally:
        with _lock:
            _boxes.remove(box)


def runs_low_on() -> str | None:
    """The thing that this machine has too little of, "memory" or "files"; None if it has enough."""
    memory = psutil.virtual_memory()
    if memory.available < min(LOW_WATER, memory.total // 8):
        return "memory"
    try:
        opened, _, most = map(int, FILES.read_text().split())
    except (OSError, ValueError):  # a kernel that does not say
        return None
    return "files" if opened > MOST_FILES * most else None


def _look() -> None:
    global _looking
    pause = threading.Event()
    while not pause.wait(LOOK_EVERY_S):
        with _lock:
            if not _boxes:
                _looking = None
                return
            youngest = _boxes[-1]
        lacking = runs_low_on()
        if lacking:
            youngest.end(f"machine {lacking}")
            pause.wait(RECOVERY_S)
