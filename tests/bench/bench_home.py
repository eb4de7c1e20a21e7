"""Measures what the grader at home can do with runs that others make: judged and recorded submissions a second.

    python tests/bench/bench_home.py CLASS WORKSPACE --count 2000 [--profile]

CLASS is a class and WORKSPACE where it was graded. Its submissions are multiplied, each with a comment of its own, so
that none is another's equal. In place of a cluster stands a backend that answers at once with the stored run of the
submission that it is a copy of. Everything else is the grader's own work: reading, rebuilding, storing runs, judging,
the gradebook, results.json. The solutions notebook is run for real, once; the clock starts when it is done.
"""

import argparse
import contextlib
import cProfile
import json
import pstats
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from autograder.boxes import Boxes, Order
from autograder.config import Settings, find_course, load_settings
from autograder.course import Course
from autograder.intake.find import find_class
from autograder.pipeline import Watcher, grade_class
from autograder.records.results_json import load_results
from autograder.results import Grade
from autograder.runner import Runner
from autograder.runs import Runs
from autograder.session import Run
from autograder.workspace import open_class


class Replayed(Boxes):
    """Answers with the run that the original of a copy has."""

    def __init__(self, settings: Settings, runs: dict[str, Run]) -> None:
        super().__init__(settings)
        self._runs = runs

    def run(self, order: Order) -> Run:
        """The stored run; the solutions are run."""
        return super().run(order) if order.explain else self._runs[order.rebuilt.student.rpartition("-")[2]]


def main() -> None:
    """Build the class, grade it, print the rate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("handed_in", type=Path, metavar="CLASS")
    parser.add_argument("workspace", type=Path, metavar="WORKSPACE")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--assignment", default="early_exit")
    parser.add_argument("--profile", action="store_true", help="Say which functions the main thread spent its time in.")
    options = parser.parse_args()
    results = load_results(options.workspace, options.assignment)
    stored = Runs(options.workspace)
    runs = {one.student: run for one in results.grades if one.run and (run := stored.made(one.run))}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        handed_in = Path(folder) / "in"
        handed_in.mkdir()
        originals = {f"o{number}": student for number, student in enumerate(sorted(runs))}
        _multiply(options, originals, handed_in)
        settings = load_settings(find_course(Path.cwd()), Path(folder) / "ws", options.assignment)
        replayed = {short: runs[student] for short, student in originals.items()}
        begin, graded = _grade(handed_in, settings, results.seed, replayed, options.profile)
        clocks = (time.monotonic, time.process_time, time.thread_time)
        wall, process, thread = (clock() - then for clock, then in zip(clocks, begin, strict=True))
    print(
        f"{graded} judged and recorded in {wall:.1f} s: {graded / wall:.0f} a second. CPU of one: "
        f"{1000 * process / graded:.1f} ms, {1000 * thread / graded:.1f} ms of it in the main thread"
    )


def _multiply(options: Any, originals: dict[str, str], handed_in: Path) -> None:
    """Write the copies: ``c<number>-<original>.ipynb``."""
    students = set(originals.values())
    found = find_class(options.handed_in, options.assignment).found
    files = {one.student: one.read(1 << 30) for one in found if one.student in students}
    names = sorted(originals)
    for number in range(options.count):
        short = names[number % len(names)]
        notebook = json.loads(files[originals[short]])
        cell = next(one for one in notebook["cells"] if "_step(" in str(one["source"]))
        cell["source"] = f"{''.join(cell['source'])}\n# copy {number}"
        (handed_in / f"c{number}-{short}.ipynb").write_text(json.dumps(notebook))


def _grade(handed_in: Path, settings: Settings, seed: int, runs: dict[str, Run], profile: bool) -> tuple[float, int]:
    """Grade the copies; when the solutions had run, and how many were graded."""
    started: list[tuple[float, ...]] = []
    graded: list[Grade] = []
    profiler = cProfile.Profile()

    def prepared(course: Course) -> None:
        started.append((time.monotonic(), time.process_time(), time.thread_time()))
        if profile:
            profiler.enable()

    with open_class(handed_in, settings, seed) as opened:
        runner = Runner(settings, opened.basis.surroundings, backend=Replayed(settings, runs))
        with contextlib.closing(runner):
            grade_class(opened, settings, Watcher(prepared, graded.append), runner=runner)
    profiler.disable()
    if profile:
        pstats.Stats(profiler, stream=sys.stdout).sort_stats("tottime").print_stats(25)
        pstats.Stats(profiler, stream=sys.stdout).sort_stats("cumtime").print_stats(45)
    return started[0], len(graded)


if __name__ == "__main__":
    main()
