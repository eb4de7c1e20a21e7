"""Measures what a cluster costs a notebook, next to the boxes of the same machine.

    python tests/bench/bench_cluster.py CLASS --course COURSE [--rounds 3] [--places 2] [--at-once]

Each round grades the class with ``--jobs 2`` and with ``--workers 2``, one right after the other, because what the same
work costs differs from minute to minute. On a machine that others use too, ``--at-once --places 1`` grades both at the
same time, so that both suffer alike. A notebook's cost is the time from the first to the last grade, over their number
less one: the start of either is told separately.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def main() -> None:
    """Print a line for each round, and the median of their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("handed_in", type=Path, metavar="CLASS")
    parser.add_argument("--course", type=Path, required=True)
    parser.add_argument("--assignment")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--places", type=int, default=2, help="Boxes, or workers.")
    parser.add_argument("--at-once", action="store_true", help="Both kinds at the same time.")
    options = parser.parse_args()
    ratios = []
    for number in range(options.rounds):
        kinds = ["--jobs", "--workers"]
        with ThreadPoolExecutor(2 if options.at_once else 1) as pool:
            graded = {kind: pool.submit(_graded, options, kind) for kind in (kinds if number % 2 else reversed(kinds))}
        found = {kind: future.result() for kind, future in graded.items()}
        (here_start, here), (there_start, there) = (found[kind] for kind in kinds)
        ratios.append(there / here)
        print(
            f"a notebook: {1000 * here:.0f} ms here, {1000 * there:.0f} ms on workers, {there / here:.3f} times; "
            f"until the first grade: {here_start:.1f} s, {there_start:.1f} s",
            flush=True,
        )
    print(f"median: {statistics.median(ratios):.3f} times")


def _graded(options: argparse.Namespace, kind: str) -> tuple[float, float]:
    """Seconds until the first grade, and for each further one."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        words = [
            sys.executable,
            "-m",
            "autograder",
            "grade",
            options.handed_in,
            "--course",
            options.course,
            "--seed",
            5,
        ]
        words += ["--workspace", Path(folder) / "ws", kind, options.places]
        words += ["--assignment", options.assignment] if options.assignment else []
        begin = time.monotonic()
        grader = subprocess.Popen(list(map(str, words)), stdout=subprocess.PIPE, text=True)
        assert grader.stdout
        times = [time.monotonic() - begin for line in grader.stdout if line.lstrip().startswith("[")]
        if grader.wait() not in (0, 1) or len(times) < 2:
            sys.exit(f"{kind}: the class was not graded.")
    return times[0], (times[-1] - times[0]) / (len(times) - 1)


if __name__ == "__main__":
    main()
