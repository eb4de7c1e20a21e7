"""A class on a cluster: the same grades as on one machine, whatever ends, stops or fills up meanwhile.

Schedulers, workers and graders are real processes. What a cluster does to a notebook is never the student's fault.
"""

import contextlib
import os
import random
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner
from clusters import NODES, Bench, Grader, Site, boxes_of, stop
from one_node_slurm import slurm, why_not
from small_course import ROOT, submission

from autograder.cli import main

dask = pytest.importorskip("dask", reason="the cluster extra is not installed")
connect = pytest.importorskip("autograder.cluster.connect", reason="the cluster extra is not installed")
make_folder = connect.make_folder

slow = pytest.mark.slow
TAKES_A_SECOND = "import time; time.sleep(1)"


@slow
def test_without_the_option_nothing_of_dask_is_imported() -> None:
    code = "import sys, autograder.cli, autograder.pipeline; print({'dask', 'distributed'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)

    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--jobs", "2", "--workers", "2"), "each say where notebooks run"),
        (("--workers", "2", "--scheduler", "tls://127.0.0.1:1"), "each say where notebooks run"),
        (("--workers", "2", "--unsafe-no-box"), "for debugging on this machine"),
        (("--scheduler", "tcp://127.0.0.1:1"), "talks without TLS"),
        (("--scheduler", "/nowhere/scheduler.json"), "There is no folder /nowhere"),
    ],
)
def test_when_a_cluster_cannot_be_meant_then_a_sentence(bench: Bench, options: tuple[str, ...], sentence: str) -> None:
    code, said = told(bench, *options)

    assert code == 2
    assert sentence in said


def told(bench: Bench, *options: str) -> tuple[int, str]:
    """Exit code and words of a grader that does not come to grading."""
    words = ["grade", str(bench.hand_in("in", 1)), "--course", str(bench.course)]
    done = CliRunner().invoke(main, [*words, "--workspace", str(bench.folder / "ws"), *options])
    assert "Traceback" not in done.output
    return done.exit_code, done.output


def test_when_no_scheduler_answers_then_a_sentence(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "CONNECT_S", 0.3)
    folder = make_folder(bench.folder / "cluster")
    (folder / "scheduler.json").write_text('{"address": "tls://127.0.0.1:1"}')
    with dask.config.set({"distributed.comm.tls.client.cert": None}):  # it is taken back, whatever is read meanwhile
        code, said = told(bench, "--scheduler", str(folder / "scheduler.json"))

    assert code == 2
    assert "No scheduler answers at tls://127.0.0.1:1 within 0.3 s" in said


def test_when_there_is_no_certificate_then_a_sentence(bench: Bench) -> None:
    with dask.config.set({"distributed.comm.tls.client.cert": None}):
        code, said = told(bench, "--scheduler", "tls://127.0.0.1:1")

    assert code == 2
    assert "has no certificate for the scheduler" in said


def test_when_no_workers_can_be_started_then_a_sentence(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**options: object) -> None:
        raise OSError("Too many open files")

    monkeypatch.setattr(connect, "LocalCluster", refuse)

    code, said = told(bench, "--workers", "1")

    assert code == 1
    assert "No cluster can be started on this machine: Too many open files" in said


def test_when_the_extra_is_not_installed_then_the_command_that_installs_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "autograder.cluster.connect", None)
    code, said = told(bench, "--workers", "1")

    assert code == 2
    assert "python -m pip install -c constraints.txt -e '.[grading,cluster]'" in said


def test_when_the_file_is_no_schedulers_then_a_sentence(bench: Bench) -> None:
    (bench.folder / "scheduler.json").write_text("[]")
    code, said = told(bench, "--scheduler", str(bench.folder / "scheduler.json"))

    assert code == 2
    assert "is no file of a Dask scheduler" in said


def test_the_folder_of_a_cluster_is_the_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "cluster"
    done, again = (CliRunner().invoke(main, ["cluster", str(folder)]) for _ in range(2))

    assert done.exit_code == 0, done.output
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE((folder / name).stat().st_mode) for name in ("cert.pem", "key.pem")} == {0o600}
    assert again.exit_code == 2
    assert "exists already" in again.output


