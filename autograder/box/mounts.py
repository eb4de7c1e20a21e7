"""What a box shows of this machine's file system, as bubblewrap's words: the system, Python, and the code to run.

Everything is bound read-only. What of the grader, the course or the workspace lies in a folder that is shown is
masked. ``isolation`` puts these words together with the box's own /proc, /dev and /tmp.
"""

import functools
import importlib.metadata
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from autograder.config import Settings
from autograder.errors import BoxUnavailable

BOX = "/box"  # where the assignment's packages and inside are mounted
NEEDED = ("ipykernel", "nbclient", "numpy")  # what every box needs, with everything that these require
PACKAGE = Path(__file__).resolve().parent.parent
SYSTEM_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/fonts")


def system_binds() -> list[str]:
    """The system's programs and libraries, and of /etc what these need."""
    words = []
    for folder in SYSTEM_FOLDERS:
        if os.path.islink(folder):
            words += ["--symlink", os.readlink(folder), folder]
        elif os.path.isdir(folder):
            words += ["--ro-bind", folder, folder]
    for file in SYSTEM_FILES:
        words += ["--ro-bind-try", file, file]
    return words


def packages_elsewhere(settings: Settings) -> dict[Path, list[str]]:
    """Folders outside of Python's own and the system's that needed packages are imported from, and those packages.

    ``pip install --user``, the modules of a cluster on PYTHONPATH, and .pth files put packages there.
    """
    return _packages_elsewhere(tuple(sys.path), tuple(python_prefixes()), (*settings.assignment.requires, *NEEDED))


@functools.lru_cache(maxsize=4)
def _packages_elsewhere(path: Sequence[str], prefixes: Sequence[str], needed: Sequence[str]) -> dict[Path, list[str]]:
    elsewhere = [entry for entry in path if not any(map(Path(entry).is_relative_to, (*prefixes, *SYSTEM_FOLDERS)))]
    found: dict[Path, list[str]] = {}
    if not any(True for _ in importlib.metadata.distributions(path=elsewhere)):
        return found
    wanted, seen = list(needed), set()
    while wanted:
        name = re.sub(r"[-_.]+", "-", wanted.pop()).lower()
        if name in seen:
            continue
        seen.add(name)
        try:
            package = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # for another platform, or missing: doctor looks for that
        folder = str(package.locate_file(""))
        if folder in elsewhere:
            found.setdefault(Path(folder).absolute(), []).append(name)
        wanted += [re.split(r"[^\w.-]", one)[0] for one in package.requires or () if "extra ==" not in one]
    return {folder: sorted(names, key=lambda name: (name not in needed, name)) for folder, names in found.items()}


def refuse_unsafe_folders(settings: Settings) -> None:
    """Look whether the box may show every folder of :func:`packages_elsewhere`.

    Raises:
        BoxUnavailable: One is a home folder, or holds one, the course or the workspace.
    """
    private = {
        "the home folder": Path(os.path.expanduser("~")),
        "the course": settings.course,
        "the workspace": settings.workspace,
    }
    for folder, packages in packages_elsewhere(settings).items():
        for what, place in private.items():
            if place.resolve().is_relative_to(folder.resolve()):
                raise BoxUnavailable(
                    f"The box needs a folder that holds packages and nothing private. {packages[0]} is installed in "
                    f"{folder}, which holds {what} {place}. Install the packages in a virtual environment, or in a "
                    "folder of their own."
                )


def python_prefixes() -> list[str]:
    """Where the Python that we run has its own files, other than /usr."""
    prefixes = {
        Path(sys.prefix).resolve(),
        Path(sys.base_prefix).resolve(),
        Path(sys.prefix),
        Path(sys.base_prefix),
    }
    prefixes.add(Path(os.path.realpath(sys.executable)).parent.parent)
    return sorted(str(prefix) for prefix in prefixes if not str(prefix).startswith("/usr"))


def python_binds(settings: Settings) -> list[str]:
    """The environment we run in, without anything of ours or of the course's that lies under it.

    Raises:
        BoxUnavailable: It cannot be shown without what is private.
    """
    refuse_unsafe_folders(settings)
    shown = [*python_prefixes(), *map(str, packages_elsewhere(settings))]
    words = [word for prefix in shown for word in ("--ro-bind", prefix, prefix)]
    hidden = set()
    for folder in map(Path, (*shown, *(one for one in SYSTEM_FOLDERS if not os.path.islink(one)))):
        for secret in (PACKAGE, settings.course.resolve(), settings.workspace.resolve()):
            if secret.is_dir() and folder.resolve() in secret.parents:
                hidden.add(folder / secret.relative_to(folder.resolve()))  # the folder may be reached by a link
    for secret in sorted(hidden):
        if not hidden.intersection(secret.parents):  # else it is hidden with what it lies in
            words += ["--tmpfs", str(secret), "--remount-ro", str(secret)]
    return words


def code_binds(settings: Settings) -> list[str]:
    """Show only ``inside`` of an assignment's folder: what judges an answer must not be where the answer is written."""
    assignment = settings.assignment
    shown = {f"{BOX}/lib/{name}": folder for name, folder in assignment.packages.items()}
    shown |= {f"{BOX}/lib/inside": PACKAGE / "inside"}
    shown |= {f"{BOX}/assignment": assignment.inside} if assignment.cases else {}
    return [word for place, folder in shown.items() for word in ("--ro-bind", str(folder), place)]
