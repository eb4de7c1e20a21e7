"""What the grader calls on a worker of a cluster: a look whether it can be trusted, then one notebook after another.

The grader imports this for the names; a worker's process runs it, on another machine and as the same user. It knows
nothing of Dask. What leaves a worker is plain data: a report, or the bytes of a run. It never raises for a fault of
its machine, because that would be read as a fault of the notebook's.

A worker keeps warm templates for each course that it was asked about, until it has to do with another one.
"""

import contextlib
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from autograder.box.isolation import box_label
from autograder.boxes import Boxes, Order
from autograder.config import Settings, memory_bytes
from autograder.doctor import examine
from autograder.errors import BoxUnavailable, GraderError
from autograder.keys import code_key, surroundings_key
from autograder.runs import packed

LOADED = code_key()  # what this process runs, whatever lies on the disk later
FAULT = b"fault "  # begins an answer that is no run
EXAMINED_S = 3600  # for which what the doctor said holds
KEPT_S = 600  # templates of a course that nobody asks for any more


@dataclass(frozen=True)
class Site:
    """What a worker has to agree with before it runs anything.

    Attributes:
        surroundings: Hash of everything but the notebook that a run depends on, as it is where the grader runs.
        box: What isolates submissions there.
    """

    settings: Settings
    surroundings: str
    box: str


@dataclass(frozen=True)
class Report:
    """What a worker found out about itself.

    Attributes:
        host: The name of its machine, for people.
        slots: Notebooks that it can run at a time.
        refused: Why it cannot be trusted; "" if it can.
        warnings: What the doctor warns of.
    """

    host: str
    slots: int = 0
    refused: str = ""
    warnings: tuple[str, ...] = ()


@dataclass
class _Kept:
    """The boxes of one site, how many run, and when one was last asked for."""

    boxes: Boxes
    running: int = 0
    used: float = field(default_factory=time.monotonic)


_sites: dict[Site, _Kept] = {}
_doctor_said: dict[Site, tuple[float, tuple[str, ...]]] = {}
_lock = threading.Lock()


def admit(site: Site, threads: int, thorough: bool) -> Report:
    """Whether this worker's runs can take the place of the grader's own.

    It must have the same surroundings and the same box, must have loaded the code that is on its disk, and must get
    a template up. A thorough look is the doctor's, whose every finding has to be good; it takes some seconds.

    Args:
        threads: Notebooks that the cluster would have it run at a time.
    """
    host = socket.gethostname()
    slots = max(1, min(threads, memory_bytes() // site.settings.limits.memory_bytes))
    try:
        if reason := _differs(site):
            return Report(host, refused=reason)
        warnings = _examined(site) if thorough else ()
        with _kept(site, slots) as boxes:
            if not boxes.why_cold:
                try:
                    with boxes.templates.borrow():
                        pass
                except BoxUnavailable as error:
                    raise GraderError(f"{error} With --cold, boxes do without.") from None
    except (GraderError, OSError) as error:
        return Report(host, refused=str(error))
    return Report(host, slots, warnings=warnings)


def execute(site: Site, order: Order) -> bytes:
    """One notebook, run in a box of this worker: the packed run, or after FAULT the sentence that says why not."""
    try:
        with _lock:
            admitted = site in _sites
        if not admitted:
            raise GraderError("The worker was started again and has not been looked at yet.")
        with _kept(site, 1) as boxes:
            return packed(boxes.run(order))
    except Exception as error:
        what = str(error) if isinstance(error, GraderError) else f"{type(error).__name__}: {error}"
        return FAULT + what.encode("utf-8", "replace")


def _differs(site: Site) -> str:
    """How this worker differs from where the grader runs, in a sentence; "" if it does not."""
    if not site.settings.course.is_dir():
        return f"There is no {site.settings.course} on this machine. Workers need the course at the same path."
    if code_key() != LOADED:
        return "The grader's code has changed since this worker started. Start the worker again."
    if surroundings_key(site.settings) != site.surroundings:
        return (
            "Its Python, packages, course or grader are not those of the machine that grades. Use one environment "
            "and one course for all, on a file system that they share."
        )
    if (label := box_label(site.settings)) != site.box:
        return f"Its box is {label}, and that of the machine that grades is {site.box}."
    return ""


def _examined(site: Site) -> tuple[str, ...]:
    """What the doctor warns of here; remembered for an hour, because it takes some seconds.

    Raises:
        GraderError: The doctor found something that is not good.
    """
    when, warnings = _doctor_said.get(site, (0.0, ()))
    if when and time.monotonic() - when < EXAMINED_S:
        return warnings
    found = []
    with tempfile.TemporaryDirectory(prefix="autograder-worker-") as folder:
        for finding in examine(replace(site.settings, workspace=Path(folder))):
            if not finding.good:
                raise GraderError(f"The doctor says no: {finding.what}. {finding.remedy}")
            if finding.warning:
                found.append(finding.what)
    _doctor_said[site] = time.monotonic(), tuple(found)
    return tuple(found)


@contextlib.contextmanager
def _kept(site: Site, slots: int) -> Iterator[Boxes]:
    """The boxes of a site, which stay; those that nobody has asked for lately are closed."""
    with _lock:
        for other, kept in list(_sites.items()):
            if other != site and not kept.running and time.monotonic() - kept.used > KEPT_S:
                _sites.pop(other).boxes.close()
        mine = _sites.get(site)
        if mine is None:
            mine = _sites[site] = _Kept(Boxes(replace(site.settings, jobs=slots)))
        mine.running += 1
    try:
        yield mine.boxes
    finally:
        with _lock:
            mine.running -= 1
            mine.used = time.monotonic()