@slow
def test_a_class_gets_the_same_on_this_machine_and_on_a_cluster_of_it(bench: Bench) -> None:
    handed_in = bench.hand_in("in", 8)
    here, there = bench.grade(handed_in, "here"), bench.grade(handed_in, "there", "--workers", "2")

    assert (here.process.returncode, there.process.returncode) == (0, 0), there.said()
    assert there.results() == here.results()
    assert "Notebooks run" in there.said()


@slow
def test_when_workers_are_killed_twenty_times_then_nothing_is_lost_and_nothing_graded_twice(bench: Bench) -> None:
    handed_in = bench.hand_in("in", 40, TAKES_A_SECOND)
    chance = random.Random(7)
    grader = bench.start(handed_in, "struck", "--workers", "2")
    killed = 0
    while killed < 20 and grader.process.poll() is None:
        time.sleep(chance.uniform(0.5, 2.5))
        if workers := grader.workers():
            with contextlib.suppress(psutil.Error):
                chance.choice(workers).kill()
                killed += 1
    grader.wait()
    here = bench.grade(handed_in, "here")

    assert killed == 20
    assert grader.process.returncode == 0, grader.said()
    assert sorted(grader.graded()) == sorted(here.graded())
    assert grader.results() == here.results()


@slow
def test_when_a_notebook_kills_its_workers_then_it_has_a_verdict_of_its_own_after_two(bench: Bench) -> None:
    handed_in = bench.hand_in("in", 4)
    greedy = "kept = bytearray(300 << 20)\nimport time; time.sleep(30)"
    (handed_in / "greedy.ipynb").write_bytes(submission(bench.released, mac_ratio=greedy))
    grader = bench.start(handed_in, "ws", "--workers", "2")
    killed = []
    while grader.process.poll() is None:
        for worker in grader.workers():  # as the kernel does where a job has less memory than a box may use
            with contextlib.suppress(psutil.Error):
                if any(box.memory_info().rss > 300 << 20 for box in boxes_of(worker)):
                    worker.kill()
                    killed.append(worker.pid)
        time.sleep(0.05)
    results = grader.results()

    assert len(set(killed)) == 2
    assert grader.process.returncode == 1
    assert results["greedy"]["verdict"] == "GRADER_ERROR"
    assert "2 workers ended while this notebook ran" in results["greedy"]["message"]
    assert {one["verdict"] for name, one in results.items() if name != "greedy"} == {"OK", "PARTIAL_RUN"}


@slow
def test_when_the_grader_is_killed_then_its_workers_end_and_another_finishes(bench: Bench) -> None:
    handed_in = bench.hand_in("in", 8, TAKES_A_SECOND)
    first = bench.start(handed_in, "ws", "--workers", "2")
    first.until(lambda: len(first.graded()) > 2)
    workers = first.workers()
    first.process.kill()
    first.wait()
    _, alive = psutil.wait_procs(workers, timeout=60)
    stored = len(list((first.workspace / "runs").iterdir()))
    second = bench.grade(handed_in, "ws", "--workers", "2")
    here = bench.grade(handed_in, "here")

    assert not alive
    assert stored > 2
    assert second.process.returncode == 0, second.said()
    assert second.results() == here.results()
    ran = int(second.said().split("Notebooks run: ")[1].split()[1])
    assert ran <= 1 + 8 - stored + 1  # the solutions were among the stored


@slow
def test_when_the_instructor_interrupts_then_a_sentence_and_no_worker_is_left(bench: Bench) -> None:
    grader = bench.start(bench.hand_in("in", 8, TAKES_A_SECOND), "ws", "--workers", "2")
    grader.until(lambda: len(grader.graded()) > 1)
    workers = grader.workers()
    begin = time.monotonic()
    grader.process.send_signal(signal.SIGINT)

    assert grader.wait() == 1
    assert time.monotonic() - begin < 20
    assert "stopped. What was graded so far is recorded" in grader.said()
    assert "Traceback" not in grader.said()
    assert not psutil.wait_procs(workers, timeout=10)[1]


