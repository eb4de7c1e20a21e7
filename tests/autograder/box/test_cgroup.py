"""Control groups: real ones where this machine gives them, and none, without a trace, where it does not."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from autograder.box import cgroup
from autograder.box.cgroup import ControlGroup, abandoned, make_group, own_groups, remove_abandoned, why_no_group
from autograder.box.isolation import find_bubblewrap
from autograder.box.kill import kill_tree
from autograder.config import MIB, Limits
from autograder.errors import BoxUnavailable

SMALL = Limits(memory_bytes=64 * MIB, tasks=32)
HOG = "hold = []\nwhile True:\n    hold.append(bytearray(8 << 20))"
STORM = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"
UNIFIED = "29 23 0:25 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"
HYBRID = """31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw"""


@pytest.fixture
def group() -> Iterator[ControlGroup]:
    made = make_group(SMALL)
    if made is None:
        pytest.skip(why_no_group())
    yield made
    made.remove()
    assert not any(folder.exists() for folder in made._folders)


@pytest.fixture
def unprepared(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has not asked for a group yet."""
    monkeypatch.setattr(cgroup, "_folders", None)
    monkeypatch.setattr(cgroup, "_why", "")


@pytest.mark.parametrize(
    ("own", "mounts", "found"),
    [
        ("0::/user.slice/a.scope", UNIFIED, {"": "/sys/fs/cgroup/user.slice/a.scope"}),
        ("0::/", UNIFIED, {"": "/sys/fs/cgroup"}),
        ("0::/a:b", UNIFIED, {"": "/sys/fs/cgroup/a:b"}),
        (
            "4:memory:/a\n2:cpu,cpuacct:/\n1:name=systemd:/\n0::/",
            HYBRID,
            {
                "memory": "/sys/fs/cgroup/memory/a",
                "cpu": "/sys/fs/cgroup/cpu,cpuacct",
                "cpuacct": "/sys/fs/cgroup/cpu,cpuacct",
                "": "/sys/fs/cgroup/unified",
            },
        ),
        # Containers: one that sees its own group alone, and some whose group is outside of what they see.
        ("0::/docker/ab/c", UNIFIED.replace("0:25 /", "0:25 /docker/ab"), {"": "/sys/fs/cgroup/c"}),
        ("0::/docker/abc", UNIFIED.replace("0:25 /", "0:25 /docker/ab"), {}),
        ("0::/../../other.service", UNIFIED, {}),
        ("0::/", UNIFIED.replace("0:25 /", "0:25 /../.."), {}),
        ("0::/a", "31 23 0:28 / /sys rw - sysfs sysfs rw", {}),
    ],
)
def test_the_group_of_a_process_is_found_below_its_mount(own: str, mounts: str, found: dict[str, str]) -> None:
    assert {name: str(folder) for name, folder in own_groups(own, mounts).items()} == found


def test_only_what_a_grader_named_and_left_is_abandoned() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()

    assert abandoned(Path(f"/x/autograder-box-{gone.pid}-7"))
    assert abandoned(Path(f"/x/autograder-self-{gone.pid}-0"))
    assert not abandoned(Path(f"/x/autograder-box-{os.getpid()}-7"))
    for name in ("autograder-box-photos-7", f"autograder-{gone.pid}.scope", f"my-autograder-box-{gone.pid}-7", "box"):
        assert not abandoned(Path("/x") / name)


@pytest.mark.usefixtures("unprepared")
def test_when_no_groups_can_be_seen_then_there_is_none_and_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroup, "_own_groups", dict)

    assert make_group(Limits()) is None
    assert "No control groups can be seen" in why_no_group()


