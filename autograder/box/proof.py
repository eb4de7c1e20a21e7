"""Proves a box by attacking it: lays out bait on the host, runs ``attack.py`` inside, and looks what was reached."""

import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from autograder.box.isolation import PACKAGE, enclose
from autograder.config import MIB, Settings
from autograder.errors import BoxUnavailable

PROBE_SCRATCH = 16 * MIB  # the same limit, smaller, so that filling it takes no time


@dataclass(frozen=True)
class Finding:
    """One thing the doctor looked at."""

    what: str
    good: bool
    remedy: str = ""


def attack_the_box(settings: Settings) -> list[Finding]:
    """One finding for each property of the box.

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
                str(PACKAGE / "judge" / "plugin.py"),
            ],
            "folders": [str(settings.course / "solutions"), str(settings.workspace), str(PACKAGE / "judge")],
            "read_only": [canary.name, "/canary", "/usr/canary", "/box/lib/inside/__init__.py", f"{sys.prefix}/canary"],
            "pid": os.getpid(),
            "variable": f"CANARY_{token}",
            "marker": token,
            "scratch_bytes": PROBE_SCRATCH,
            "confined": not settings.unsafe_no_box,
        }
        text = (Path(__file__).parent / "attack.py").read_text()
        command = enclose([sys.executable, "-P", "-c", text, json.dumps(bait)], settings)
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=60,
                env={**os.environ, f"CANARY_{token}": "x"},
            )
            held = json.loads(done.stdout)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            raise BoxUnavailable(f"The attack on the box could not run: {error}") from None
        touched = any(Path(name).stat().st_size for name in (canary.name, at_home.name))
    held["no bait on the host was changed"] = not touched
    held["nothing in the box outlives it"] = not _alive(token)
    remedy = "Do not grade on this machine until this holds: a submission could use it."
    return [Finding(f"box: {what}", good, remedy) for what, good in held.items()]


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
