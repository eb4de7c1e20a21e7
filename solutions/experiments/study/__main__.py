"""The study's command line.

    python -m study train small [--workers 2]    five seeds of every recipe: two hours on two cores
    python -m study train full                   the full width, once each: another hour and a half
    python -m study replay                       every rule on the logits that the runs left: a minute
    python -m study export                       the full-width weights for students, and what halving them changes
    python -m study measure                      seconds, controls, the speed of training: on a quiet machine
    python -m study page                         numbers.md and its pictures, from results/study/ alone

Runs that are done are not run again; one that was stopped goes on where it was.
"""

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from study.runs import DATASETS, FULL, SEEDS, SMALL, TAUGHT, Run, full_runs, small_runs

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


def measure() -> None:
    """What needs the networks again: the clock, the controls and the speed of training."""
    from study import at_init, clock, controls, speed
    from study.page import stored

    summary = stored("summary")
    small = [Run(dataset, TAUGHT, seed, SMALL) for dataset in DATASETS for seed in SEEDS]
    full = [run for run in full_runs() if run.recipe == TAUGHT]
    tolerances = {name: one["tolerance_at_half"] for name, one in summary.items() if "rules" in one}
    at_init.main()
    controls.measure([run for run in small if run.name in summary], tolerances)
    timed = [Run("shapes", TAUGHT, SEEDS[0], SMALL), *full]
    clock.measure([run for run in timed if run.name in summary], tolerances)
    speed.measure({Run("shapes", "seed", 1, SMALL): 300, Run("shapes", "seed", 1, FULL, batch=256, peak=0.001): 40})


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m study", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    training = verbs.add_parser("train")
    training.add_argument("which", choices=("small", "full"))
    training.add_argument("--workers", type=int, default=2)
    for verb in ("replay", "export", "measure", "page"):
        verbs.add_parser(verb)
    arguments = parser.parse_args()
    if arguments.verb == "train":
        train_all({"small": small_runs, "full": full_runs}[arguments.which](), arguments.workers)
    elif arguments.verb == "replay":
        from study import replay

        replay.main()
    elif arguments.verb == "export":
        from study import export

        export.main()
    elif arguments.verb == "measure":
        measure()
    else:
        from study import figures, page

        page.PAGE.write_text(page.page())
        figures.write()
        print(f"wrote {page.PAGE}; README's table is:", *page.facts(), sep="\n")


if __name__ == "__main__":
    main()
