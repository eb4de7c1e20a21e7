"""Keys change with everything that the thing they are for depends on, and with nothing else."""

import dataclasses
import importlib.metadata
import re
import shutil
import sysconfig
from pathlib import Path

import pytest
from small_course import ROOT

from autograder import keys
from autograder.assignments.assignment import load_assignment
from autograder.config import Settings
from autograder.keys import code_key, make_basis, surroundings_key


@pytest.fixture(name="settings")
def _settings(tmp_path: Path) -> Settings:
    return Settings(ROOT, tmp_path, load_assignment("early_exit", ROOT))


@pytest.mark.parametrize(
    ("file", "matters"),
    [
        ("inside/observe.py", True),
        ("box/isolation.py", True),
        ("execute.py", True),
        ("session.py", True),
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


@pytest.mark.parametrize("page", ["README.md", "box/SECURITY.md", "box/README.md", "assignments/README.md"])
def test_when_a_page_for_people_changes_then_no_grade_does(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    before = make_basis(settings, 1, False, "box"), code_key()
    package = tmp_path / "autograder"
    shutil.copytree(keys.PACKAGE, package)
    with (package / page).open("a") as text:
        text.write("Another sentence.\n")
    monkeypatch.setattr(keys, "PACKAGE", package)

    assert (make_basis(settings, 1, False, "box"), code_key()) == before


def with_another(file: str, settings: Settings, tmp_path: Path) -> Settings:
    """The settings of an assignment in which one file has another content."""
    folder = tmp_path / "early_exit"
    shutil.copytree(settings.assignment.folder, folder)
    with (folder / file).open("a") as text:
        text.write("# another\n")
    return dataclasses.replace(settings, assignment=dataclasses.replace(settings.assignment, folder=folder))


@pytest.mark.parametrize(("file", "matters"), [("inside/inputs.py", True), ("checks/check_mac_ratio.py", False)])
def test_a_run_depends_on_the_hidden_cases_of_the_assignment_and_not_on_its_checks(
    settings: Settings, tmp_path: Path, file: str, matters: bool
) -> None:
    changed = with_another(file, settings, tmp_path)

    assert (surroundings_key(changed) != surroundings_key(settings)) == matters
    assert make_basis(changed, 1, False, "box").key != make_basis(settings, 1, False, "box").key


def test_a_run_depends_on_every_package_that_a_notebook_could_import(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "pandas-9.9.9.dist-info"
    installed.mkdir()
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    before = surroundings_key(settings)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: pandas\nVersion: 9.9.9\n")

    assert surroundings_key(settings) != before


def test_names_and_versions_of_packages_are_those_that_importlib_reads() -> None:
    installed = list(importlib.metadata.distributions())

    assert [keys._name_and_version(one) for one in installed] == [f"{one.name} {one.version}" for one in installed]


@pytest.mark.parametrize("file", ["old.egg-info", "old.egg-info/PKG-INFO"])
def test_a_package_of_the_old_layout_has_a_name_and_a_version(tmp_path: Path, file: str) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("Metadata-Version: 1.0\nName: old\nVersion: 0.1\n\nName: what a README says\n")
    (one,) = importlib.metadata.distributions(path=[str(tmp_path)])

    assert keys._name_and_version(one) == "old 0.1"


def test_a_run_depends_on_needed_packages_in_other_folders_of_the_path(
    settings: Settings, modules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(modules)
    before = surroundings_key(settings)
    (metadata,) = modules.glob("tqdm-*/METADATA")
    metadata.write_text(re.sub(r"\nVersion: .*", "\nVersion: 99.0", metadata.read_text()))

    assert surroundings_key(settings) != before


def parts_that_differ(settings: Settings, changed: Settings) -> set[str]:
    before, after = (make_basis(one, 1, False, "box") for one in (settings, changed))
    assert (before.key != after.key) == (before.parts != after.parts)
    return {part for part in before.parts if before.parts[part] != after.parts[part]}


@pytest.mark.parametrize(
    ("file", "part"), [("inside/inputs.py", "cases"), ("checks/check_mac_ratio.py", "checks"), ("README.txt", None)]
)
def test_a_basis_says_which_part_of_the_assignment_is_another(
    settings: Settings, tmp_path: Path, file: str, part: str | None
) -> None:
    changed = with_another(file, settings, tmp_path)

    assert parts_that_differ(settings, changed) == ({part} - {None})


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [('"points": 2', '"points": 4', "points"), ("import torch", "import torch as torch", "solutions")],
)
def test_points_are_told_from_the_rest_of_the_solutions(
    settings: Settings, tmp_path: Path, old: str, new: str, part: str
) -> None:
    place = tmp_path / "solutions" / "early_exit" / "early_exit.ipynb"
    place.parent.mkdir(parents=True)
    place.write_text(text := settings.solutions_notebook.read_text())
    before = dataclasses.replace(settings, course=tmp_path)
    parts = make_basis(before, 1, False, "box").parts
    place.write_text(text.replace(old, new))

    assert text != text.replace(old, new)
    after = make_basis(before, 1, False, "box").parts
    assert {name for name in parts if parts[name] != after[name]} == {part}


def test_other_limits_are_a_part_of_their_own(settings: Settings) -> None:
    changed = dataclasses.replace(settings, limits=dataclasses.replace(settings.limits, call_s=7.5))

    assert parts_that_differ(settings, changed) == {"limits"}
