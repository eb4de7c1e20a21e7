"""Keys change with everything that the thing they are for depends on, and with nothing else."""

import dataclasses
import re
import shutil
import sysconfig
from pathlib import Path

import pytest
from small_course import ROOT

from autograder import keys
from autograder.assignments.assignment import load_assignment
from autograder.config import Settings
from autograder.keys import course_key, surroundings_key


@pytest.fixture(name="settings")
def _settings(tmp_path: Path) -> Settings:
    return Settings(ROOT, tmp_path, load_assignment("early_exit", ROOT))


@pytest.mark.parametrize(
    ("file", "matters"),
    [
        ("inside/observe.py", True),
        ("box/isolation.py", True),
        ("execute.py", True),
        ("inside/driver.py", True),
        ("outputs.py", True),
        ("judge/judge.py", False),
        ("report/frame.py", False),
    ],
)
def test_a_run_depends_on_the_code_that_makes_it_and_not_on_what_judges_it(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, matters: bool
) -> None:
    before = surroundings_key(settings)
    package = tmp_path / "autograder"
    shutil.copytree(keys.PACKAGE, package)
    with (package / file).open("a") as text:
        text.write("# another\n")
    monkeypatch.setattr(keys, "PACKAGE", package)

    assert (surroundings_key(settings) != before) == matters


@pytest.mark.parametrize(("file", "matters"), [("inside/inputs.py", True), ("checks/check_mac_ratio.py", False)])
def test_a_run_depends_on_the_hidden_cases_of_the_assignment_and_not_on_its_checks(
    settings: Settings, tmp_path: Path, file: str, matters: bool
) -> None:
    folder = tmp_path / "early_exit"
    shutil.copytree(settings.assignment.folder, folder)
    with (folder / file).open("a") as text:
        text.write("# another\n")
    changed = dataclasses.replace(settings, assignment=dataclasses.replace(settings.assignment, folder=folder))

    assert (surroundings_key(changed) != surroundings_key(settings)) == matters
    assert course_key(changed, 1, "box", "") != course_key(settings, 1, "box", "")


def test_a_run_depends_on_every_package_that_a_notebook_could_import(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "pandas-9.9.9.dist-info"
    installed.mkdir()
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    before = surroundings_key(settings)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: pandas\nVersion: 9.9.9\n")

    assert surroundings_key(settings) != before


def test_a_run_depends_on_needed_packages_in_other_folders_of_the_path(
    settings: Settings, modules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(modules)
    before = surroundings_key(settings)
    (metadata,) = modules.glob("tqdm-*/METADATA")
    metadata.write_text(re.sub(r"\nVersion: .*", "\nVersion: 99.0", metadata.read_text()))

    assert surroundings_key(settings) != before
