"""The class survives the grader: killed at any moment, without room, locked out, or with a clock that jumps.

Whatever happened, grading again finishes the class: nothing is lost, graded twice, or shown as a student's fault.
"""

import contextlib
import ctypes
import dataclasses
import errno
import itertools
import json
import os
import re
import shutil
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
from click.testing import CliRunner
from nbgrader.api import Gradebook
from small_course import ROOT, graded_class, submission
from stricken import strike_at

from autograder import pipeline
from autograder.box import box as box_module
from autograder.box.cgroup import abandoned, group_folders
from autograder.cli import main
from autograder.config import Settings
from autograder.course import Course, Graded
from autograder.errors import GraderError
from autograder.pipeline import Watcher
from autograder.records import nbgrader_store
from autograder.records.nbgrader_store import enter_assignment
from autograder.records.results_json import load_results, results_path
from autograder.results import Verdict

# In the order in which an undisturbed run reaches them. The chain goes on in the workspace that the last one left.
TOUCHES = (
    "open .lock",
    "open small/.seed.new",
    "INSERT INTO alembic_version",
    "CREATE TABLE grade",
    "INSERT INTO course",
    "INSERT INTO base_cell",
    "open submitted/x/small/.small.ipynb.new",
    "os.rename autograded/x/small/small.ipynb",
    "INSERT INTO submitted_assignment",
    "UPDATE grade",
    "open small/rounds/.0001.json.new",
    "open small/.results.json.new",
    "os.rename small/results.json",
    "os.remove small/.results.json.new",
    "open small/report/.index.html.new",
    "os.rename small/report/index.html",
)
# (option, the bubblewrap that has just been started, seconds after that, whether the whole group is killed). The first
# two only try whether one starts; the third holds the first cold box, or the first template, and so on.
MOMENTS = (
    ("--cold", 1, 0.0, True),
    ("--cold", 3, 0.0, False),
    ("--cold", 3, 1.0, True),
    ("--cold", 4, 0.3, False),
    ("--cold", 4, 2.0, True),
    ("--fresh", 3, 1.0, False),
    ("--fresh", 3, 2.5, True),
    ("--fresh", 4, 1.0, True),
    ("--fresh", 4, 2.5, False),
)


@dataclasses.dataclass(frozen=True)
class Class:
    """A class of three on disk, what grading it undisturbed gives, and how to grade it."""

    course: Path
    handed_in: Path
    workspace: Path  # of the undisturbed run
    temporary: Path

    def command(self, workspace: Path, log: Path, fatal: str = "", *options: str) -> list[str]:
        words: list[object] = [sys.executable, ROOT / "tests/support/stricken.py", log, fatal, "grade", self.handed_in]
        return [str(w) for w in (*words, "--course", self.course, "--workspace", workspace, "--jobs", 2, *options)]

    def grade(self, workspace: Path, fatal: str = "") -> subprocess.CompletedProcess:
        log = workspace.parent / "touches"
        log.unlink(missing_ok=True)
        command = self.command(workspace, log, fatal)
        return subprocess.run(command, env=self.environment(), capture_output=True, text=True, timeout=900)

    def environment(self) -> dict[str, str]:
        return os.environ | {"TMPDIR": str(self.temporary), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


@pytest.fixture(name="temporary", scope="session")
def _temporary() -> Iterator[Path]:
    """A folder for temporary files."""
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
    (workspace / "small").mkdir(parents=True)
    (workspace / "small" / "seed").write_text("5\n")
    made = Class(small_course, folder / "in", workspace, temporary)
    done = made.grade(workspace)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [entry["verdict"] for entry in entries(workspace)] == ["OK", "PARTIAL_RUN", "EMPTY"]
    return made


def entries(workspace: Path) -> list[dict[str, Any]]:
    """The submissions in results.json, without their times and rounds; none if there is no file."""
    if not results_path(workspace, "small").exists():
        return []
    load_results(workspace, "small")
    written = json.loads(results_path(workspace, "small").read_text())["submissions"]
    return [{key: value for key, value in entry.items() if key not in ("wall_s", "round")} for entry in written]


def without_marks(workspace: Path) -> list[dict[str, Any]]:
    """The same without what people gave, which is read from the gradebook when the class is done."""
    marks = ("total", "total_max", "written", "by_hand")
    return [{key: value for key, value in entry.items() if key not in marks} for entry in entries(workspace)]


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
    """All files but those of rounds: a grading of everything that is killed and begun again makes another one."""
    names = (str(path.relative_to(workspace)) for path in workspace.rglob("*") if path.is_file())
    return sorted(name for name in names if not re.fullmatch(r"small/rounds/\d{4}\.json", name))


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
    assert list(three.temporary.glob("autograder-box-*")) == []
    left = [group for folder in group_folders().values() for group in folder.glob("autograder-*") if abandoned(group)]
    assert left == []


class Unboxed:
    """A class of two that are refused, so that no box is needed, graded by forks of this process: a second each."""

    def __init__(self, prepared: Course, folder: Path) -> None:
        self.folder, self.settings = folder, prepared.settings
        (folder / "in").mkdir()
        (folder / "in" / "cem.ipynb").write_bytes(b"")
        (folder / "in" / "dan.ipynb").write_bytes(b"{")

    def provide(self, workspace: Path) -> None:
        """Give a workspace the seed, and with it the answers that the solutions gave to it."""
        (workspace / "small").mkdir(parents=True, exist_ok=True)
        (workspace / "small" / "seed").write_bytes((self.settings.workspace / "small" / "seed").read_bytes())
        shutil.copytree(self.settings.workspace / "runs", workspace / "runs", dirs_exist_ok=True)

    def grade(self, workspace: Path, fatal: str = "") -> tuple[int, str]:
        """Exit code, or the negative signal that ended it, and what was said."""
        out = self.folder / "out"
        child = os.fork()
        if child == 0:
            with contextlib.suppress(BaseException):
                handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
                os.dup2(handle, 1)
                os.dup2(handle, 2)
                sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
                strike_at(self.folder / "touches", fatal, str(workspace))
                words = ["grade", self.folder / "in", "--course", self.settings.course, "--workspace", workspace]
                try:
                    main([str(word) for word in words])
                except SystemExit as end:
                    sys.stdout.flush()
                    os._exit(end.code if isinstance(end.code, int) else 0)
            os._exit(99)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), out.read_text()


