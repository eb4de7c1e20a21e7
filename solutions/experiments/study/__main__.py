"""The study's command line.

    python -m study train small [--workers 2]    five seeds of every recipe: an hour and a half on two cores
    python -m study train full                   the full width, once each: more than an hour

Runs that are done are not run again; one that was stopped goes on where it was.
"""

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from study.runs import Run, full_runs, small_runs

# glibc gives every freed tensor back to the system and faults it in again: a tenth of a step.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "100000000000"}


def train_all(runs: list[Run], workers: int) -> None:
    """Each run in a process of its own, with one thread: two runs side by side are faster than one on two threads."""

    def one(run: Run) -> int:
        code = "import sys; from study.__main__ import train_one; train_one(sys.argv[1])"
        return subprocess.run([sys.executable, "-c", code, run.name], env=os.environ | ENVIRONMENT).returncode

    with ThreadPoolExecutor(workers) as pool:
        failed = [run.name for run, code in zip(runs, pool.map(one, runs), strict=True) if code]
    if failed:
        sys.exit(f"These runs did not finish: {', '.join(failed)}. Their last words stand above; run again to go on.")


def train_one(name: str) -> None:
    """Train the run of that name."""
    from study.training import train

    record = train(next(run for run in small_runs() + full_runs() if run.name == name))
    assert record is not None
    print(f"{name}: test {record['accuracies']['test']}, {record['cpu_s']} CPU s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m study", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    training = verbs.add_parser("train")
    training.add_argument("which", choices=("small", "full"))
    training.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    train_all({"small": small_runs, "full": full_runs}[arguments.which](), arguments.workers)


if __name__ == "__main__":
    main()