@pytest.mark.usefixtures("unprepared")
@pytest.mark.parametrize("names", [["memory", "pids", "cpu"], [""]], ids=["version 1", "version 2"])
def test_when_the_mount_is_a_plain_folder_then_no_group_is_made_and_nothing_is_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, names: list[str]
) -> None:
    own = {name: tmp_path / f"of {name}" for name in names}
    for folder in own.values():
        folder.mkdir()
        for file, text in [("controllers", "memory pids"), ("procs", f"{os.getpid()}\n"), ("type", "domain")]:
            (folder / f"cgroup.{file}").write_text(text)
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr(cgroup, "_own_groups", lambda: own)
    monkeypatch.setattr(cgroup, "SYSTEMD", tmp_path / "not here")

    assert make_group(Limits()) is None
    assert why_no_group()
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.usefixtures("unprepared")
@pytest.mark.parametrize(
    ("missing", "reason"),
    [("cgroup.controllers", "cgroup_disable=memory"), ("cgroup.procs", "Processes of others")],
)
def test_when_a_group_is_not_ours_to_divide_then_the_reason_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, missing: str, reason: str
) -> None:
    text = {"cgroup.controllers": "memory pids", "cgroup.procs": str(os.getpid()), "cgroup.type": "domain"}
    text |= {missing: "0"}  # as a process, one outside this container
    for file, words in text.items():
        (tmp_path / file).write_text(words)
    monkeypatch.setattr(cgroup, "_own_groups", lambda: {"": tmp_path})
    monkeypatch.setattr(cgroup, "SYSTEMD", tmp_path / "not here")

    assert make_group(Limits()) is None
    assert reason in why_no_group()
    assert not list(tmp_path.glob("autograder-*"))


@pytest.mark.usefixtures("unprepared")
@pytest.mark.parametrize(
    ("busctl", "reason"),
    [
        ("echo Call failed: Unit exists. >&2; exit 1", "Unit exists."),
        ("sleep 60", "timed out"),
        ("exit 0", "did not move the grader"),
        ("", "this user has no session"),
    ],
)
def test_when_systemd_gives_no_scope_then_the_reason_is_quoted_soon(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, busctl: str, reason: str
) -> None:
    (tmp_path / "busctl").write_text(f"#!/bin/sh\n{busctl.replace('sleep', 'exec sleep')}\n")
    (tmp_path / "busctl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(cgroup, "_own_groups", lambda: {"": tmp_path})
    monkeypatch.setattr(os, "geteuid", lambda: 54321)  # nobody's, with no bus
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    if busctl:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
    monkeypatch.setattr(cgroup, "SYSTEMD", tmp_path)
    monkeypatch.setattr(cgroup, "PATIENCE_S", 0.2)

    begin = time.monotonic()
    assert make_group(Limits()) is None
    assert time.monotonic() - begin < 5
    assert reason in why_no_group()
    assert ("loginctl enable-linger" in why_no_group()) == ("exit 0" not in busctl)


def test_a_group_bounds_memory_and_says_so(group: ControlGroup) -> None:
    process = _in(group, HOG)
    assert not group.ran_out_of_memory()
    process.communicate(b"\n")

    assert process.returncode != 0
    assert group.ran_out_of_memory()


def test_a_group_bounds_tasks(group: ControlGroup) -> None:
    code = """
import os, time
try:
    for count in range(1000):
        if os.fork() == 0: time.sleep(60); os._exit(0)
except OSError:
    print(count, flush=True)
"""
    process = _in(group, code)
    process.stdin.write(b"\n")
    process.stdin.flush()
    try:
        assert int(process.stdout.readline()) == SMALL.tasks - 1
    finally:
        kill_tree(psutil.Process(process.pid), group)
        process.communicate()


def test_a_fork_storm_ends_with_its_group(group: ControlGroup) -> None:
    if not (group._folders[0] / "cgroup.kill").exists():
        pytest.skip("This kernel cannot kill a group: version 1, or Linux before 5.14.")
    storm = _in(group, STORM)
    storm.stdin.write(b"\n")
    storm.stdin.flush()
    procs = group._folders[0] / "cgroup.procs"
    _until(lambda: len(procs.read_text().split()) > SMALL.tasks / 2)
    group.kill()
    storm.communicate()

    _until(lambda: not procs.read_text())


def test_what_starts_in_a_box_of_bubblewrap_is_bounded_too(group: ControlGroup) -> None:
    """A box has a cgroup namespace of its own when it is moved, and its first program starts another in a session."""
    try:
        bubblewrap = find_bubblewrap().path
    except BoxUnavailable as error:
        pytest.skip(str(error))
    inner = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOG!r}], start_new_session=True)"
    walls = [bubblewrap, "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "--proc", "/proc"]
    process = _in(group, inner, *walls, depth=3)
    process.communicate(b"\n")

    assert group.ran_out_of_memory()


def test_graders_side_by_side_do_not_disturb_each_other_and_the_dead_leave_nothing() -> None:
    """Each makes a group in a process of its own; one is killed, and the next that comes removes what it left."""
    code = """
import sys
from autograder.box import cgroup
from autograder.config import Limits
group = cgroup.make_group(Limits())
print(" ".join(map(str, group._folders)) if group else "", flush=True)
sys.stdin.read()
cgroup.remove_abandoned()
group.remove()
"""
    graders = [
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)
    ]
    folders = [[Path(name) for name in grader.stdout.readline().decode().split()] for grader in graders]
    try:
        if not all(folders):
            pytest.skip(why_no_group() or "A process of this one gets no group.")
        graders[0].send_signal(signal.SIGKILL)
        graders[0].communicate()
        assert all(folder.is_dir() for folder in folders[1])
        graders[1].communicate(b"")

        assert graders[1].returncode == 0
        remove_abandoned()
        _until(lambda: not any(folder.exists() for folder in (*folders[0], *folders[1])))
    finally:
        for grader in graders:
            grader.kill()
            grader.communicate()