@pytest.fixture(name="unboxed")
def _unboxed(prepared: Course, tmp_path: Path) -> Unboxed:
    return Unboxed(prepared, tmp_path)


@pytest.mark.slow
def test_when_the_grader_is_killed_at_any_touch_then_nothing_is_half_there_and_a_rerun_finishes(
    unboxed: Unboxed, tmp_path: Path
) -> None:
    undisturbed, workspace = tmp_path / "undisturbed", tmp_path / "ws"
    unboxed.provide(undisturbed)
    workspace.mkdir()
    assert unboxed.grade(undisturbed)[0] == 0
    whole = entries(undisturbed)

    for fatal in TOUCHES:
        assert unboxed.grade(workspace, fatal)[0] == -signal.SIGKILL, fatal
        assert all(entry in whole for entry in entries(workspace)), fatal
        if fatal == "open small/.seed.new":  # with half a seed; from here on it is the undisturbed run's
            (workspace / "small" / ".seed.new").rename(workspace / "small" / "seed")
            unboxed.provide(workspace)

    assert unboxed.grade(workspace)[0] == 0
    assert entries(workspace) == whole
    assert gradebook(workspace) == gradebook(undisturbed)
    assert files(workspace) == files(undisturbed)


@pytest.mark.slow
def test_when_the_grader_is_killed_while_boxes_run_then_they_end_with_it_and_a_rerun_finishes(
    three: Class, tmp_path: Path, orphans: Callable[[], list[str]]
) -> None:
    workspace = tmp_path / "ws"
    (workspace / "small").mkdir(parents=True)
    (workspace / "small" / "seed").write_text("5\n")
    whole = without_marks(three.workspace)

    for count, (option, box, seconds, group) in enumerate(MOMENTS):
        log = tmp_path / f"touches-{count}"
        log.touch()
        command = three.command(workspace, log, "", option, "--fresh")
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        grader = subprocess.Popen(command, env=three.environment(), start_new_session=True, **quiet)  # type: ignore[call-overload]
        while log.read_text().count("start bwrap") < box and grader.poll() is None:
            time.sleep(0.01)
        with contextlib.suppress(subprocess.TimeoutExpired):
            grader.wait(seconds)
        with contextlib.suppress(ProcessLookupError):  # a fast machine is done by then
            (os.killpg if group else os.kill)(grader.pid, signal.SIGKILL)
        grader.wait()

        assert orphans() == [], (option, box, seconds, group)
        assert all(entry in whole for entry in without_marks(workspace)), (option, box, seconds, group)
    assert_finished(three, workspace)


@pytest.fixture(name="small_disk")
def _small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A file system of a given size, made larger by the next call."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def sized(size: str) -> Path:
        options = f"size={size},nr_inodes=0"
        again = ["-o", f"remount,{options}"] if os.path.ismount(folder) else ["-o", options, "-t", "tmpfs", "none"]
        if subprocess.run(["mount", *again, str(folder)], capture_output=True).returncode:
            pytest.skip("this user may not mount a file system")
        return folder

    yield sized
    subprocess.run(["umount", str(folder)], capture_output=True)


