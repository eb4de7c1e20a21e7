"""Lets no program start but those that were installed in the box, by Landlock. See landlock(7).

A submission can write a file and start it. Until Linux 6.14 a file of unknown kind made the kernel start modprobe as
root on the host, once for each try. That was removed in "exec: Remove legacy custom binfmt modules
autoloading". From then on, and where the kernel has no Landlock, nothing is done here.
"""

import ctypes
import os
import platform
import re
import struct
import sys
from pathlib import Path

NOT_NEEDED_FROM = (6, 14)
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same numbers on every machine
EXECUTE, PATH_BENEATH = 1, 1
WRITABLE = ("dev", "proc", "tmp")  # in the root folder: what a submission can write to, and what is no program

_libc = ctypes.CDLL(None, use_errno=True)


def start_only_installed_programs() -> bool:
    """Refuse to start a program that lies in a scratch folder, to this process and all that come from it.

    Returns:
        Whether the kernel does it.
    """
    if not needed(platform.release()):
        return False
    ruleset = _call(CREATE_RULESET, ctypes.create_string_buffer(struct.pack("Q", EXECUTE), 8), 8, 0)
    if ruleset < 0:
        return False
    try:
        for place in _installed():
            folder = os.open(place, os.O_PATH)
            rule = ctypes.create_string_buffer(struct.pack("=Qi", EXECUTE, folder), 12)
            _call(ADD_RULE, ruleset, PATH_BENEATH, rule, 0)
            os.close(folder)
        return _call(RESTRICT_SELF, ruleset, 0) == 0
    finally:
        os.close(ruleset)


def needed(release: str) -> bool:
    """Whether a kernel of this release may load modules for programs of unknown kind."""
    return tuple(int(part) for part in re.findall(r"\d+", release)[:2]) < NOT_NEEDED_FROM


def _installed() -> list[str]:
    """Folders with programs. The environment is named too: a course may lie below /tmp."""
    places = [*(f"/{name}" for name in os.listdir("/") if name not in WRITABLE), sys.prefix, sys.base_prefix]
    places.append(str(Path(os.path.realpath(sys.executable)).parent))
    return [place for place in places if os.path.isdir(place)]


def _call(number: int, *arguments: object) -> int:
    return int(_libc.syscall(ctypes.c_long(number), *arguments))
