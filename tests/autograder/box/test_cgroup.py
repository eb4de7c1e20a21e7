"""Control groups: real ones where this machine gives them, and none, without a trace, where it does not."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
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


@pytest.mark.slow
def test_a_box_of_many_processes_leaves_its_neighbour_its_share_of_the_processors() -> None:
    """Each spinner is a session of its own, which without control groups has a share of its own."""
    groups = [make_group(Limits()) for _ in range(2)]
    if None in groups or not any((folder / "cpu.shares").exists() or (folder / "cpu.weight").exists()
                                 for folder in groups[0]._folders):  # fmt: skip
        for group in filter(None, groups):
            group.remove()
        return
    many, alone = groups
    spin = [sys.executable, "-c", "import sys; sys.stdin.read()\nwhile True: pass"]
    first_core = {min(os.sched_getaffinity(0))}
    spinners = [subprocess.Popen(spin, stdin=subprocess.PIPE, start_new_session=True) for _ in range(13)]
    try:
        for spinner in spinners:
            os.sched_setaffinity(spinner.pid, first_core)
        many.add([spinner.pid for spinner in spinners[1:]])
        alone.add([spinners[0].pid])
        for spinner in spinners:
            spinner.stdin.close()
        time.sleep(2)
        begin = _cpu(spinners[0].pid), sum(_cpu(one.pid) for one in spinners)
        time.sleep(3)
        spent = _cpu(spinners[0].pid) - begin[0], sum(_cpu(one.pid) for one in spinners) - begin[1]
    finally:
        for spinner in spinners:
            spinner.kill()
            spinner.wait()
        for group in groups:
            group.remove()

    assert spent[0] / spent[1] > 0.25, "half of the core, where nothing else runs on it; a thirteenth by processes"


def _cpu(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system
