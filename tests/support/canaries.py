"""Bait on the host for hostile notebooks: laid out before a class is graded, looked at afterwards.

Every piece holds the same secret text, made for one run. A notebook that found a piece prints it, so the secret in the
workspace says that something got out of a box; a piece that changed, or was called, says that something was reached.
"""

import contextlib
import json
import secrets
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

DAEMON = "CANARY-daemon"  # in the command line of what the notebooks leave behind
FROM_A_PICKLE = Path("/tmp/autograder-corpus-canary")  # what their pickles make, wherever they are read
KERNEL_SETTINGS = Path("/proc/sys/kernel/core_pattern")
NEIGHBOUR = "neighbour"


@dataclass
class Canaries:
    """The bait that was laid out.

    Attributes:
        secret: In every piece of bait.
        environment: To be added to the grader's.
    """

    secret: str
    environment: dict[str, str]
    files: dict[Path, bytes] = field(default_factory=dict)
    listening: dict[str, socket.socket] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    settings: str = ""

    def complaints(self, workspace: Path) -> list[str]:
        """What was touched on the host, and where the secret is in a workspace: one sentence each."""
        found = [f"{path} was changed" for path, content in self.files.items() if not _still(path, content)]
        found += [f"somebody called {name}" for name, listener in self.listening.items() if _was_called(listener)]
        if self.process is None or self.process.poll() is not None:
            found.append("a process outside was ended")
        if FROM_A_PICKLE.exists():
            found.append(f"a pickle was read out here: it made {FROM_A_PICKLE}")
        if KERNEL_SETTINGS.read_text() != self.settings:
            found.append(f"{KERNEL_SETTINGS} was changed")
        found += [f"a daemon outlived its box: process {pid}" for pid in _daemons()]
        for file in workspace.rglob("*"):
            own = NEIGHBOUR in file.relative_to(workspace).parts
            if file.is_file() and not own and self.secret.encode() in file.read_bytes():
                found.append(f"the secret is in {file}")
        return found


@contextlib.contextmanager
def planted(folder: Path, handed_in: Path) -> Iterator[Canaries]:
    """Lay out bait, and clear it away at the end.

    Args:
        folder: For the bait that can lie anywhere.
        handed_in: The class: a neighbour's notebook is added to it.
    """
    secret = f"CANARY-{secrets.token_hex(16)}"
    FROM_A_PICKLE.unlink(missing_ok=True)
    with contextlib.ExitStack() as stack:
        canaries = Canaries(secret, {"CANARY_TOKEN": secret}, settings=KERNEL_SETTINGS.read_text())
        runtime = Path.home() / ".local" / "share" / "jupyter" / "runtime"
        for path, content in {
            folder / "solutions" / "early_exit.ipynb": json.dumps({"cells": [secret]}).encode(),
            folder / "grades.csv": f"student,points\n{secret},27\n".encode(),
            handed_in / f"{NEIGHBOUR}.ipynb": f'{{"cells": ["{secret}"'.encode(),  # broken off: it costs no box
            handed_in / "notes.txt": secret.encode(),
            Path.home() / f".{secret}": secret.encode(),
            runtime / f"kernel-{secret}.json": json.dumps({"key": secret, "transport": "tcp"}).encode(),
        }.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            stack.callback(path.unlink, missing_ok=True)
            canaries.files[path] = content
        gradebook = folder / "gradebook.db"
        with contextlib.closing(sqlite3.connect(gradebook)) as book:
            book.executescript(f"CREATE TABLE grade (student, auto_score, manual_score); "
                               f"INSERT INTO grade VALUES ('{secret}', 1, 1);")  # fmt: skip
        canaries.files[gradebook] = gradebook.read_bytes()
        for name, family, address in (
            ("a port of this machine", socket.AF_INET, ("127.0.0.1", 0)),
            ("an abstract unix socket", socket.AF_UNIX, f"\0{secret}"),
            ("a unix socket", socket.AF_UNIX, str(folder / "socket")),
        ):
            listener = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
            listener.bind(address)
            listener.listen(64)
            listener.setblocking(False)
            canaries.listening[name] = listener
        command = [sys.executable, "-c", f"import time; time.sleep(36000)  # {secret}"]
        canaries.process = stack.enter_context(subprocess.Popen(command))
        stack.callback(canaries.process.kill)
        yield canaries


def _still(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content


def _was_called(listener: socket.socket) -> bool:
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def _daemons(patience_s: float = 3.0) -> list[int]:
    """Processes of the notebooks that are still there after a moment."""
    end = time.monotonic() + patience_s
    while True:
        processes = psutil.process_iter(["cmdline"])
        alive = [one.pid for one in processes if DAEMON in " ".join(one.info["cmdline"] or ())]
        if not alive or time.monotonic() > end:
            return alive
        time.sleep(0.1)
