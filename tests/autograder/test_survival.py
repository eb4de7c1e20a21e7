"""The class survives the grader: killed at any moment, without room, locked out, or with a clock that jumps.

Whatever happened, grading again finishes the class: nothing is lost, graded twice, or shown as a student's fault.
"""

import contextlib
import ctypes
import dataclasses
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from small_course import ROOT, submission

from autograder.graded import Course
from autograder.records.results_json import load_results, results_path

# In the order in which an undisturbed run comes to them. The chain goes on in the workspace that the last one left.
TOUCHES = (
    "open .lock",
    "CREATE TABLE grade",
    "start alembic",
    "INSERT INTO alembic_version",
    "INSERT INTO course",
    "INSERT INTO base_cell",
    "open seed",
    "open expected/x.new",
    "os.rename expected/x.json",
    "open submitted/x/early_exit/.early_exit.ipynb.new",
    "os.rename autograded/x/early_exit/early_exit.ipynb",
    "INSERT INTO submitted_assignment",
    "UPDATE grade",
    "open .results.json.new",
    "os.rename results.json",
    "os.remove .results.json.new",
    "shutil.rmtree report",
    "open report/index.html",
)
# (the box that has just been started, seconds after that, whether the whole group is killed)
MOMENTS = ((1, 0.0, True), (3, 0.0, False), (3, 1.0, True), (4, 0.3, False), (4, 2.0, True), (4, 5.0, False))


