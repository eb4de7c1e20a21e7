"""Makes a control group for each box, so that the kernel itself bounds its memory and tasks.

Boxes that run side by side then also share the processors evenly, however many processes one of them starts. Version 1
works for root, version 2 for users as well. Where no group can be had, :func:`why_no_group` says why, and the watchdog
alone keeps the limits. A box is moved into its group before its first program gets its orders (box.py).

In version 2 a group passes controllers on to its subgroups only while it holds no process itself:
https://docs.kernel.org/admin-guide/cgroup-v2.html#no-internal-process-constraint. So the grader divides a group once:
it moves itself into a leaf, and makes the groups of boxes next to it.

    GROUP                        cgroup.subtree_control: memory pids cpu
      autograder-self-PID-0      the grader, what started it, and what it started
      autograder-box-PID-1       a box, with its limits

GROUP must be ours to divide. On a machine with systemd that is a delegated unit, see
https://systemd.io/CGROUP_DELEGATION. If the grader sits in another one, it asks systemd for a delegated scope, which
ends with its last process. Without systemd, as in most containers, GROUP is the one that the grader sits in.
"""

import contextlib
import errno
import itertools
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from autograder.config import Limits

NEEDED = ("memory", "pids")
WANTED = (*NEEDED, "cpu")
# Not every kernel and not every user's session has these.
OPTIONAL = {"memory.memsw.limit_in_bytes", "memory.swap.max", "memory.oom.group", "cpu.weight"}
SYSTEMD = Path("/run/systemd/system")  # exists where systemd runs: sd_booted(3)
PATIENCE_S = 5.0  # for systemd
NAME = re.compile(r"autograder-(?:box|self)-(\d+)-")
_numbers = itertools.count()
_lock = threading.Lock()
_folders: dict[str, Path] | None = None
_why = ""  # there is no group


class _NoGroup(Exception):
    """No group can be had; the message is a sentence for the person at the machine, with what to do."""


class ControlGroup:
    """The folders of one box's group: one in version 2, one for each controller in version 1."""

    def __init__(self, folders: list[Path]) -> None:
        self._folders = folders

    def add(self, pids: Iterable[int]) -> None:
        """Move processes into the group; what they start from then on is born in it.

        Raises:
            OSError: A process cannot be moved, so that the group would not bound it.
        """
        for folder, pid in itertools.product(self._folders, pids):
            with contextlib.suppress(ProcessLookupError):  # it ended meanwhile
                _write(folder / "cgroup.procs", pid)

    def kill(self) -> None:
        """Kill everything in the group, also what forks meanwhile. Version 1, and Linux before 5.14, cannot."""
        for folder in self._folders:
            with contextlib.suppress(OSError):
                _write(folder / "cgroup.kill", 1)

    def ran_out_of_memory(self) -> bool:
        """Whether the kernel killed something in the group for its memory."""
        for folder in self._folders:
            for name in ("memory.events", "memory.oom_control"):
                with contextlib.suppress(OSError):
                    words = (folder / name).read_text().split()
                    if "oom_kill" in words and words[words.index("oom_kill") + 1] != "0":
                        return True
        return False

    def remove(self, patience_s: float = 2.0) -> None:
        """Remove the empty group; the kernel may need a moment to let go of what just ended."""
        end = time.monotonic() + patience_s
        for folder in self._folders:
            while folder.is_dir() and time.monotonic() < end:
                try:
                    folder.rmdir()
                except OSError:
                    time.sleep(0.02)


def make_group(limits: Limits) -> ControlGroup | None:
    """A new group with the limits of one box; None if none can be made here, see :func:`why_no_group`."""
    global _why
    folders = group_folders()
    if not folders:
        return None
    bounds = {
        # Without its own limit, swap would hold what does not fit: memory.max does not count it.
        # The whole box ends when it runs out of memory, because a part of one would go on as if nothing had been.
        "": {
            "memory.max": limits.memory_bytes,
            "memory.swap.max": 0,
            "memory.oom.group": 1,
            "pids.max": limits.tasks,
            "cpu.weight": 100,
        },
        "memory": {
            "memory.limit_in_bytes": limits.memory_bytes,
            "memory.memsw.limit_in_bytes": limits.memory_bytes,
        },
        "pids": {"pids.max": limits.tasks},
        "cpu": {"cpu.shares": 1024},
    }
    name = _name("box")
    made: list[Path] = []
    try:
        for controller, folder in folders.items():
            (folder / name).mkdir()
            made.append(folder / name)
            for file, value in bounds[controller].items():
                if file not in OPTIONAL or (folder / name / file).exists():
                    _write(folder / name / file, value)
    except OSError as error:
        _why = f"The kernel refused a control group for a box: {error}."
        ControlGroup(made).remove()
        return None
    return ControlGroup(made)


