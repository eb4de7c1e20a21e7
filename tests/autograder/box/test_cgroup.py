"""Control groups: real ones where this machine gives them, and none, without a trace, where it does not."""

import subprocess
import sys
from pathlib import Path

import pytest

from autograder.box import cgroup
from autograder.box.cgroup import make_group
from autograder.config import MIB, Limits

HOG = "hold = []\nwhile True:\n    hold.append(bytearray(8 << 20))"


def test_when_nothing_can_be_written_then_there_is_no_group(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cgroup, "MOUNT", tmp_path / "nothing")

    assert make_group(Limits()) is None


def test_when_the_mount_is_a_plain_folder_then_no_group_is_made_and_nothing_is_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        for name in names.split(","):
            (tmp_path / name / path.strip("/")).mkdir(parents=True, exist_ok=True)
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr(cgroup, "MOUNT", tmp_path)

    assert make_group(Limits()) is None
    assert sorted(tmp_path.rglob("*")) == before


def test_a_group_bounds_memory_says_so_and_goes_away() -> None:
    group = make_group(Limits(memory_bytes=64 * MIB))
    if group is None:  # this machine gives none; the two tests above say what follows
        return
    try:
        code = "import sys; sys.stdin.read()\n" + HOG
        process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
        group.add([process.pid])
        assert not group.ran_out_of_memory()
        process.communicate(b"")

        assert process.returncode != 0
        assert group.ran_out_of_memory()
    finally:
        group.remove()
    assert not any(folder.exists() for folder in group._folders)