@slow
def test_when_the_scheduler_is_gone_then_grading_stops_and_goes_on_with_the_next(bench: Bench, site: Site) -> None:
    handed_in = bench.hand_in("in", 8, TAKES_A_SECOND)
    site.start_worker(NODES[0])
    first = bench.start(handed_in, "ws", "--scheduler", str(site.file))
    first.until(lambda: len(first.graded()) > 2)
    assert site.scheduler
    site.scheduler.kill()
    first.wait()
    done = first.graded()

    assert first.process.returncode == 1
    assert "does not answer any more" in first.said()
    assert "Traceback" not in first.said()
    assert not [one for one in first.results().values() if one["verdict"] == "GRADER_ERROR"]

    site.end()
    site.start_scheduler()
    site.start_worker(NODES[0])
    second = bench.grade(handed_in, "ws", "--scheduler", str(site.file))

    assert second.process.returncode == 0, second.said()
    assert not set(done) & set(second.graded())
    assert second.results() == bench.grade(handed_in, "here").results()


@slow
def test_when_a_worker_leaves_or_hangs_or_comes_late_then_others_take_over(bench: Bench, site: Site) -> None:
    """The time of one node is over, one is frozen while a notebook runs, one starts in the middle of the class."""
    handed_in = bench.hand_in("in", 10, TAKES_A_SECOND)
    leaves, slows = site.start_worker(NODES[0]), site.start_worker(NODES[1])
    grader = bench.start(handed_in, "ws", "--scheduler", str(site.file))
    grader.until(lambda: len(grader.graded()) > 2)
    leaves.terminate()
    site.start_worker(NODES[0])
    grader.until(lambda: grader.said().count("is ready") > 2)
    for box in boxes_of(slows):  # the node stands still: its notebook ends by time, and is run elsewhere
        stop(box)
    grader.wait()
    here = bench.grade(handed_in, "here")

    assert grader.process.returncode == 0, grader.said()
    assert "has left" in grader.said()
    assert grader.results() == here.results()
    assert len(grader.graded()) == 10


@pytest.fixture(name="full_disk")
def _full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with hardly any room."""
    folder = tmp_path / "full"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "full", folder], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"No file system can be mounted here: {done.stderr}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@slow
def test_when_a_worker_cannot_be_trusted_then_it_gets_no_notebook(bench: Bench, site: Site, full_disk: Path) -> None:
    """One has another release of a package, one has no room on its disk, and one is as it should be."""
    other = bench.folder / "other" / "numpy-0.0.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 0.0\n")
    site.start_worker(NODES[0])
    site.start_worker(NODES[1], PYTHONPATH=f"{other.parent}{os.pathsep}{ROOT}")
    site.start_worker(NODES[2], TMPDIR=str(full_disk))
    grader = bench.start(bench.hand_in("in", 4), "ws", "--scheduler", str(site.file))
    grader.wait()
    said = grader.said()

    assert grader.process.returncode == 0, said
    assert said.count("is ready") == 1
    assert "Its Python, packages, course or grader are not those of the machine that grades" in said
    assert "The doctor says no: 1 MiB free" in said or "The doctor says no: 0 MiB free" in said


@slow
def test_two_graders_share_a_cluster(bench: Bench, site: Site) -> None:
    classes = [bench.hand_in(name, 6) for name in ("one", "two")]
    for node in NODES[:2]:
        site.start_worker(node)
    graders: list[Grader] = [bench.start(one, f"ws-{one.name}", "--scheduler", str(site.file)) for one in classes]
    for grader in graders:
        grader.wait()

    assert [one.process.returncode for one in graders] == [0, 0], graders[0].said() + graders[1].said()
    for one, grader in zip(classes, graders, strict=True):
        assert grader.results() == bench.grade(one, f"here-{one.name}").results()


@slow
@pytest.mark.skipif(bool(why_not()), reason=f"Slurm {why_not()}")
def test_a_class_gets_the_same_on_slurm(bench: Bench) -> None:
    handed_in = bench.hand_in("in", 6)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in bench.environment.items():
            patch.setenv(name, value)
        CliRunner().invoke(main, ["cluster", str(bench.folder / "cluster")])
    with tempfile.TemporaryDirectory(prefix="slurm-", dir="/tmp") as folder, slurm(Path(folder)) as environment:
        bench.environment |= environment
        batch = ["sbatch", "--array=0-2", "--cpus-per-task=1", "--mem-per-cpu=1000M"]
        subprocess.run([*batch, bench.folder / "cluster/slurm.sh"], env=bench.environment, check=True)
        there = bench.grade(handed_in, "there", "--scheduler", str(bench.folder / "cluster/scheduler.json"))
    here = bench.grade(handed_in, "here")

    assert there.process.returncode == 0, there.said()
    assert there.results() == here.results()