@dataclasses.dataclass(frozen=True)
class Class:
    """A class of three on disk, what grading it undisturbed gives, and how to grade it."""

    course: Path
    handed_in: Path
    workspace: Path  # of the undisturbed run
    temporary: Path

    def command(self, workspace: Path, log: Path, fatal: str = "") -> list[str]:
        words: list[object] = [sys.executable, ROOT / "tests/support/stricken.py", log, fatal, "grade", self.handed_in]
        return [str(w) for w in (*words, "--course", self.course, "--workspace", workspace, "--jobs", 2)]

    def grade(self, workspace: Path, fatal: str = "") -> subprocess.CompletedProcess:
        log = workspace.parent / "touches"
        log.unlink(missing_ok=True)
        command = self.command(workspace, log, fatal)
        return subprocess.run(command, env=self.environment(), capture_output=True, text=True, timeout=300)

    def environment(self) -> dict[str, str]:
        return os.environ | {"TMPDIR": str(self.temporary), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


@pytest.fixture(name="temporary", scope="session")
def _temporary() -> Iterator[Path]:
    """A folder for temporary files, short enough that a socket fits below it."""
    with tempfile.TemporaryDirectory(prefix="t-", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture(name="three", scope="module")
def _three(small_course: Path, prepared: Course, temporary: Path, tmp_path_factory: pytest.TempPathFactory) -> Class:
    folder = tmp_path_factory.mktemp("three")
    (folder / "in").mkdir()
    (folder / "in" / "ann.ipynb").write_bytes(submission(prepared.released))
    dies = submission(prepared.released, mac_ratio="import os\nos._exit(0)")
    (folder / "in" / "bob.ipynb").write_bytes(dies)
    (folder / "in" / "cem.ipynb").write_bytes(b"")
    workspace = folder / "undisturbed"
    workspace.mkdir()
    (workspace / "seed").write_text("5\n")
    made = Class(small_course, folder / "in", workspace, temporary)
    done = made.grade(workspace)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [entry["verdict"] for entry in entries(workspace)] == ["OK", "KERNEL_DIED", "EMPTY"]
    return made


def entries(workspace: Path) -> list[dict[str, Any]]:
    """The submissions in results.json, without their times; none where there is no file."""
    if not results_path(workspace).exists():
        return []
    load_results(workspace)
    written = json.loads(results_path(workspace).read_text())["submissions"]
    return [{key: value for key, value in entry.items() if key != "wall_s"} for entry in written]


def gradebook(workspace: Path) -> list[tuple]:
    query = """select student.id, base_cell.name, grade.auto_score, grade.manual_score, grade.needs_manual_grade
        from grade join submitted_notebook on grade.notebook_id = submitted_notebook.id
        join submitted_assignment on submitted_notebook.assignment_id = submitted_assignment.id
        join student on submitted_assignment.student_id = student.id
        join base_cell on grade.cell_id = base_cell.id order by 1, 2"""
    with contextlib.closing(sqlite3.connect(workspace / "gradebook.db")) as database:
        versions = database.execute("select * from alembic_version").fetchall()
        return [*versions, *database.execute(query).fetchall()]


def files(workspace: Path) -> list[str]:
    return sorted(str(path.relative_to(workspace)) for path in workspace.rglob("*") if path.is_file())


@pytest.fixture(name="orphans")
def _orphans() -> Iterator[Callable[[], list[str]]]:
    """Says what processes of a killed grader are still there after some seconds: they become our own children."""
    subreaper = 36  # PR_SET_CHILD_SUBREAPER
    ctypes.CDLL(None).prctl(subreaper, 1)
    before = {child.pid for child in psutil.Process().children(recursive=True)}

    def left() -> list[str]:
        end = time.monotonic() + 10
        while True:
            there = [child for child in psutil.Process().children(recursive=True) if child.pid not in before]
            for child in there:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(child.pid, os.WNOHANG)  # bury it
            living = [child for child in there if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
            if not living or time.monotonic() > end:
                return [str(child) for child in living]
            time.sleep(0.05)

    yield left
    ctypes.CDLL(None).prctl(subreaper, 0)


def assert_finished(three: Class, workspace: Path) -> None:
    """Grading again gives what the undisturbed run gave, and nothing else lies about."""
    done = three.grade(workspace)

    assert done.returncode == 0, done.stdout + done.stderr
    assert entries(workspace) == entries(three.workspace)
    assert gradebook(workspace) == gradebook(three.workspace)
    assert files(workspace) == files(three.workspace)
    assert list(three.temporary.iterdir()) == []


@pytest.mark.slow
def test_when_the_grader_is_killed_at_any_touch_then_nothing_is_half_there_and_a_rerun_finishes(
    three: Class, tmp_path: Path, orphans: Callable[[], list[str]]
) -> None:
    workspace = tmp_path / "ws"
    workspace.mkdir()
    whole = entries(three.workspace)

    for fatal in TOUCHES:
        if fatal == "open expected/x.new":  # the seed is the grader's own until here
            (workspace / "seed").write_text("5\n")
        done = three.grade(workspace, fatal)

        assert done.returncode == -signal.SIGKILL, (fatal, done.stdout + done.stderr)
        assert orphans() == [], fatal
        assert all(entry in whole for entry in entries(workspace)), fatal
    assert_finished(three, workspace)


@pytest.mark.slow
def test_when_the_grader_is_killed_while_boxes_run_then_they_end_with_it_and_a_rerun_finishes(
    three: Class, tmp_path: Path, orphans: Callable[[], list[str]]
) -> None:
    workspace = tmp_path / "ws"
    workspace.mkdir()
    (workspace / "seed").write_text("5\n")
    whole = entries(three.workspace)

    for count, (box, seconds, group) in enumerate(MOMENTS):
        log = tmp_path / f"touches-{count}"
        log.touch()
        command = three.command(workspace, log)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        grader = subprocess.Popen(command, env=three.environment(), start_new_session=True, **quiet)  # type: ignore[call-overload]
        while log.read_text().count("start bwrap") < box and grader.poll() is None:
            time.sleep(0.01)
        with contextlib.suppress(subprocess.TimeoutExpired):
            grader.wait(seconds)
        (os.killpg if group else os.kill)(grader.pid, signal.SIGKILL)
        grader.wait()

        assert orphans() == [], (box, seconds, group)
        assert all(entry in whole for entry in entries(workspace)), (box, seconds, group)
    assert_finished(three, workspace)
