"""Clusters of real processes on this machine: a scheduler, workers on two "nodes", graders on the command line."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from small_course import ROOT, right_answers, submission

NODES = ("127.0.0.1", "127.0.0.2", "127.0.0.3")  # the grader takes three addresses for three machines
WAIT_S = 240
TIMES = ("wall_s", "round")  # a round says when it was


@dataclass
class Bench:
    """A course, a class, and graders that are started as people start them."""

    course: Path
    folder: Path
    released: dict[str, Any]
    environment: dict[str, str] = field(default_factory=lambda: os.environ | {"PYTHONPATH": str(ROOT)})

    def hand_in(self, name: str, count: int, setup: str = "") -> Path:
        """A class of ``count``, each different, some wrong, one that raises; ``setup`` runs in each."""
        folder = self.folder / name
        folder.mkdir()
        for number in range(count):
            answer = right_answers()["mac_ratio"] if number % 4 else "def mac_ratio(a, b):\n    return b / a"
            code = f"{answer}\n{setup}\n{number}{'/ 0' if number == 2 else ''}"
            (folder / f"s{number:03}.ipynb").write_bytes(submission(self.released, mac_ratio=code))
        return folder

    def start(self, handed_in: Path, workspace: str, *options: str) -> "Grader":
        """A grader in the background."""
        words = [sys.executable, "-m", "autograder", "grade", handed_in, "--course", self.course, "--seed", "5"]
        words += ["--workspace", self.folder / workspace, *options]
        log = self.folder / f"{workspace}.log"
        with log.open("w") as out:
            process = subprocess.Popen(
                list(map(str, words)), stdout=out, stderr=out, env=self.environment, cwd=self.folder
            )
        return Grader(psutil.Process(process.pid), process, log, self.folder / workspace)

    def grade(self, handed_in: Path, workspace: str, *options: str) -> "Grader":
        """A grader that has come to its end."""
        grader = self.start(handed_in, workspace, *options)
        grader.wait()
        return grader


@dataclass
class Grader:
    """One ``autograder grade``."""

    known: psutil.Process
    process: "subprocess.Popen[bytes]"
    log: Path
    workspace: Path

    def wait(self) -> int:
        return self.process.wait(WAIT_S)

    def said(self) -> str:
        return self.log.read_text()

    def until(self, holds: Callable[[], Any]) -> None:
        """Wait until something holds, while the grader runs."""
        end = time.monotonic() + WAIT_S
        while not holds():
            assert self.process.poll() is None, f"The grader has ended: {self.said()}"
            assert time.monotonic() < end, self.said()
            time.sleep(0.05)

    def graded(self) -> list[str]:
        """The students that it has graded, in its words."""
        rows = (line.split("]", 1)[1].split() for line in self.said().splitlines() if line.lstrip().startswith("["))
        return [row[0] for row in rows]

    def workers(self) -> list[psutil.Process]:
        """Worker processes that it started."""
        return [one for one in self.known.children() if "worker" in _command(one)]

    def results(self) -> dict[str, dict[str, Any]]:
        """What results.json says of each student, without what differs between two gradings: times."""
        found = json.loads((self.workspace / "small" / "results.json").read_text())["submissions"]
        return {one["student"]: {key: value for key, value in one.items() if key not in TIMES} for one in found}


@dataclass
class Site:
    """A scheduler and its workers, started as a site does."""

    folder: Path
    environment: dict[str, str]
    scheduler: "subprocess.Popen[bytes] | None" = None
    workers: "dict[str, subprocess.Popen[bytes]]" = field(default_factory=dict)

    @property
    def file(self) -> Path:
        return self.folder / "scheduler.json"

    def start_scheduler(self) -> None:
        self.file.unlink(missing_ok=True)
        self.scheduler = self._started("scheduler", "--host", NODES[0], "--port", "0")
        end = time.monotonic() + WAIT_S
        while not self.file.exists():
            assert time.monotonic() < end, (self.folder / "log").read_text()
            time.sleep(0.05)

    def start_worker(self, node: str, **variables: str) -> psutil.Process:
        one = self._started(
            *("worker", "--host", node, "--nthreads", "1", "--no-nanny", "--memory-limit", "0"), **variables
        )
        self.workers[f"{node}-{len(self.workers)}"] = one
        return psutil.Process(one.pid)

    def _started(self, *words: str, **variables: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "dask", words[0], "--scheduler-file", self.file, "--protocol", "tls"]
        with (self.folder / "log").open("a") as log:
            return subprocess.Popen(
                list(map(str, [*command, "--no-dashboard", *words[1:]])),
                stdout=log,
                stderr=log,
                env=self.environment | {"DASK_CONFIG": str(self.folder)} | variables,
                cwd=self.folder,
            )

    def end(self) -> None:
        for one in (*self.workers.values(), self.scheduler):
            if one:
                one.kill()
                one.wait()


def boxes_of(worker: psutil.Process) -> list[psutil.Process]:
    """Everything below a worker: its templates, and the boxes that are forks of them."""
    with contextlib.suppress(psutil.Error):
        return worker.children(recursive=True)
    return []


def stop(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.Error):
        process.send_signal(signal.SIGSTOP)


def _command(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""
