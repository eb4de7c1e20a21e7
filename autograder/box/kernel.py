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
import re
import resource
import secrets
import shutil
import socket
import stat
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

from autograder.box.cgroup import ControlGroup, make_group, remove_abandoned
from autograder.box.isolation import as_box_user, box_environment, enclose, python_in_box
from autograder.box.kill import alive, kill_tree
from autograder.box.maxima import OPEN_FILES
from autograder.box.processes import members
from autograder.box.relay import Relay
from autograder.box.template import Template
from autograder.box.watchdog import Watchdog
from autograder.config import MIB, Limits, Settings
from autograder.errors import BoxUnavailable

CHANNELS = ("shell", "iopub", "stdin", "control", "hb")
REPLY = 8 * MIB  # bytes of a message that holds no output; an honest error may be some megabytes long
UNREAD = 8  # messages that may wait at a socket of ours; libzmq would keep a thousand, also where nobody reads (stdin)
START_S = 20  # for bubblewrap to put the box together, on a loaded machine
Started = tuple[psutil.Process, Callable[[], list[int]], IO[bytes]]  # the box, its processes at rest, its orders
OUR_OPEN_FILES = 16 * OPEN_FILES
MAX_OOM_SCORE = 1000  # of /proc/PID/oom_score_adj, see proc(5)
MAX_WORDS, LONGEST_LINE = 65_536, 300
MAX_CONTAINERS = 200_000  # lists and objects in one message; each takes some 100 bytes once read
# The strings of a JSON text. Possessive (`*+`), so that no text makes it try again and again.
STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
FOLDER = "autograder-box-"  # the name goes on with the grader's process number and the letters of mkdtemp
LEFT = re.compile(rf"{FOLDER}([0-9]{{1,7}})-[a-z0-9_]{{8}}")
SOCKET_PATH = 107  # bytes that the path of a unix socket may have, see unix(7)
_live: "set[BoxProvisioner]" = set()


class TooManyContainers(ValueError):
    """A message that would take far more memory than it has bytes; the text says what it is."""


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
        self.folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER}{os.getpid()}-", dir=_short_place()))  # 0700
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
            _make_room_for_descriptors()
            self.process, tree, orders = start(listening, spec)
        # The first program in the box waits for its orders: what it starts is born in the group.
        at_rest = tree()
        if self.group:
            self.group.add(at_rest)
        for pid in at_rest:  # where the machine runs out of memory, its kernel is to end a box and not the grader
            with contextlib.suppress(OSError):  # it ended meanwhile
                Path(f"/proc/{pid}/oom_score_adj").write_text(f"{MAX_OOM_SCORE}")
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
        """The last line that the box said of its start, for a person; "" where it said nothing."""
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
        self.context.setsockopt(zmq.MAXMSGSIZE, max(message_bytes(settings.limits).values()))
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

    def last_words(self) -> str:
        """What the box said last of its start; "" where it said nothing. To be asked before :meth:`end`."""
        assert isinstance(self.provisioner, BoxProvisioner)
        return self.provisioner.last_words()

    def ended_for(self) -> str | None:
        """What the watchdog ended the box for (see there), or "memory" where the kernel did; None where neither did."""
        assert isinstance(self.provisioner, BoxProvisioner)
        watchdog, group = self.provisioner.watchdog, self.provisioner.group
        if watchdog and watchdog.broken:
            return watchdog.broken
        return "memory" if group and group.ran_out_of_memory() else None

    def cut_off_for(self) -> str:
        """What the box sent that the relay hung up for; "" where it did not."""
        assert isinstance(self.provisioner, BoxProvisioner)
        return self.provisioner.relay.broken if self.provisioner.relay else ""


def message_bytes(limits: Limits) -> dict[int, int]:
    """Port -> bytes that one message of a box may have. Output and evidence come over iopub."""
    iopub = max(REPLY, limits.output_bytes) + limits.evidence_bytes // 4
    return {port: iopub if channel == "iopub" else REPLY for port, channel in enumerate(CHANNELS, start=1)}


def all_bytes(limits: Limits) -> int:
    """Bytes that a box may send in all: far more than an honest one, because JSON may take six for a character.

    Four times as much again: on a busy machine the interrupt of a flood comes late. What is sent until then must not
    end the box, because the other tasks are still to be judged.
    """
    return 4 * (REPLY + 6 * limits.output_bytes + limits.evidence_bytes)


def end_all() -> None:
    """Kill every box of this process; whoever drives one finds its kernel dead."""
    for provisioner in list(_live):
        if provisioner.process:
            kill_tree(provisioner.process, provisioner.group)