def why_no_group() -> str:
    """Why :func:`make_group` gave None, and what to do, in a sentence or two; "" if it gave a group."""
    return _why


def remove_abandoned() -> None:
    """Remove the empty groups of graders that were killed."""
    for folder in group_folders().values():
        for group in folder.glob("autograder-*-*-*"):
            if abandoned(group):
                with contextlib.suppress(OSError):
                    group.rmdir()


def abandoned(path: Path) -> bool:
    """Whether ``path`` has a name that a grader gave, and that grader is gone."""
    match = NAME.match(path.name)
    return match is not None and not psutil.pid_exists(int(match[1]))


def group_folders() -> dict[str, Path]:
    """Controller ("" for version 2) -> the folder in which groups of boxes are made; empty if none can be.

    The first call may move this process, and what it started, to another group. So it comes before the first process
    of a box, because a process that is left behind could not be moved into a group later.
    """
    global _folders, _why
    with _lock:
        if _folders is None:
            _folders = {}
            try:
                _folders = _prepared()
            except _NoGroup as error:
                _why = str(error)
            except (OSError, psutil.Error) as error:
                _why = f"The kernel did not let this process divide its control group: {error}."
        return _folders


def own_groups(cgroup: str, mountinfo: str) -> dict[str, Path]:
    """Controller ("" for version 2) -> the folder of the group that a process is in, as far as it can be seen.

    Args:
        cgroup: The text of /proc/self/cgroup, see cgroups(7).
        mountinfo: The text of /proc/self/mountinfo, see proc(5).
    """
    mounts: list[tuple[set[str], str, str]] = []  # controllers, the group that is mounted, and where
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        if kind in ("cgroup", "cgroup2"):
            mounted, where = before.split(" ")[3:5]
            mounts.append(({""} if kind == "cgroup2" else set(options.split(",")), mounted.rstrip("/"), where))
    found: dict[str, Path] = {}
    for line in cgroup.splitlines():
        _, names, path = line.split(":", 2)
        for name, (controllers, mounted, where) in itertools.product(names.split(","), mounts):
            below = path.removeprefix(mounted)
            # A path with "..", or one that is not below what is mounted, leads out of this container's view.
            if name in controllers and path.startswith(mounted) and below[:1] in ("", "/") and ".." not in below:
                found.setdefault(name, Path(where + below))
    return found


def _own_groups() -> dict[str, Path]:
    return own_groups(Path("/proc/self/cgroup").read_text(), Path("/proc/self/mountinfo").read_text())


def _prepared() -> dict[str, Path]:
    own = _own_groups()
    if "memory" in own:  # the kernel binds a controller to one version, also where both are mounted
        first = {name: own[name] for name in WANTED if name in own}
        if not first.keys() >= {*NEEDED} or not all(os.access(folder, os.W_OK) for folder in first.values()):
            raise _NoGroup(
                "Control groups are version 1 here, which only root may divide: grade as root, or boot Linux with "
                "systemd.unified_cgroup_hierarchy=1."
            )
        return first
    if "" not in own:
        raise _NoGroup("No control groups can be seen here: grade outside this container.")
    group = own[""]
    above = group.parent
    if group.name.startswith("autograder-self-") and os.access(above, os.W_OK):
        return {"": above}  # another grader divided it, and moved the shell that started us as well
    if not SYSTEMD.is_dir():
        group = nearest_with_controllers(group)
    elif not _is_delegated(group) or _strangers(group):
        group = _own_scope()
    _divide(group)
    return {"": group}


def _is_delegated(group: Path) -> bool:
    """Whether systemd gave the group away.

    To be allowed to write is not enough, because root may write to all of them. systemd stops a unit in which the
    kernel kills something for its memory, except a delegated one: OOMPolicy= in systemd.service(5).
    """
    for name in ("trusted.delegate", "user.delegate"):  # root alone may read the first; older systemd sets no second
        with contextlib.suppress(OSError):
            return os.getxattr(group, name) == b"1"
    return False


def _strangers(group: Path) -> set[int]:
    """The processes of the group that are not ours to move."""
    me = psutil.Process()
    family = {me.pid, *(one.pid for one in me.parents()), *(one.pid for one in me.children(recursive=True))}
    others = _processes(group) - family
    if SYSTEMD.is_dir():
        return others
    return {pid for pid in others if not _is_our_users(pid)}  # a container has no one else who divides its groups


def _is_our_users(pid: int) -> bool:
    try:
        return psutil.Process(pid).uids() == psutil.Process().uids()
    except psutil.Error:
        return pid != 0  # it ended meanwhile; 0 is a process outside this container