@pytest.mark.slow
def test_when_the_disk_is_full_then_a_sentence_or_our_fault_and_a_rerun_with_room_finishes(
    unboxed: Unboxed, small_disk: Callable[[str], Path], tmp_path: Path
) -> None:
    undisturbed = tmp_path / "undisturbed"
    unboxed.provide(undisturbed)
    assert unboxed.grade(undisturbed)[0] == 0
    whole = entries(undisturbed)
    workspace = small_disk("64k") / "ws"
    unboxed.provide(workspace)

    full = 0
    for size in ("64k", "100k", "170k", "180k", "188k", "196k"):
        small_disk(size)
        code, said = unboxed.grade(workspace)
        if code == 0:
            break  # how much a class takes depends on the length of paths, by some kilobytes
        full += 1
        faults = [entry for entry in entries(workspace) if entry["verdict"] == "GRADER_ERROR"]
        sentences = [line for line in said.splitlines() if line.startswith("autograder: ")]

        assert code == 1, (size, said)
        assert "Traceback" not in said
        assert "fault of the grader" not in said, (size, said)
        assert len(sentences) == 1 or faults, (size, said)
        assert all(entry in whole for entry in entries(workspace) if entry not in faults)

    assert full >= 3
    small_disk("64m")
    assert unboxed.grade(workspace)[0] == 0
    assert (entries(workspace), gradebook(workspace)) == (whole, gradebook(undisturbed))
    assert files(workspace) == files(undisturbed)


@pytest.mark.parametrize("full", ["small/seed", "small/results.json", "small/report/index.html", "the log"])
def test_when_there_is_no_room_for_a_file_then_one_sentence(
    full: str, small_course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*words: Any, **named: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), full)

    def broken(*words: Any, **named: Any) -> None:
        monkeypatch.setattr(tempfile, "NamedTemporaryFile", no_room)
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("autograder.pipeline.grade_class", broken if full == "the log" else no_room)
    (tmp_path / "ann.ipynb").write_bytes(b"")
    words = ["grade", tmp_path / "ann.ipynb", "--course", small_course, "--workspace", tmp_path / "ws"]
    result = CliRunner().invoke(main, [str(word) for word in words])

    assert result.exit_code == 1
    assert "Traceback" not in result.output
    (sentence,) = [line for line in result.output.splitlines() if line.startswith("autograder: ")]
    assert ("ZeroDivisionError: ours" if full == "the log" else "make room and run the same command again") in sentence


# --- a gradebook that somebody else holds ---


