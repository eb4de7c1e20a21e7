"""Starts and ends the box of one kernel, as jupyter_client's provisioners start and end a kernel.

The box is a fork of a template, or with none a new one of its own, which takes the seconds that torch needs.

A kernel binds five sockets. Ours are opened and set listening outside, in a private folder that the box never sees, and
their descriptors are inherited. Inside, libzmq adopts them (``ZMQ_USE_FD``). If the box could write in a folder of
sockets, a submission could fill the host's disk or put links in the client's way. The client connects through a relay
that bounds what comes out. The key that signs messages goes through a pipe, because every user of the machine can read
a command line.

A box that does not start says why: its standard error leads to the grader until its kernel is ready.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import psutil
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase

from autograder.box.cgroup import ControlGroup, make_group
from autograder.box.isolation import as_box_user, box_environment, enclose, python_in_box
from autograder.box.kill import alive, kill_tree
from autograder.box.message_bounds import CHANNELS, all_bytes, message_bytes
from autograder.box.processes import members
from autograder.box.relay import Relay
from autograder.box.rlimits import make_room_for_descriptors, rlimits
from autograder.box.sweep import socket_folder
from autograder.box.template import Template
from autograder.box.watchdog import Watchdog
from autograder.config import Settings

START_S = 20  # for bubblewrap to put the box together, on a loaded machine
Started = tuple[psutil.Process, Callable[[], list[int]], IO[bytes]]  # the box, its processes at rest, its orders
MAX_OOM_SCORE = 1000  # of /proc/PID/oom_score_adj, see proc(5)
MAX_WORDS, LONGEST_LINE = 65_536, 300
_live: "set[BoxProvisioner]" = set()


class BoxProvisioner(KernelProvisionerBase):
    """Starts and ends the process tree of one boxed kernel."""

    process: psutil.Process | None = None
    watchdog: Watchdog | None = None
    settings: Settings
    template: Template | None = None
    folder: Path | None = None
    relay: Relay | None = None
    group: ControlGroup | None = None
    complaints: int | None = None  # where the box says what goes wrong before its kernel is ready

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Open the sockets and put the command line together."""
        self.folder = socket_folder()
        manager = self.parent
        manager.ip = str(self.folder / "k")
        for port, channel in enumerate(CHANNELS, start=1):
            setattr(manager, f"{channel}_port", port)
        return {"cmd": [], **kwargs}

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> dict[str, Any]:
        """Start the box with the kernel in it."""
        assert self.folder is not None  # made by pre_launch
        manager = self.parent
        connection = manager.get_connection_info()
        connection["key"] = connection["key"].decode()
        limits = self.settings.limits
        self.group = make_group(limits)  # first: it may move this process, and all that it started by then
        with contextlib.ExitStack() as stack:
            listening = {}
            for port in range(1, len(CHANNELS) + 1):
                sock = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
                sock.bind(str(self.folder / f"b-{port}"))
                sock.listen(16)
                sock.setblocking(False)
                listening[port] = sock.fileno()
            spec = {"connection": connection, "rlimits": rlimits(self.settings)}
            self.relay = Relay(self.folder, message_bytes(limits), all_bytes(limits))
            await self.relay.start()
            start = self._fork if self.template else self._new
            make_room_for_descriptors()
            self.process, tree, orders = start(listening, spec)
        # The first program in the box waits for its orders: what it starts is born in the group.
        at_rest = tree()
        if self.group:
            self.group.add(at_rest)
        for pid in at_rest:  # where the machine runs out of memory, its kernel is to end a box and not the grader
            with contextlib.suppress(OSError):  # it ended meanwhile
                Path(f"/proc/{pid}/oom_score_adj").write_text(f"{MAX_OOM_SCORE}")
        with contextlib.suppress(BrokenPipeError), orders:
            # Not as an argument: every user of the machine could read the signing key in the process list.
            orders.write(json.dumps(spec).encode())
        _live.add(self)
        self.watchdog = Watchdog(self.process, limits, self.group)
        self.watchdog.start()
        return manager.get_connection_info()

    def _new(self, listening: dict[int, int], spec: dict[str, Any]) -> Started:
        """A box of its own."""
        spec |= {"sockets": listening, "confined": not self.settings.unsafe_no_box}
        self.complaints, complaints = os.pipe()
        process = psutil.Popen(
            enclose([python_in_box(), "-P", "-m", "inside.start"], self.settings),
            pass_fds=tuple(listening.values()),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
            env=self._environment(),
            cwd="/" if not self.settings.unsafe_no_box else str(self.folder),
            start_new_session=True,
            **as_box_user(self.settings),
        )
        os.close(complaints)
        return process, lambda: self._tree_at_rest(process), process.stdin

    def _fork(self, listening: dict[int, int], spec: dict[str, Any]) -> Started:
        """A fork of the template."""
        assert self.template is not None
        spec |= {"scratch_bytes": self.settings.limits.scratch_bytes}
        reading, writing = os.pipe()
        self.complaints, complaints = os.pipe()
        orders = os.fdopen(writing, "wb")
        try:
            process = self.template.fork([reading, complaints, *listening.values()])
        except BaseException:
            orders.close()
            raise
        finally:
            os.close(reading)
            os.close(complaints)
        return process, lambda: [process.pid], orders

    def _tree_at_rest(self, process: psutil.Popen) -> list[int]:
        """The processes of a new box before it has its orders: bubblewrap, its process 1, and Python."""
        depth = 1 if self.settings.unsafe_no_box else 3
        end = time.monotonic() + START_S
        tree = members(process.pid)
        while len(tree) < depth and process.poll() is None and time.monotonic() < end:
            time.sleep(0.005)
            tree = members(process.pid)
        return tree

    def _environment(self) -> dict[str, str]:
        variables = box_environment(self.settings)
        if self.settings.unsafe_no_box:  # no private /tmp: every run gets a folder, removed with its sockets
            variables |= {name: str(self.folder) for name in ("TMPDIR", "HOME", "IPYTHONDIR", "MPLCONFIGDIR")}
        return variables

    @property
    def has_process(self) -> bool:
        """Whether the box was started."""
        return self.process is not None

    async def poll(self) -> int | None:
        """None while the box lives."""
        return None if self.process and alive(self.process) else 0

    async def wait(self) -> int | None:
        """Wait for the box to end."""
        return self.process.wait() if self.process else 0

    async def send_signal(self, signum: int) -> None:
        """Nothing but the end is sent to a box: its outermost process is not the kernel (interrupts are messages)."""

    async def kill(self, restart: bool = False) -> None:
        """End the box and everything in it."""
        if self.relay:
            self.relay.close()
        if self.watchdog:
            self.watchdog.stop()
        if self.process:
            kill_tree(self.process, self.group)
        _live.discard(self)
        if self.group:
            self.group.remove()

    async def terminate(self, restart: bool = False) -> None:
        """Same as :meth:`kill`; there is nothing in a box to be gentle with."""
        await self.kill()

    def last_words(self) -> str:
        """The last line that the box wrote while it started, for a person; "" if it wrote nothing."""
        if self.complaints is None:
            return ""
        os.set_blocking(self.complaints, False)
        said = b""
        with contextlib.suppress(BlockingIOError):
            while len(said) < MAX_WORDS and (part := os.read(self.complaints, MAX_WORDS)):
                said += part
        lines = said.decode(errors="replace").strip().splitlines() or [""]
        return "".join(filter(str.isprintable, lines[-1]))[:LONGEST_LINE]

    async def cleanup(self, restart: bool = False) -> None:
        """Remove the sockets."""
        if self.complaints is not None:
            os.close(self.complaints)
            self.complaints = None
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)


def end_all() -> None:
    """Kill every box of this process; whoever drives one finds its kernel dead."""
    for provisioner in list(_live):
        if provisioner.process:
            kill_tree(provisioner.process, provisioner.group)
