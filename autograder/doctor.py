"""Looks whether this machine can grade: what is installed, whether the box holds, whether a kernel starts in it."""

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from autograder.box.isolation import box_label, enclose
from autograder.box.limits import describe
from autograder.box.proof import Finding, attack_the_box
from autograder.config import MIB, Settings
from autograder.errors import BoxUnavailable

INSTALL = "Install the grading extra: python -m pip install -c constraints.txt -e '.[grading]'"
PACKAGES = ("torch", "torchvision", "torchprofile", "nbgrader", "nbclient", "pytest", "matplotlib", "ipykernel")
NO_BOX = (
    "Debian, Ubuntu: apt install bubblewrap. Ubuntu 24.04 and later restrict user namespaces to programs with an "
    "AppArmor profile, which the system's bubblewrap needs too. In docker: run with --security-opt seccomp=unconfined "
    "--security-opt apparmor=unconfined. macOS and Windows: grade in a Linux machine or in WSL 2."
)


def examine(settings: Settings) -> Iterator[Finding]:
    """Findings, one by one as they are made."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding(f"Python {version}", sys.version_info >= (3, 11), "Python 3.11 or later is needed.")
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    yield Finding("installed: " + ", ".join(PACKAGES), not missing, f"Missing: {', '.join(missing)}. {INSTALL}")
    alembic = shutil.which("alembic", path=str(Path(sys.executable).parent))
    yield Finding("alembic is there to make a gradebook with", alembic is not None, INSTALL)
    notebook = settings.solutions_notebook
    yield Finding(
        f"solutions notebook {notebook}", notebook.is_file(), "Start this in the course folder or give --course."
    )
    settings.workspace.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.workspace).free // MIB
    yield Finding(f"{free} MiB free for {settings.workspace}", free > 500, "Free some space or give --workspace.")
    try:
        yield Finding(f"box: {box_label(settings)}", True)
    except BoxUnavailable as error:
        yield Finding(f"box: {error}", False, NO_BOX)
        return
    yield from attack_the_box(settings)
    yield _torch_in_the_box(settings)
    yield Finding(f"limits: {describe(settings.limits)}", True)


def _torch_in_the_box(settings: Settings) -> Finding:
    code = "import torch, torchvision, course_lib.model; print(torch.__version__, torch.get_num_threads())"
    try:
        done = subprocess.run(
            enclose([sys.executable, "-P", "-c", code], settings), capture_output=True, text=True, timeout=180
        )
    except subprocess.TimeoutExpired:
        return Finding(
            "torch in the box", False, "Importing torch took more than 180 s; the machine is too busy or slow."
        )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return Finding("torch in the box", False, f"It cannot be imported there: {last}. {INSTALL}")
    version, threads = done.stdout.split()
    return Finding(f"torch {version} runs in the box on {threads} thread", threads == "1", "More than one thread.")
