"""A Jupyter kernel inside a box, as jupyter_client and nbclient expect one.

The box is a fork of a template, or with none a new one of its own, which takes the seconds that torch needs.

Five unix sockets in a private folder of the host lead to the box, which never sees that folder: the sockets are opened
and set listening out here, and their descriptors are inherited; inside, libzmq adopts them (ZMQ_USE_FD). The client
connects to them through a relay that bounds what comes out. Messages are signed with a key that is new for each box.
"""

import contextlib
import json
import os
import platform
import resource
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty
from typing import IO, Any

import psutil
import zmq
from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from traitlets.config import Config

from autograder.box.cgroup import ControlGroup, abandoned, make_group, remove_abandoned
from autograder.box.isolation import box_environment, enclose, python_in_box
from autograder.box.limits import MAX_DESCRIPTORS, Watchdog, alive, kill_tree, members
from autograder.box.relay import Relay
from autograder.box.template import Template
from autograder.config import MIB, Settings

CHANNELS = ("shell", "iopub", "stdin", "control", "hb")
ENVELOPE = 8 * MIB  # what a message may hold beside evidence; at a larger one libzmq ends the connection
# Port -> bytes of one message in all its frames. Evidence comes over iopub, a piece at a time, with arrays of 8 MiB at
# most; an honest error may be some megabytes long.
MESSAGES = {port: (3 if channel == "iopub" else 1) * ENVELOPE for port, channel in enumerate(CHANNELS, start=1)}
UNREAD = 8  # messages that may wait at a socket of ours; libzmq would keep a thousand, also where nobody reads (stdin)
START_S = 20  # for bubblewrap to put the box together, on a loaded machine
Started = tuple[psutil.Process, Callable[[], list[int]], IO[bytes]]  # the box, its processes at rest, its orders
MAX_CONTAINERS = 200_000  # lists and objects in one message; each takes some 100 bytes once read
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

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Open the sockets and put the command line together."""
        self.folder = Path(tempfile.mkdtemp(prefix=f"box-{os.getpid()}-"))  # 0700, short: a unix path ends at 107
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
            self.relay = Relay(self.folder, MESSAGES)
            await self.relay.start()
            start = self._fork if self.template else self._new
            self.process, tree, orders = start(listening, spec)
        # The first program in the box waits for its orders: what it starts is born in the group.
        if self.group:
            self.group.add(tree())
        with contextlib.suppress(BrokenPipeError), orders:
            # Not as an argument: the signing key would stand in every user's process list.
            orders.write(json.dumps(spec).encode())
        _live.add(self)
        self.watchdog = Watchdog(self.process, limits, self.group)
        self.watchdog.start()
        return manager.get_connection_info()

    def _new(self, listening: dict[int, int], spec: dict[str, Any]) -> Started:
        """A box of its own."""
        spec |= {"sockets": listening, "confined": not self.settings.unsafe_no_box}
        process = psutil.Popen(
            enclose([python_in_box(), "-P", "-m", "inside.start"], self.settings),
            pass_fds=tuple(listening.values()),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self._environment(),
            cwd="/" if not self.settings.unsafe_no_box else str(self.folder),
            start_new_session=True,
        )
        return process, lambda: self._tree_at_rest(process), process.stdin

    def _fork(self, listening: dict[int, int], spec: dict[str, Any]) -> Started:
        """A fork of the template."""
        assert self.template is not None
        spec |= {"scratch_bytes": self.settings.limits.scratch_bytes}
        reading, writing = os.pipe()
        orders = os.fdopen(writing, "wb")
        try:
            process = self.template.fork([reading, *listening.values()])
        except BaseException:
            orders.close()
            raise
        finally:
            os.close(reading)
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

    async def cleanup(self, restart: bool = False) -> None:
        """Remove the sockets."""
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)


class BoxClient(AsyncKernelClient):
    """An AsyncKernelClient that starts faster, and may leave undone what nobody would see.

    It has no heartbeat, for the box's process says whether it lives: the heartbeat is a thread that opens sockets, and
    one opened while their context is being closed is waited for for ever.

    It is ready when the kernel's answer to one request has come over both channels; jupyter_client waits from then on
    for a fifth of a second in which nothing comes.

    Attributes:
        silent: Whether cells are run without showing the value of their last line; what they print comes all the same.
    """

    silent = False

    def start_channels(self, **_: Any) -> None:
        """Open all channels but the heartbeat."""
        super().start_channels(hb=False)

    def execute(self, code: str, silent: bool = False, *words: Any, **more: Any) -> str:
        """Send a cell; see jupyter_client."""
        return super().execute(code, silent or self.silent, *words, **more)

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait, however long: whoever waits keeps the time.

        Raises:
            RuntimeError: The kernel died.
        """
        while True:
            request = self.kernel_info()
            try:
                while (await self.shell_channel.get_msg(timeout=1))["parent_header"].get("msg_id") != request:
                    pass
                while not _idle_after(request, await self.iopub_channel.get_msg(timeout=1)):
                    pass
                return
            except Empty:  # too early: what it said was said before we listened
                if not await self.is_alive():
                    raise RuntimeError("Kernel died before it was ready") from None