def _own_scope() -> Path:
    """Ask systemd to move this process, and what it started, to a delegated scope; the folder of its group.

    The user's own systemd is asked, or the system's if we are root. Nobody is asked for a password.
    """
    unit = f"autograder-{os.getpid()}.scope"
    if refusal := _refused_by_systemd(unit):
        name = psutil.Process().username()
        as_user = f"log in as {name}, or run as root: loginctl enable-linger {name}"
        remedy = as_user if os.geteuid() else "run systemctl start dbus"
        raise _NoGroup(f"systemd gave the grader no control group ({refusal}): {remedy}.")
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:  # systemd answers before it moves us
        group = _own_groups()[""]
        if group.name == unit:
            return group
        time.sleep(0.02)
    raise _NoGroup("systemd did not move the grader to a control group of its own: see journalctl -b -g autograder.")


def _refused_by_systemd(unit: str) -> str:
    """Ask for the scope; what busctl says against it, or "".

    The call: https://www.freedesktop.org/software/systemd/man/latest/org.freedesktop.systemd1.html.
    """
    moving = [str(os.getpid())]
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if child.status() != psutil.STATUS_ZOMBIE:  # systemd would refuse the whole list
                moving.append(str(child.pid))
    properties = [
        *("PIDs", "au", str(len(moving)), *moving),
        *("Delegate", "b", "true"),
        *("TasksMax", "t", str(2**64 - 1)),  # none: each box has its own, and many boxes exceed the default
        *("CollectMode", "s", "inactive-or-failed"),  # a failed scope would keep its name from a later process
    ]
    root = os.geteuid() == 0
    environment = os.environ if root else os.environ | _user_bus()
    if not root and "DBUS_SESSION_BUS_ADDRESS" not in environment:
        return "this user has no session"
    options = ["--system" if root else "--user", f"--timeout={PATIENCE_S:g}", "--allow-interactive-authorization=no"]
    manager = ["org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"]
    call = ["StartTransientUnit", "ssa(sv)a(sa(sv))", unit, "fail", "4", *properties, "0"]
    try:
        done = subprocess.run(
            ["busctl", *options, "call", *manager, *call],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE_S,
            env=environment,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return (done.stderr.strip() or f"busctl ended with {done.returncode}") if done.returncode else ""


def _user_bus() -> dict[str, str]:
    """Where the bus of this user is: /run/user first, because after ``su`` the variables may name another user's."""
    for folder in (f"/run/user/{os.geteuid()}", os.environ.get("XDG_RUNTIME_DIR", "")):
        if os.access(f"{folder}/bus", os.W_OK):
            return {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={folder}/bus"}
    return {}


def nearest_with_controllers(group: Path) -> Path:
    """The group itself, or the nearest above it that has the controllers which nobody passed on to it."""
    for one in (group, *group.parents):
        if not (one / "cgroup.controllers").exists() or not os.access(one, os.W_OK):
            break
        if _words(one / "cgroup.controllers").issuperset(NEEDED):
            return one
    return group


def _divide(group: Path) -> None:
    """Move the processes of the group into a leaf, and pass its controllers on to its subgroups."""
    has = _words(group / "cgroup.controllers")
    if not has.issuperset(NEEDED):
        raise _NoGroup(
            f"The control group {group} cannot bound memory and tasks: boot Linux without cgroup_disable=memory."
        )
    orders = " ".join(f"+{name}" for name in WANTED if name in has)
    if not (group / "cgroup.type").exists():  # the root of all groups: it may hold processes
        _write(group / "cgroup.subtree_control", orders)
        return
    if not os.access(group, os.W_OK):
        raise _NoGroup(f"The control group {group} is read-only here: grade as root, outside a container like this.")
    if _strangers(group):
        raise _NoGroup(f"Processes of others are in the control group {group}: grade in a container without them.")
    leaf = group / _name("self")
    leaf.mkdir()
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            _move(group, leaf)
            _write(group / "cgroup.subtree_control", orders)
            return
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > end:  # EBUSY: a process was started meanwhile
                with contextlib.suppress(OSError):
                    _move(leaf, group)
                leaf.rmdir()
                raise


def _name(kind: str) -> str:
    return f"autograder-{kind}-{os.getpid()}-{next(_numbers)}"


def _processes(group: Path) -> set[int]:
    return set(map(int, _words(group / "cgroup.procs")))


def _words(file: Path) -> set[str]:
    return set(file.read_text().split())


def _move(source: Path, target: Path) -> None:
    for pid in _processes(source):
        with contextlib.suppress(ProcessLookupError):  # it ended meanwhile
            _write(target / "cgroup.procs", pid)


def _write(file: Path, value: int | str) -> None:
    """Write to a file that the kernel provides; never make one, as a plain folder in the group's place would allow."""
    handle = os.open(file, os.O_WRONLY)
    try:
        os.write(handle, str(value).encode())
    finally:
        os.close(handle)
