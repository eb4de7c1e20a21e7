"""Where the sockets of a box lie, and what is removed when a killed grader left them there."""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from one_cell import run

from autograder.box import sweep as module
from autograder.box.sweep import sweep
from autograder.config import Settings
from autograder.errors import BoxUnavailable


def test_when_the_folder_for_temporary_files_has_a_long_name_then_the_sockets_lie_in_tmp(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The path of a unix socket ends at 107 bytes."""
    long = tmp_path / ("é" * 50)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    folders: list[Path] = []
    outputs = run(settings, "print(1)", then=lambda manager: folders.append(manager.provisioner.folder))

    assert outputs[0].text == "1\n"
    assert folders[0].parent == Path("/tmp")


def test_when_no_folder_has_a_short_name_then_the_error_says_what_to_do(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("é" * 50)
    long.mkdir()
    monkeypatch.setattr(module, "_places", lambda: [long])

    with pytest.raises(BoxUnavailable, match=r"expected .* of at most \d+ bytes; found .*é\. Set TMPDIR"):
        run(settings, "1")


def test_what_killed_graders_left_is_swept_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    gone = subprocess.Popen(["true"])
    gone.wait()
    left = f"autograder-box-{gone.pid}-abcd_123"
    others = [
        f"autograder-box-{os.getpid()}-abcd_123",  # of a grader that lives
        f"autograder-box-{gone.pid}-photos",  # mkdtemp gives eight letters
        f"autograder-box-{gone.pid}-abcd_123.old",
        "autograder-box-mine-abcd_123",
        "autograder-box-99999999999999999999-abcd_123",
        f"box-{gone.pid}-abcd_123",
        f"box-{gone.pid}-photos",
    ]
    for name in (left, *others):
        (tmp_path / name).mkdir(mode=0o700)
    sweep()

    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(others)


def test_what_is_not_ours_or_no_folder_is_not_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    gone = subprocess.Popen(["true"])
    gone.wait()
    names = [f"autograder-box-{gone.pid}-{letters}" for letters in ("ofothers", "is_alink", "is_afile")]
    (tmp_path / names[0]).mkdir(mode=0o700)
    (tmp_path / names[1]).symlink_to(tmp_path)
    (tmp_path / names[2]).touch()
    user = os.geteuid()
    with monkeypatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: user + 1)
        sweep()
    names_left = sorted(path.name for path in tmp_path.iterdir())
    sweep()

    assert names_left == sorted(names)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names[1:]), "our folder alone"


# --- no room ---
