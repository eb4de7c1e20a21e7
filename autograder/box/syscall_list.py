"""Makes ``inside/syscalls.json``, from which the filter of a box starts, out of a list of calls that others keep.

The list is moby's default seccomp profile, under which Docker runs every container (github.com/moby/profiles, file
seccomp/default.json). Its names get their numbers from libseccomp. A maintainer runs this when the profile changes:
``make syscalls MOBY=default.json``. No other module imports it; ``inside/confine.py`` reads the file.
"""

import ctypes
import json
import sys
from pathlib import Path
from typing import Any

RESULT = Path(__file__).resolve().parent.parent / "inside" / "syscalls.json"
# Name of the machine -> its number in libseccomp (AUDIT_ARCH_*) and its name in the profile.
MACHINES = {"x86_64": (0xC000003E, "amd64"), "aarch64": (0xC00000B7, "arm64")}


def allowed_names(profile: dict[str, Any]) -> list[str]:
    """The calls that the profile allows with any arguments to a container without capabilities on one of our machines.

    A call that it allows with some arguments only is left out: ``inside/confine.py`` has its own rules for these.
    """
    ours = {name for _, name in MACHINES.values()}
    names: set[str] = set()
    for group in profile["syscalls"]:
        includes = group.get("includes", {})
        conditional = group.get("args") or group.get("excludes") or set(includes) - {"arches"}
        here = "arches" not in includes or ours & set(includes["arches"])
        if group["action"] == "SCMP_ACT_ALLOW" and here and not conditional:
            names |= set(group["names"])
    return sorted(names)


def number_of(name: str, machine: int) -> int | None:
    """The number of a call; None if the machine has no such call, or libseccomp is older than the call.

    Raises:
        OSError: libseccomp is not installed.
    """
    resolve = ctypes.CDLL("libseccomp.so.2").seccomp_syscall_resolve_name_arch
    resolve.argtypes = [ctypes.c_uint32, ctypes.c_char_p]
    number = resolve(machine, name.encode())
    return number if number >= 0 else None


def syscall_list(profile: dict[str, Any]) -> dict[str, Any]:
    """Names of the calls that the profile allows, and machine -> name -> number of all that it names."""
    named = sorted({name for group in profile["syscalls"] for name in group["names"]})
    numbers = {
        machine: {name: number for name in named if (number := number_of(name, code)) is not None}
        for machine, (code, _) in MACHINES.items()
    }
    known = set().union(*numbers.values())
    return {"allowed": [name for name in allowed_names(profile) if name in known], "numbers": numbers}


def main(path: str) -> None:
    """Read the profile at ``path`` and write the list."""
    made = syscall_list(json.loads(Path(path).read_text()))
    RESULT.write_text(json.dumps(made, indent=0) + "\n")
    print(f"{RESULT}: {len(made['allowed'])} calls are allowed.")


if __name__ == "__main__":
    main(sys.argv[1])
