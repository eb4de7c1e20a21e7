"""The zip for Gradescope: all that grading one submission there takes, and the same zip from the same course."""

import importlib.metadata
import json
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from small_course import ROOT, settings_for

from autograder.assignments.assignment import load_assignment
from autograder.config import Settings
from autograder.errors import UsageError
from autograder.gradescope.bundle import GRADER, write_bundle


def names(bundle: Path) -> set[str]:
    with zipfile.ZipFile(bundle) as archive:
        return set(archive.namelist())


def test_gradescope_finds_its_two_programs_at_the_root(small_course: Path, tmp_path: Path) -> None:
    bundle = write_bundle(settings_for(small_course, tmp_path))

    with zipfile.ZipFile(bundle) as archive:
        for script in ("setup.sh", "run_autograder"):
            assert archive.getinfo(script).external_attr >> 16 & 0o111 == 0o111
            assert archive.read(script).startswith(b"#!/usr/bin/env bash\n")
            subprocess.run(["bash", "-n"], input=archive.read(script), check=True)


def test_it_holds_the_grader_and_the_course_and_no_study(small_course: Path, tmp_path: Path) -> None:
    held = names(write_bundle(settings_for(small_course, tmp_path)))
    ours = {path.relative_to(GRADER).as_posix() for path in GRADER.rglob("*.py") if path.parts[-2] != "experiments"}

    assert {f"grader/autograder/{name}" for name in ours if not name.startswith("assignments/")} <= held
    assert "course/solutions/small/small.ipynb" in held
    assert "course/autograder_assignments/small/inside/cases.py" in held
    assert not [name for name in held if "experiments" in name or "__pycache__" in name]


@pytest.mark.slow
def test_it_holds_the_packages_of_the_assignment(tmp_path: Path) -> None:
    settings = Settings(ROOT, tmp_path, load_assignment("early_exit", ROOT))
    held = names(write_bundle(settings))

    assert {"course/course_lib/model.py", "course/autograder_assignments/early_exit/assignment.toml"} <= held
    assert any(name.endswith(".safetensors") for name in held)
    with zipfile.ZipFile(tmp_path / "early_exit" / "early_exit-gradescope-autograder.zip") as archive:
        needed = archive.read("requirements.txt").decode().splitlines()
    assert {"torch>=2.4", "jinja2>=3.1"} <= set(needed)
    assert not [line for line in needed if line.startswith("ruff")]


def test_the_same_course_gives_the_same_zip_and_keeps_its_secret(small_course: Path, tmp_path: Path) -> None:
    settings = settings_for(small_course, tmp_path)
    first = write_bundle(settings).read_bytes()
    other = write_bundle(replace(settings, workspace=tmp_path / "other")).read_bytes()

    assert write_bundle(settings).read_bytes() == first
    assert other != first  # another secret


def test_without_a_box_only_if_asked_for(small_course: Path, tmp_path: Path) -> None:
    settings = settings_for(small_course, tmp_path)

    for asked in (False, True):
        with zipfile.ZipFile(write_bundle(settings, unsafe_no_box=asked)) as archive:
            assert json.loads(archive.read("gradescope.json"))["unsafe_no_box"] is asked


def test_a_course_without_pins_gets_the_releases_that_are_here(small_course: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(write_bundle(settings_for(small_course, tmp_path))) as archive:
        pins = archive.read("constraints.txt").decode().splitlines()

    assert f"nbgrader=={importlib.metadata.version('nbgrader')}" in pins
    assert not [pin for pin in pins if pin.startswith(("nvidia", "triton")) or "+" in pin]


def test_when_the_package_is_not_installed_then_a_sentence(
    small_course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autograder.gradescope.bundle.DISTRIBUTION", "not-there")

    with pytest.raises(UsageError, match=r"not-there is not installed. Install it"):
        write_bundle(settings_for(small_course, tmp_path))
