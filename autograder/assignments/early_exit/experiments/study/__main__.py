"""The study's command line.

    python -m study train small [--workers 2]    the recipes at width 8, up to five seeds: an hour on two cores
    python -m study train full                   the full width, once each: more than an hour
    python -m study replay                       every rule on the logits that the runs left: a minute
    python -m study export                       the full-width weights for students, and what halving them changes
    python -m study measure [--only PART ...]     seconds, controls, the speed of training: on a quiet machine
    python -m study page                         numbers.md and its pictures, from results/study/ alone

Runs that are done are not run again; one that was stopped goes on where it was.
"""

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from study.runs import DATASETS, SEEDS, TAUGHT, Run, full_runs, small_runs

# glibc gives every freed tensor back to the system and faults it in again: a tenth of a step.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "100000000000"}
PARTS = ["at_init", "controls", "clock", "speed"]


def train_all(runs: list[Run], workers: int) -> None:
    """Each run in a process of its own, with one thread: two runs side by side are faster than one on two threads."""
    from study.training import load

    for dataset in DATASETS:  # before hours of training, and fetched once where it has to be
        load(next(run for run in runs if run.dataset == dataset), download=True)

    def one(run: Run) -> int:
        code = "import sys; from study.__main__ import train_one; train_one(sys.argv[1])"
        return subprocess.run([sys.executable, "-c", code, run.name], env=os.environ | ENVIRONMENT).returncode

    with ThreadPoolExecutor(workers) as pool:
        failed = [run.name for run, code in zip(runs, pool.map(one, runs), strict=True) if code]
    if failed:
        sys.exit(f"These runs did not finish: {', '.join(failed)}. Their last words are above; run again to go on.")


def train_one(name: str) -> None:
    """Train the run of that name."""
    from study.training import train

    record = train(next(run for run in small_runs() + full_runs() if run.name == name))
    assert record is not None
    print(f"{name}: test {record['accuracies']['test']}, {record['cpu_s']} CPU s", flush=True)


def measure(parts: list[str]) -> None:
    """Measure what needs the networks again. Timing needs a quiet machine."""
    from study import at_init, clock, controls, speed
    from study.results import stored

    summary = stored("summary")
    tolerances = {name: one["tolerance_at_half"] for name, one in summary.items() if "rules" in one}
    small = [Run(dataset, TAUGHT, seed) for dataset in DATASETS for seed in SEEDS]
    full = next(run for run in full_runs() if (run.dataset, run.recipe) == ("shapes", TAUGHT))
    if "at_init" in parts:
        at_init.main()
    if "controls" in parts:
        controls.measure([run for run in small if run.name in tolerances], tolerances)
    if "clock" in parts:
        clock.measure([run for run in (small[0], full) if run.name in tolerances], tolerances)
    if "speed" in parts:
        wide = replace(full, recipe="seed")  # with the steps of its width
        as_in_the_homework = replace(wide, batch=256)
        narrow = {Run("shapes", "seed", 1, 8): 200, Run("shapes", "seed", 1, 16): 150}
        speed.measure(narrow | {wide: 30, as_in_the_homework: 6})


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m study", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    training = verbs.add_parser("train")
    training.add_argument("which", choices=("small", "full"))
    training.add_argument("--workers", type=int, default=2)
    verbs.add_parser("measure").add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    for verb in ("replay", "export", "page"):
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
        if not ENVIRONMENT.items() <= os.environ.items():  # read when a process starts
            os.execve(sys.executable, [sys.executable, "-m", "study", *sys.argv[1:]], os.environ | ENVIRONMENT)
        measure(arguments.only)
    else:
        from study import figures, page

        page.PAGE.write_text(page.page())
        figures.write()
        print(f"wrote {page.PAGE}; README's table is:", *page.facts(), sep="\n")


if __name__ == "__main__":
    main()
