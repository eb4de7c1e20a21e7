"""What is removed when a killed grader left it behind."""

import dataclasses
import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from one_cell import run

from autograder.box.sweep import sweep
from autograder.config import Settings


def test_a_run_without_a_box_leaves_no_folder(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    outputs = run(dataclasses.replace(settings, unsafe_no_box=True), "import os; print(os.environ['HOME'])")

    assert Path(outputs[0]["text"]).parent == tmp_path
    assert list(tmp_path.iterdir()) == []


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