def _idle_after(request: str, message: dict[str, Any]) -> bool:
    return message["parent_header"].get("msg_id") == request and message["content"].get("execution_state") == "idle"


class BoxedKernelManager(AsyncKernelManager):
    """An AsyncKernelManager whose kernel lives in a box."""

    def __init__(self, settings: Settings, template: Template | None = None) -> None:
        # The class wants its transport from configuration; a keyword would be read after its defaults were made.
        super().__init__(config=Config({"BoxedKernelManager": {"transport": "ipc"}}), client_factory=BoxClient)
        self.session.key = secrets.token_hex(32).encode()
        self.session.unpack = _unpack
        self._kernel_spec = KernelSpec(argv=["unused"], language="python", interrupt_mode="message")
        self.provisioner = BoxProvisioner(parent=self, kernel_spec=self._kernel_spec)
        self.provisioner.settings = settings
        self.provisioner.template = template
        self.context.setsockopt(zmq.MAXMSGSIZE, settings.limits.evidence_bytes + ENVELOPE)
        self.context.setsockopt(zmq.RCVHWM, UNREAD)

    def client(self, **options: Any) -> Any:
        """A client whose sockets have the bounds of ours: by itself it would open a context without any."""
        return super().client(context=self.context, **options)

    async def end(self) -> None:
        """End the box and free what belongs to it, whatever state the two are in; never raises."""
        assert self.provisioner is not None
        await self.provisioner.kill()
        await self.provisioner.cleanup()
        with contextlib.suppress(Exception):  # a client that failed to start has closed some of it already
            self._close_control_socket()
            self.context.destroy(linger=0)

    def ended_for(self) -> str | None:
        """What the watchdog ended the box for (see there), or "memory" where the kernel did; None where neither did."""
        assert isinstance(self.provisioner, BoxProvisioner)
        watchdog, group = self.provisioner.watchdog, self.provisioner.group
        if watchdog and watchdog.broken:
            return watchdog.broken
        return "memory" if group and group.ran_out_of_memory() else None


def end_all() -> None:
    """Kill every box of this process; whoever drives one finds its kernel dead."""
    for provisioner in list(_live):
        if provisioner.process:
            kill_tree(provisioner.process, provisioner.group)


def sweep() -> None:
    """Remove what graders that were killed left on this machine: folders of sockets and empty control groups."""
    for folder in Path(tempfile.gettempdir()).glob("box-*-*"):
        if abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)
    remove_abandoned()


def _unpack(text: bytes | str) -> Any:
    """A part of a message; a few megabytes of brackets would take a gigabyte here."""
    raw = text.encode() if isinstance(text, str) else bytes(text)
    if raw.count(b"[") + raw.count(b"{") > MAX_CONTAINERS:
        raise ValueError("a message holds more lists and objects than any output")
    return json.loads(raw)


def rlimits(settings: Settings) -> dict[str, int]:
    """Bounds each process in the box sets on itself before student code runs; hard, so they cannot be raised again."""
    limits = settings.limits
    bounds = {
        "RLIMIT_CORE": 0,
        "RLIMIT_FSIZE": limits.scratch_bytes,
        "RLIMIT_NOFILE": min(MAX_DESCRIPTORS, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),
        # CPU seconds: wall time of everything, times cores, so that only a runaway helper process can meet it.
        "RLIMIT_CPU": int((limits.wall_s + 20 * limits.call_s) * (os.cpu_count() or 1)) + 60,
    }
    if not settings.unsafe_no_box and _counts_tasks_per_namespace():
        bounds["RLIMIT_NPROC"] = limits.tasks
    return bounds


def _counts_tasks_per_namespace() -> bool:
    """From Linux 5.14 RLIMIT_NPROC counts within a user namespace; before, all of the user's processes would count."""
    major, minor = (int(part) for part in platform.release().split(".")[:2])
    return (major, minor) >= (5, 14)
