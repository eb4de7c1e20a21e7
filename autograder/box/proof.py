"""Proves a box by attacking it: lays out bait on the host, runs ``attack.py`` inside, and looks what was reached.

The attack is a cell of a kernel that was started as for a submission, so what is proven is what student code meets.
"""

import ctypes
import json
import os
import platform
import re
import secrets
import socket
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from autograder.box.attack import started
from autograder.box.mounts import PACKAGE
from autograder.box.run_once import printed_in_a_box
from autograder.box.template import Template
from autograder.config import MIB, Settings
from autograder.errors import BoxUnavailable

PROBE_SCRATCH = 16 * MIB  # the same limit, smaller, so that filling it takes no time
CORE_PATTERN = Path("/proc/sys/kernel/core_pattern")
LANDLOCK_CREATE_RULESET, ASK_FOR_VERSION = 444, 1
LOADS_NO_MODULES = (6, 14)  # from this release on the kernel loads none for a program of unknown kind


@dataclass(frozen=True)
class Finding:
    """One thing the doctor looked at.

    Attributes:
        warning: Whether the remedy is worth telling although this machine can grade without it.
    """

    what: str
    good: bool
    remedy: str = ""
    warning: bool = False


def attack_the_box(settings: Settings, template: Template | None = None) -> list[Finding]:
    """One finding for each property of the box.

    Args:
        template: What the box is a fork of; None for a cold one.

    Raises:
        BoxUnavailable: No box can be had, or the attack could not run in it.
    """
    settings = replace(settings, limits=replace(settings.limits, scratch_bytes=PROBE_SCRATCH))
    token = secrets.token_hex(8)
    settings.workspace.mkdir(parents=True, exist_ok=True)
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as abstract,
        tempfile.NamedTemporaryFile("w", prefix="canary-", dir=settings.workspace) as canary,
        tempfile.NamedTemporaryFile("w", prefix=".canary-", dir=_home(settings)) as at_home,
    ):
        abstract.bind(f"\0autograder-{token}")
        abstract.listen()
        bait = {
            "tcp_port": tcp.getsockname()[1],
            "abstract_socket": f"autograder-{token}",
            "files": [
                canary.name,
                at_home.name,
                str(settings.solutions_notebook),
                str(PACKAGE / "judge" / "judge.py"),
                str(settings.assignment.folder / "assignment.toml"),
            ],
            "folders": [
                str(settings.course / "solutions"),
                str(settings.workspace),
                str(PACKAGE / "judge"),
                str(settings.assignment.checks),
                "/box/assignment/../checks",
            ],
            "read_only": [canary.name, "/canary", "/usr/canary", "/box/lib/inside/__init__.py", f"{sys.prefix}/canary"],
            "pid": os.getpid(),
            "started": started(os.getpid()),
            "variable": f"CANARY_{token}",
            "marker": token,
            "scratch_bytes": PROBE_SCRATCH,
            "core_program": CORE_PATTERN.read_text().startswith("|"),
            "restricts_programs": _restricts_programs(),
        }
        text = (Path(__file__).parent / "attack.py").read_text()
        os.environ[bait["variable"]] = "x"
        try:
            held = json.loads(
                printed_in_a_box(f"{text}\n\nimport json\nprint(json.dumps(attack({bait!r})))", settings, template)
            )
        except ValueError:
            raise BoxUnavailable("The attack on the box broke off.") from None
        finally:
            del os.environ[bait["variable"]]
        touched = any(Path(name).stat().st_size for name in (canary.name, at_home.name))
    held["no bait on the host was changed"] = not touched
    held["nothing in the box outlives it"] = not _alive(token)
    remedy = "Do not grade on this machine until this holds: a submission could use it."
    kind = "warm box" if template else "box"
    return [Finding(f"{kind}: {what}", good, remedy) for what, good in held.items()]


def _restricts_programs() -> bool:
    """Whether boxes start installed programs alone, see inside/programs.py."""
    release = tuple(int(part) for part in re.findall(r"\d+", platform.release())[:2])
    has_landlock = ctypes.CDLL(None).syscall(LANDLOCK_CREATE_RULESET, None, 0, ASK_FOR_VERSION) > 0
    return has_landlock and release < LOADS_NO_MODULES


def _home(settings: Settings) -> Path:
    """The home folder, or the workspace where that cannot be written."""
    return Path.home() if os.access(Path.home(), os.W_OK) else settings.workspace


def _alive(marker: str, patience_s: float = 3.0) -> bool:
    """Whether a process with ``marker`` in its command line is still there after a moment."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        if not any(marker in " ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])):
            return False
        time.sleep(0.1)
    return True