def sweep() -> None:
    """Remove what graders that were killed left on this machine: folders of sockets and empty control groups."""
    for place in _places():
        for folder in place.glob(f"{FOLDER}*"):
            if _left_over(folder):
                shutil.rmtree(folder, ignore_errors=True)
    remove_abandoned()


def _places() -> list[Path]:
    """Where the folders of sockets may lie."""
    return [Path(tempfile.gettempdir()), Path("/tmp")]


def _short_place() -> Path:
    """The first place where the path of a socket is short enough.

    Raises:
        BoxUnavailable: There is none.
    """
    longest = SOCKET_PATH - len(f"/{FOLDER}{os.getpid()}-abcd_123/k-{len(CHANNELS)}")
    for place in _places():
        if len(os.fsencode(place)) <= longest and os.access(place, os.W_OK | os.X_OK):
            return place
    raise BoxUnavailable(
        f"The sockets of a box expected a folder that can be written, with a path of at most {longest} bytes; found "
        f"{' and '.join(dict.fromkeys(map(str, _places())))}. Set TMPDIR to a folder with a shorter path."
    )


def _left_over(folder: Path) -> bool:
    """Whether a grader of this user made the folder and is gone. Other programs use the same place."""
    name = LEFT.fullmatch(folder.name)
    if not name or psutil.pid_exists(int(name[1])):
        return False
    try:
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()


def _unpack(text: bytes | str) -> Any:
    """A part of a message; a few megabytes of brackets would take a gigabyte here.

    Raises:
        TooManyContainers: It holds too many, or too deep in each other.
        ValueError: It is not JSON.
    """
    raw = text.encode() if isinstance(text, str) else bytes(text)
    # A printed list is text. To leave out the strings takes longer than to count, so it is done where it matters.
    if _brackets(raw) > MAX_CONTAINERS and _brackets(STRINGS.sub(b"", raw)) > MAX_CONTAINERS:
        raise TooManyContainers(f"a message with more than {MAX_CONTAINERS:,} lists and objects")
    try:
        return json.loads(raw)
    except RecursionError:
        raise TooManyContainers("a message with lists and objects too deep in each other") from None


def _brackets(raw: bytes) -> int:
    return raw.count(b"[") + raw.count(b"{")


def rlimits(settings: Settings) -> dict[str, int]:
    """Bounds each process in the box sets on itself before student code runs; hard, so they cannot be raised again."""
    limits = settings.limits
    bounds = {
        # Not 0: where core_pattern names a program, the kernel starts it as root for every crash all the same. It does
        # not for 1, which is smaller than any core. See core(5) and "RLIMIT_CORE set to 1" in Linux's fs/coredump.c.
        "RLIMIT_CORE": 1,
        "RLIMIT_FSIZE": limits.scratch_bytes,
        # Descriptors in flight are counted for the real user, up to this limit: less than the grader's own.
        "RLIMIT_NOFILE": OPEN_FILES,
        "RLIMIT_MEMLOCK": 0,  # pages that the machine could not swap out
        "RLIMIT_MSGQUEUE": 0,
        "RLIMIT_SIGPENDING": 1024,  # signals that wait, and timers, are counted for the real user
        # A machine for sound gives its users real-time priorities, with which a box could stop its neighbours.
        "RLIMIT_RTPRIO": 0,
        "RLIMIT_NICE": 0,
        # CPU seconds: wall time of everything, times cores, so that only a runaway helper process can meet it.
        "RLIMIT_CPU": int((limits.wall_s + limits.calls_s) * (os.cpu_count() or 1)) + 60,
    }
    if not settings.unsafe_no_box and _counts_tasks_per_namespace():
        bounds["RLIMIT_NPROC"] = limits.tasks
    return {name: _no_more_than_ours(name, value) for name, value in bounds.items()}


def _no_more_than_ours(name: str, value: int) -> int:
    """A process without privileges cannot raise its own hard limit."""
    hard = resource.getrlimit(getattr(resource, name))[1]
    return value if hard == resource.RLIM_INFINITY else min(value, hard)


def _make_room_for_descriptors() -> None:
    """Let this process have more of them than boxes can keep in flight: the kernel counts these for one user."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OUR_OPEN_FILES if hard == resource.RLIM_INFINITY else min(OUR_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _counts_tasks_per_namespace() -> bool:
    """From Linux 5.14 RLIMIT_NPROC counts within a user namespace; before, all of the user's processes would count."""
    major, minor = (int(part) for part in platform.release().split(".")[:2])
    return (major, minor) >= (5, 14)
