"""The pins of constraints.txt: each has a release, with a wheel, for every Python and machine that README promises.

uv resolves them as pip would there. It asks the package index for metadata and installs nothing.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = ROOT / "constraints.txt"
PYTHONS = ("3.11.2", "3.12", "3.13", "3.14")  # the first is Debian 12's own
MACHINES = {
    "x86_64-unknown-linux-gnu": {},
    "aarch64-unknown-linux-gnu": {},
    "windows": {},
    "aarch64-apple-darwin": {"MACOSX_DEPLOYMENT_TARGET": "14.0"},
}

Resolve = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module", name="resolve")
def _resolve() -> Resolve:
    """Runs uv on requirements; skips where there is no uv or no package index that answers it."""
    installed = Path(sys.executable).parent / "uv"
    uv = str(installed) if installed.exists() else shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not installed; the extra 'dev' brings it")

    def resolve(requirements: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [uv, "pip", "compile", "--quiet", "--only-binary", ":all:", *words, requirements]
        given = {**os.environ, "UV_HTTP_TIMEOUT": "20", "UV_HTTP_RETRIES": "1", **environment}
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=given, input="packaging\n")

    tried = resolve("-")
    if tried.returncode:
        pytest.skip(f"no package index answers uv here: {tried.stderr.strip()[-300:]}")
    return resolve


@pytest.mark.slow
@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("python", PYTHONS)
def test_every_pin_can_be_installed(resolve: Resolve, python: str, machine: str) -> None:
    where = ("--python-version", python, "--python-platform", machine)
    done = resolve("pyproject.toml", "--all-extras", "-c", str(CONSTRAINTS), *where, **MACHINES[machine])

    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_when_a_pin_has_no_release_for_a_python_then_it_is_named(resolve: Resolve, tmp_path: Path) -> None:
    pins = re.sub(r"^soupsieve==.*\n", "", CONSTRAINTS.read_text(), flags=re.MULTILINE)
    broken = tmp_path / "constraints.txt"
    broken.write_text(f"{pins}soupsieve==4.1.2\n")  # it wants Python 3.11.5
    done = resolve("pyproject.toml", "--all-extras", "-c", str(broken), "--python-version", PYTHONS[0])

    assert done.returncode
    assert "soupsieve==4.1.2" in done.stderr


def test_everything_that_pyproject_names_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    pinned = {_name(line) for line in CONSTRAINTS.read_text().splitlines() if not line.startswith("#")}

    assert {_name(one) for one in named} - pinned == {project["name"]}  # which an extra names for another extra


def _name(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement)[0].lower().replace("_", "-")
