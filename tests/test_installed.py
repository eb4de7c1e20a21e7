"""The grader as others install it: a wheel, in an environment of its own, with a course folder that is no checkout."""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from sample_class import ROOT, SOLUTION

pytestmark = pytest.mark.slow
PARTS = ("autograder", "course_lib")


@pytest.fixture(scope="module", name="wheel")
def _wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel, built from a copy of what git would hand out."""
    source, made = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for part in PARTS:
        shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source / file)
    words = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", made, source]
    subprocess.run(words, check=True)
    (path,) = made.glob("*.whl")
    return path


@pytest.fixture(scope="module", name="installed")
def _installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> "Installed":
    """The wheel in a new virtual environment, which sees this one's packages by a .pth file, as in a cluster."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    (site_packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
    words = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--target", site_packages, wheel]
    subprocess.run([sys.executable, *words], check=True)
    here = Path(str(importlib.metadata.distribution("torch").locate_file("")))
    (site_packages / "elsewhere.pth").write_text(f"{here}\n")
    course = folder / "course"
    shutil.copytree(ROOT / "solutions" / "early_exit", course / "solutions" / "early_exit")
    (course / "pyproject.toml").write_text("[tool.autograder.limits]\nwall_s = 200\n")
    return Installed(folder / "venv" / "bin" / "python", course, site_packages)


class Installed:
    """An installed grader and a course folder for it."""

    def __init__(self, python: Path, course: Path, site_packages: Path) -> None:
        self.python, self.course, self.site_packages = python, course, site_packages

    def autograder(self, *words: object) -> subprocess.CompletedProcess[str]:
        """Run a command in the course folder."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        command = [self.python, "-P", "-c", "from autograder.cli import main; main()", *words]
        return subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=self.course, env=environment)


def test_the_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    ours = {
        path.relative_to(ROOT).as_posix()
        for part in PARTS
        for path in (ROOT / part).rglob("*")
        if path.is_file() and not {"__pycache__", "experiments"} & set(path.parts)
    }
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}

    assert packed == ours


def test_the_bundle_of_an_installed_grader_holds_course_lib_and_what_it_needs(installed: Installed) -> None:
    done = installed.autograder("release")

    assert done.returncode == 0, done.stdout + done.stderr
    library = {path.relative_to(ROOT).as_posix() for path in (ROOT / "course_lib").rglob("*") if path.is_file()}
    with zipfile.ZipFile(installed.course / "dist" / "early_exit.zip") as archive:
        names = {name.removeprefix("early_exit/") for name in archive.namelist()}
        needed = archive.read("early_exit/requirements.txt").decode().splitlines()
    assert {name for name in library if "__pycache__" not in name} | {"early_exit.ipynb", "README.txt"} <= names
    assert {"torch>=2.4", "jupyterlab>=4.2"} <= set(needed) and len(needed) == 9

    unpacked = installed.course / "unpacked"
    with zipfile.ZipFile(installed.course / "dist" / "early_exit.zip") as archive:
        archive.extractall(unpacked)
    code = "import course_lib.selfcheck, course_lib.model; print(course_lib.__file__)"
    imported = subprocess.run(
        [installed.python, "-c", code], cwd=unpacked / "early_exit", capture_output=True, text=True
    )
    assert imported.stdout.strip() == str(unpacked / "early_exit" / "course_lib" / "__init__.py"), imported.stderr


def test_when_the_bundle_would_lack_a_module_then_nothing_is_released_and_it_is_named(
    installed: Installed, tmp_path: Path
) -> None:
    course = Path(shutil.copytree(installed.course, tmp_path / "course", ignore=shutil.ignore_patterns("dist")))
    (course / "course_lib").mkdir()
    (course / "course_lib" / "__init__.py").touch()
    done = Installed(installed.python, course, installed.site_packages).autograder("release")

    assert done.returncode == 2
    assert "Nothing was released" in done.stderr and "course_lib/selfcheck.py" in done.stderr
    assert not (course / "dist").exists()


def test_an_installed_grader_is_fit_and_grades_in_a_course_folder(installed: Installed, tmp_path: Path) -> None:
    examined = installed.autograder("doctor")
    shutil.copy(SOLUTION, tmp_path / "ann.ipynb")
    graded = installed.autograder("grade", tmp_path / "ann.ipynb", "--jobs", 1)

    assert examined.returncode == 0, examined.stdout + examined.stderr
    assert "shown in the box too" in examined.stdout
    assert graded.returncode == 0, graded.stdout + graded.stderr
    (ann,) = json.loads((installed.course / "grading" / "early_exit" / "results.json").read_text())["submissions"]
    assert (ann["verdict"], ann["score"]) == ("OK", 27.0)
    assert not (installed.site_packages / "grading").exists()
