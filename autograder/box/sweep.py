"""Makes the folders of runs without a box, and removes what graders that were killed left on this machine.

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

FOLDER = "autograder-box-"  # the name goes on with the grader's process number and the letters of mkdtemp
LEFT = re.compile(rf"{FOLDER}([0-9]{{1,7}})-[a-z0-9_]{{8}}")


def scratch_folder() -> Path:
    """A new folder for a run without a box, which nobody else can enter."""
    return Path(tempfile.mkdtemp(prefix=f"{FOLDER}{os.getpid()}-"))  # 0700


def sweep() -> None:
    """Remove what graders that were killed left on this machine: folders and empty control groups."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER}*"):
        if _left_over(folder):
            shutil.rmtree(folder, ignore_errors=True)
    remove_abandoned()


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
