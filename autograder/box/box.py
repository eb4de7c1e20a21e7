"""Starts one box with a kernel in it, interrupts it and ends it.

The box is a fork of a template, or with none a new one of its own, which takes the seconds that torch needs. One socket
leads into it (stream.py). Its first message is the order to start. It goes through the socket, because every user of
the machine can read a command line, and because the box is put in its control group before.

Interrupts and kills come from outside and by process number, so nothing in the box is asked for them.

A box that does not start says why: its standard error leads to the grader until its kernel is ready.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil

from autograder.box.cgroup import ControlGroup, make_group
from autograder.box.isolation import as_box_user, box_environment, enclose, python_in_box, to_preload
from autograder.box.kill import alive, kill_all_of, kill_tree
from autograder.box.processes import members
from autograder.box.rlimits import make_room_for_descriptors, rlimits
from autograder.box.stream import Broken, Failed, Message, Ready, Stream, message_bytes
from autograder.box.sweep import scratch_folder
from autograder.box.template import Template
from autograder.box.watchdog import Watchdog
from autograder.config import Settings
from autograder.errors import BoxUnavailable

START_S = 20  # for bubblewrap to put the box together, on a loaded machine
READY_S = 120  # from the order to the kernel's first answer: importing torch takes seconds, many on a loaded machine
MAX_OOM_SCORE = 1000  # of /proc/PID/oom_score_adj, see proc(5)
MAX_WORDS, LONGEST_LINE = 65_536, 300
_live: "set[Box]" = set()


class Box:
    """A box whose kernel is ready for its first cell. As a context manager it ends the box.

    Args:
        template: What the box is a fork of; None for one with nothing loaded.
        bare: For our own trials: a box with nothing loaded leaves it at what the kernel needs, and starts sooner.

    Raises:
        BoxUnavailable: It did not start; none of the notebook has run.
    """

    def __init__(self, settings: Settings, template: Template | None = None, *, bare: bool = False) -> None:
        self._settings = settings
        self._preload = to_preload(settings) if not bare else {"modules": [], "packages": [], "folder": ""}
        self._process: psutil.Process | None = None
        self._user: int | None = None  # without walls, whose processes they are
        self._watchdog: Watchdog | None = None
        self._group: ControlGroup | None = None
        self._left = contextlib.ExitStack()  # what is to be cleared away when the box is gone
        reading, writing = os.pipe()
        try:
            with os.fdopen(reading, "rb", buffering=0) as complaints, os.fdopen(writing, "wb") as complain:
                self._start(template, complain.fileno())
                self._wait_until_ready(complaints.fileno())
        except BaseException:
            self.end()
            raise

    def __enter__(self) -> "Box":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def send(self, order: dict[str, Any], seconds: float) -> None:
        """Give an order; see :meth:`Stream.send`."""
        self._stream.send(order, seconds)

    def receive(self, seconds: float) -> Message:
        """The next message of the box; see :meth:`Stream.receive`."""
        return self._stream.receive(seconds)

    def interrupt(self) -> None:
        """Interrupt the kernel and what it started, as a person does by Ctrl-C."""
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if self._kernel.is_running():
                os.killpg(self._kernel.pid, signal.SIGINT)

    def end(self) -> None:
        """End the box and everything in it, whatever state it is in."""
        if self._watchdog:
            self._watchdog.stop()
        if self._process:
            kill_tree(self._process, self._group)
        _live.discard(self)
        self._left.close()

    def ended_for(self) -> str | None:
        """The watchdog's reason for ending the box, or "memory" if the kernel ended it; None if neither did."""
        if self._watchdog and self._watchdog.broken:
            return self._watchdog.broken
        return "memory" if self._group and self._group.ran_out_of_memory() else None

    def _start(self, template: Template | None, complain: int) -> None:
        limits = self._settings.limits
        self._group = make_group(limits)  # first: it may move this process, and all that it started by then
        if self._group:
            self._left.callback(self._group.remove)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._stream = Stream(self._left.enter_context(ours), limits)
        with theirs:
            make_room_for_descriptors()
            if template:
                self._process = template.fork([theirs.fileno(), complain])
                at_rest = [self._process.pid]
            else:
                self._process = self._new(theirs, complain)
                at_rest = self._tree_at_rest(self._process)
        # The first program in the box waits for its orders: what it starts is born in the group.
        if self._group:
            self._group.add(at_rest)
        for pid in at_rest:  # where the machine runs out of memory, its kernel is to end a box and not the grader
            with contextlib.suppress(OSError):  # it ended meanwhile
                Path(f"/proc/{pid}/oom_score_adj").write_text(f"{MAX_OOM_SCORE}")
        _live.add(self)
        self._watchdog = Watchdog(self._process, limits, self._group, self._user)
        self._watchdog.start()

    def _new(self, theirs: socket.socket, complain: int) -> psutil.Popen:
        """A box of its own."""
        environment = box_environment(self._settings)
        folder = "/"
        if self._settings.unsafe_no_box:  # no private /tmp: every run gets a folder, removed with its box
            folder = str(scratch_folder())
            self._left.callback(shutil.rmtree, folder, ignore_errors=True)
            environment |= dict.fromkeys(("TMPDIR", "HOME", "IPYTHONDIR", "MPLCONFIGDIR"), folder)
        user = as_box_user(self._settings)
        if user and self._settings.unsafe_no_box:
            self._user = user["user"]
            os.chown(folder, self._user, self._user)
            self._left.callback(kill_all_of, self._user)  # also what left the tree
        return psutil.Popen(
            enclose([python_in_box(), "-P", "-m", "inside.start"], self._settings),
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=complain,
            env=environment,
            cwd=folder,
            start_new_session=True,
            **user,
        )

    def _tree_at_rest(self, process: psutil.Popen) -> list[int]:
        """The processes of a new box before it has its orders: bubblewrap, its process 1, and Python."""
        depth = 1 if self._settings.unsafe_no_box else 3
        end = time.monotonic() + START_S
        tree = members(process.pid)
        while len(tree) < depth and process.poll() is None and time.monotonic() < end:
            time.sleep(0.005)
            tree = members(process.pid)
        return tree

    def _wait_until_ready(self, complaints: int) -> None:
        limits, settings = self._settings.limits, self._settings
        assert self._process is not None
        order = {
            "rlimits": rlimits(settings),
            "confined": settings.own_user or not settings.unsafe_no_box,
            "preload": self._preload,
            "scratch_bytes": limits.scratch_bytes,
            "output_bytes": limits.output_bytes,
            "message_bytes": message_bytes(limits),
        }
        try:
            self.send(order, START_S)
            said = self.receive(READY_S)
        except (Broken, TimeoutError) as error:
            late = isinstance(error, TimeoutError) and alive(self._process)
            reason = f"its kernel did not answer within {READY_S} s" if late else "it ended before its kernel was ready"
            words = _last_words(complaints)
            said_why = f" It said: {words}." if words else ""
            raise BoxUnavailable(f"The box did not start: {reason}.{said_why} Run `autograder doctor`.") from None
        if isinstance(said, Failed):
            raise BoxUnavailable(f"What the box needs cannot be imported in it. {_line(said.reason)}")
        if not isinstance(said, Ready):
            raise BoxUnavailable("The box did not start: it sent something else before.")
        try:
            self._kernel = psutil.Process(members(self._process.pid)[-2])  # the driver comes last, see inside/start.py
        except (IndexError, OSError, psutil.Error):
            raise BoxUnavailable("The box ended as soon as its kernel was ready.") from None


def _last_words(complaints: int) -> str:
    """The last line that a box wrote while it started, for a person; "" if it wrote nothing."""
    os.set_blocking(complaints, False)
    said = b""
    with contextlib.suppress(BlockingIOError):
        while len(said) < MAX_WORDS and (part := os.read(complaints, MAX_WORDS)):
            said += part
    return _line((said.decode(errors="replace").strip().splitlines() or [""])[-1])


def _line(text: str) -> str:
    return "".join(filter(str.isprintable, text))[:LONGEST_LINE]


def end_all() -> None:
    """Kill every box of this process; whoever drives one finds it gone."""
    for box in list(_live):
        if box._process:
            kill_tree(box._process, box._group)
