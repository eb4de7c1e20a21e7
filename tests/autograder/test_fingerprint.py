"""Names for content change with everything that the thing they name depends on, and with nothing else."""

import re
import shutil
import sysconfig
from pathlib import Path

import pytest

from autograder import fingerprint
from autograder.config import Settings
from autograder.fingerprint import surroundings


@pytest.fixture(name="settings")
def _settings(tmp_path: Path) -> Settings:
    return Settings(course=tmp_path, workspace=tmp_path)


@pytest.mark.parametrize(
    ("file", "matters"),
    [
        ("inside/observe.py", True),
        ("box/isolation.py", True),
        ("execute.py", True),
        ("outputs.py", True),
        ("judge/checks/check_mac_ratio.py", False),
        ("report/html.py", False),
    ],
)
def test_a_run_depends_on_the_code_that_makes_it_and_not_on_what_judges_it(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, matters: bool
) -> None:
    before = surroundings(settings)
    package = tmp_path / "autograder"
    shutil.copytree(fingerprint.PACKAGE, package)
    with (package / file).open("a") as text:
        text.write("# another\n")
    monkeypatch.setattr(fingerprint, "PACKAGE", package)

    assert (surroundings(settings) != before) == matters


def test_a_run_depends_on_every_package_that_a_notebook_could_import(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "pandas-9.9.9.dist-info"
    installed.mkdir()
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    before = surroundings(settings)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: pandas\nVersion: 9.9.9\n")

    assert surroundings(settings) != before


def test_a_run_depends_on_needed_packages_in_other_folders_of_the_path(
    settings: Settings, modules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(modules)
    before = surroundings(settings)
    (metadata,) = modules.glob("tqdm-*/METADATA")
    metadata.write_text(re.sub(r"\nVersion: .*", "\nVersion: 99.0", metadata.read_text()))

    assert surroundings(settings) != before