@contextlib.contextmanager
def held(workspace: Path, seconds: float) -> Iterator[None]:
    """Another process holds the gradebook for itself, as a formgrader does while it saves."""
    code = (
        "import sqlite3, sys, time\n"
        "book = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "book.execute('begin exclusive')\nprint('held', flush=True)\ntime.sleep(float(sys.argv[2]))\n"
    )
    words = [sys.executable, "-c", code, str(workspace / "gradebook.db"), str(seconds)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        try:
            yield
        finally:
            holder.kill()


def in_class(prepared: Course, tmp_path: Path) -> tuple[Path, Settings]:
    """Two students who have it right, and a workspace for them."""
    handed_in = tmp_path / "in"
    handed_in.mkdir()
    for name in ("ann", "bob"):
        (handed_in / f"{name}.ipynb").write_bytes(submission(prepared.released))
    workspace = tmp_path / "ws"
    shutil.copytree(prepared.settings.workspace, workspace)
    return handed_in, dataclasses.replace(prepared.settings, workspace=workspace, jobs=1)


def graded(results: Any) -> dict[str, tuple[str, float]]:
    return {grade.student: (grade.verdict.value, grade.score) for grade in results.grades}


BOTH = {"ann": ("OK", 4.0), "bob": ("OK", 4.0)}


def test_when_there_is_an_empty_gradebook_then_it_becomes_a_new_one(
    prepared: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And by nothing that a program on the PATH would be needed for."""
    settings = dataclasses.replace(prepared.settings, workspace=tmp_path)
    (tmp_path / "gradebook.db").touch()
    monkeypatch.setenv("PATH", "")
    enter_assignment(settings)

    assert gradebook(tmp_path) == gradebook(prepared.settings.workspace)[:1]


@pytest.mark.slow
def test_when_the_gradebook_is_held_for_a_while_then_the_class_waits(prepared: Course, tmp_path: Path) -> None:
    handed_in, settings = in_class(prepared, tmp_path)

    with held(settings.workspace, 8):  # longer than the 5 s that SQLite waits unasked
        assert graded(graded_class(handed_in, settings)) == BOTH


@pytest.mark.slow
def test_when_the_gradebook_is_held_for_ever_then_a_sentence_or_our_fault_and_a_rerun_finishes(
    prepared: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nbgrader_store, "LOCKED_S", 1)
    handed_in, settings = in_class(prepared, tmp_path)

    with held(settings.workspace, 600), pytest.raises(GraderError, match=r"cannot be written \(database is locked\)"):
        graded_class(handed_in, settings)
    with contextlib.ExitStack() as stack:  # it comes when the class is half done
        holds = [held(settings.workspace, 600)]
        watch = Watcher(graded=lambda grade: holds and stack.enter_context(holds.pop()))
        half = graded_class(handed_in, settings, watcher=watch)
    (fault,) = [grade for grade in half.grades if grade.verdict is Verdict.GRADER_ERROR]
    again = graded_class(handed_in, settings)

    assert "not the student" in fault.message
    assert "database is locked" in fault.message
    assert "SQL" not in fault.message
    assert [grade.score for grade in half.grades] == [0.0, 4.0]
    assert graded(again) == BOTH


@pytest.mark.slow
def test_when_entering_breaks_off_then_the_gradebook_holds_nothing_of_it(
    prepared: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed_in, settings = in_class(prepared, tmp_path)

    def breaks(*_: object) -> dict[str, Any]:
        raise OSError("the disk went away")

    with monkeypatch.context() as patch:
        patch.setattr("autograder.records.gradebook._by_cell", breaks)  # nbgrader's rows are made by then
        graded_class(handed_in, settings)
    with Gradebook(f"sqlite:///{settings.workspace / 'gradebook.db'}") as book:
        students = [student.id for student in book.students]
    again = graded_class(handed_in, settings)

    assert students == []
    assert graded(again) == BOTH


# --- a clock that jumps, a box that does not start, a check that breaks ---


@pytest.mark.slow
@pytest.mark.parametrize("hours", [-1, 1])
def test_when_the_clock_jumps_then_nobody_is_late(
    graded_one: Callable[[], Graded], monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    real, looks = time.time, itertools.count()
    monkeypatch.setattr(time, "time", lambda: real() + hours * 3600 * next(looks))
    begin = time.monotonic()
    grade = graded_one().grade

    assert (grade.verdict, grade.score) == (Verdict.OK, 4.0)
    assert 0 < grade.wall_s <= time.monotonic() - begin


@pytest.fixture(name="graded_one")
def _graded_one(graded: Callable[..., Graded]) -> Callable[[], Graded]:
    return graded


@pytest.mark.slow
def test_when_one_box_does_not_start_then_the_class_goes_on_and_a_rerun_finishes(
    prepared: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed_in, settings = in_class(prepared, tmp_path)
    settings = dataclasses.replace(settings, cold=True)
    boxes = itertools.count()
    with monkeypatch.context() as patch:
        patch.setattr(box_module, "python_in_box", lambda: "/bin/false" if next(boxes) == 0 else sys.executable)
        first = graded_class(handed_in, settings)

    assert graded(first) == {"ann": ("GRADER_ERROR", 0.0), "bob": ("OK", 4.0)}
    assert all(check.passed is None for task in first.grades[0].tasks for check in task.checks)
    assert graded(graded_class(handed_in, settings)) == BOTH


@pytest.mark.slow
def test_when_no_box_starts_then_nobody_loses_a_point_and_a_rerun_finishes(
    prepared: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed_in, settings = in_class(prepared, tmp_path)
    settings = dataclasses.replace(settings, cold=True)
    with monkeypatch.context() as patch:
        patch.setattr(box_module, "python_in_box", lambda: "/bin/false")
        first = graded_class(handed_in, settings)
    scores = [row[2] for row in gradebook(settings.workspace) if len(row) > 1 and row[1].startswith("check_")]

    assert graded(first) == {"ann": ("GRADER_ERROR", 0.0), "bob": ("GRADER_ERROR", 0.0)}
    assert scores == [None] * 4
    assert graded(graded_class(handed_in, settings)) == BOTH


@pytest.mark.slow
def test_when_a_check_breaks_on_one_submission_then_the_class_goes_on_and_a_rerun_finishes(
    prepared: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed_in, settings = in_class(prepared, tmp_path)
    judged = itertools.count()
    with monkeypatch.context() as patch:

        class BreaksOnce(pipeline.Judge):
            def __call__(self, *words: Any) -> Any:
                if next(judged) == 1:  # the first judges the solutions
                    raise GraderError("A check is broken: check_it raised ZeroDivisionError")
                return super().__call__(*words)

        patch.setattr(pipeline, "Judge", BreaksOnce)
        first = graded_class(handed_in, settings)

    assert [grade.verdict for grade in first.grades] == [Verdict.GRADER_ERROR, Verdict.OK]
    assert graded(graded_class(handed_in, settings)) == BOTH
