"""Makes the folders for the sockets of boxes, and removes what graders that were killed left on this machine.

The folder has the grader's process number in its name, so that a later grader can tell whether its maker is gone.
"""

import os
import re
import shutil
import stat
import tempfile
from pathlib import Path

import psutil

from autograder.box.cgroup import remove_abandoned
from autograder.box.message_bounds import CHANNELS
from autograder.errors import BoxUnavailable

FOLDER = "autograder-box-"  # the name goes on with the grader's process number and the letters of mkdtemp
LEFT = re.compile(rf"{FOLDER}([0-9]{{1,7}})-[a-z0-9_]{{8}}")
SOCKET_PATH = 107  # bytes that the path of a unix socket may have, see unix(7)


def socket_folder() -> Path:
    """A new folder for the sockets of one box, which nobody else can enter.

    Raises:
        BoxUnavailable: No place for temporary files has a path that is short enough.
    """
    return Path(tempfile.mkdtemp(prefix=f"{FOLDER}{os.getpid()}-", dir=_short_place()))  # 0700


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
