"""Tries whether a box is bounded: it is made to use too much of each thing, with limits small enough to take no time.

Called by the doctor. What is tried is what student code meets: cells of a kernel that was started as for a submission.
"""

from dataclasses import dataclass, replace

from autograder.box.box import Box
from autograder.box.proof import Finding
from autograder.box.run_once import printed
from autograder.box.stream import Broken
from autograder.box.template import Template
from autograder.config import MIB, Settings
from autograder.errors import BoxUnavailable

TRIAL_S = 20  # for one trial; the watchdog needs a tenth of a second, more where the machine is busy
MEMORY = 768 * MIB  # above what a box has before student code runs
SCRATCH = 16 * MIB
TASKS = 64
SPINNERS = 24  # processes that do nothing but compute
SLOWED = 3.0  # times: what a neighbour may be slowed down by them where boxes share the processors evenly


@dataclass(frozen=True)
class Trial:
    """One thing that a box is to use too much of.

    Attributes:
        code: Tries it. It prints "refused" if the kernel refuses, and "got through" at the end.
        ended_for: The reason for which the box is ended if the kernel does not refuse.
    """

    what: str
    code: str
    ended_for: str


TRIALS = (
    Trial(
        "memory",
        "kept = []\nfor _ in range(96):\n    kept.append(b'x' * (32 << 20))\ntime.sleep(3)\nprint('got through')",
        "memory",
    ),
    Trial(
        "processes",
        "try:\n    for _ in range(200):\n        if os.fork() == 0:\n            time.sleep(60)\n"
        "except OSError:\n    print('refused')\nelse:\n    time.sleep(3)\n    print('got through')",
        "tasks",
    ),
    Trial(
        "files",
        "try:\n    for number in range(6000):\n        open(f'/tmp/{number}', 'w').close()\n"
        "except OSError:\n    print('refused')\nelse:\n    time.sleep(3)\n    print('got through')",
        "files",
    ),
    Trial(
        "sockets",
        "import socket\nfor _ in range(4):\n    if os.fork() == 0:\n"
        "        kept = [socket.socketpair() for _ in range(200)]\n        time.sleep(60)\n        os._exit(0)\n"
        "time.sleep(3)\nprint('got through')",
        "sockets",
    ),
)
SPIN = f"import os\nfor _ in range({SPINNERS}):\n    if os.fork() == 0:\n        while True:\n            pass"
WORK = "import time\nbegin = time.monotonic()\nfor _ in range(8_000_000):\n    pass\nprint(time.monotonic() - begin)"


def exhaust_the_box(settings: Settings, template: Template | None = None) -> list[Finding]:
    """One finding for each thing of which a box must not have more than its limit.

    Args:
        template: What the boxes are forks of; None for cold ones.

    Raises:
        BoxUnavailable: No box can be had.
    """
    limits = replace(settings.limits, memory_bytes=MEMORY, scratch_bytes=SCRATCH, tasks=TASKS)
    settings = replace(settings, limits=limits)
    kind = "warm box" if template else "box"
    findings = []
    for trial in TRIALS:
        words, ended_for = _tried(trial.code, settings, template)
        bounded = ended_for == trial.ended_for or (ended_for is None and words.startswith("refused"))
        came_of_it = f"it was ended for {ended_for}" if ended_for else f"it printed {words!r}"
        remedy = f"Do not grade on this machine: a box had more {trial.what} than its limit, and {came_of_it}."
        findings.append(Finding(f"{kind}: no more {trial.what} than the limit", bounded, remedy))
    return findings


def slowed_by_a_neighbour(settings: Settings, template: Template | None = None) -> float:
    """How many times longer a box takes for the same work next to one that starts many processes.

    Raises:
        BoxUnavailable: No box can be had.
    """
    try:
        return _slowed(settings, template)
    except (Broken, TimeoutError, ValueError) as error:
        why = "it took too long" if isinstance(error, TimeoutError) else "it ended"
        raise BoxUnavailable(f"The limits could not be tried in a box: {why}.") from None


def _tried(code: str, settings: Settings, template: Template | None) -> tuple[str, str | None]:
    """What a trial printed, and what its box was ended for."""
    with Box(settings, template, bare=True) as box:
        try:
            words = printed(box, f"import os, time\n{code}", TRIAL_S)
        except (Broken, TimeoutError):
            words = ""
        return words, box.ended_for()


def _slowed(settings: Settings, template: Template | None) -> float:
    with Box(settings, template, bare=True) as worker:
        alone = float(printed(worker, WORK, TRIAL_S))
        with Box(settings, bare=True) as neighbour:  # a template makes one box at a time
            printed(neighbour, SPIN, TRIAL_S)
            return float(printed(worker, WORK, TRIAL_S)) / alone