@pytest.mark.slow
def test_a_box_of_many_processes_leaves_its_neighbour_its_share_of_the_processors() -> None:
    """Each spinner is a session of its own, which without control groups has a share of its own."""
    with contextlib.ExitStack() as stack:
        groups = []
        for _ in range(2):
            made = make_group(Limits())
            if made is None:
                pytest.skip(why_no_group())
            stack.callback(made.remove)
            groups.append(made)
        shares = ("cpu.shares", "cpu.weight")
        if not any((folder / name).exists() for folder in groups[0]._folders for name in shares):
            pytest.skip("No controller for the processors was given to this session.")
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

    assert spent[0] / spent[1] > 0.25, "half of the core, where nothing else runs on it; a thirteenth by processes"


def _in(group: ControlGroup, code: str, *walls: str, depth: int = 1) -> subprocess.Popen[bytes]:
    """A process that runs ``code`` in the group once a line comes; behind walls, of which there are ``depth`` - 1."""
    command = [*walls, sys.executable, "-c", f"import sys; sys.stdin.readline()\n{code}"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    _until(lambda: len(_tree(process)) == depth)
    group.add(one.pid for one in _tree(process))
    return process


def _tree(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    outer = psutil.Process(process.pid)
    return [outer, *outer.children(recursive=True)]


def _until(true: Callable[[], bool], patience_s: float = 10.0) -> None:
    end = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def _cpu(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def test_where_nobody_passed_the_controllers_on_then_the_group_above_that_has_them_is_divided(tmp_path: Path) -> None:
    """As on a machine without systemd, whose first program made a group for us and stopped there."""
    own = tmp_path / "top" / "made" / "own"
    own.mkdir(parents=True)
    for folder, has in ((own, ""), (own.parent, "cpu"), (own.parent.parent, "cpu memory pids io")):
        (folder / "cgroup.controllers").write_text(f"{has}\n")

    assert cgroup.nearest_with_controllers(own) == tmp_path / "top"
    (tmp_path / "top" / "cgroup.controllers").write_text("cpu io\n")
    assert cgroup.nearest_with_controllers(own) == own
