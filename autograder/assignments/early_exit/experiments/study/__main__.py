"""The study's command line.

    python -m study train small [--workers 2]    the recipes at width 8, up to five seeds: an hour on two cores
    python -m study train full                   the full width, once each: more than an hour
    python -m study train wide [--budget 600]    the full width, ten epochs, five seeds: a quarter of an hour on a GPU
    python -m study replay                       every rule on the logits that the runs left: a minute
    python -m study export                       the full-width weights for students, and what halving them changes
    python -m study measure [--only PART ...]     seconds, controls, the speed of training: on a quiet machine
    python -m study page                         numbers.md and its pictures, from results/study/ alone

Runs that are done are not run again; one that was stopped goes on where it was. With `--budget`, training stops before
so many seconds are over; `--out` copies what every finished run leaves but its weights, which are large.
"""

import argparse
import math
import os
import sys
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

from study.runs import DATASETS, SEEDS, TAUGHT, Run, full_runs, small_runs, wide_runs
from study.side_by_side import ENVIRONMENT, train_all

PARTS = ["at_init", "controls", "clock", "speed", "throughput"]
RUNS = {"small": small_runs, "full": full_runs, "wide": wide_runs}


def train_which(arguments: argparse.Namespace) -> None:
    """The command `train`."""
    from study import export
    from study.training import device

    if arguments.which == "wide" and device().type == "cpu":
        print("The wide runs are left out: they want an NVIDIA GPU. On a CPU they would take days.")
        return
    runs = RUNS[arguments.which]()
    try:
        chosen = [run for run in runs if fnmatch(run.name, arguments.only)]
        train_all(chosen, arguments.workers, arguments.budget)
    finally:  # where one run failed, the others are of use
        if arguments.out is not None:
            export.without_weights(runs, arguments.out)


def measure(parts: list[str]) -> None:
    """Measure what needs the networks again. Timing needs a quiet machine."""
    from study import at_init, clock, controls, speed, throughput
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
    if "throughput" in parts:
        throughput.measure()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m study", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    training = verbs.add_parser("train")
    training.add_argument("which", choices=RUNS)
    training.add_argument("--workers", type=int, default=2, help="runs side by side, on a GPU too (default: 2)")
    training.add_argument("--only", default="*", metavar="PATTERN", help="runs with such names, as shapes-*-s1")
    training.add_argument("--budget", type=float, default=math.inf, metavar="SECONDS")
    training.add_argument("--out", type=Path, metavar="FOLDER")
    verbs.add_parser("measure").add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    for verb in ("replay", "export", "page"):
        verbs.add_parser(verb)
    arguments = parser.parse_args()
    if arguments.verb == "train":
        train_which(arguments)
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
        from study import facts, figures, page

        page.PAGE.write_text(page.page())
        figures.write()
        print(f"wrote {page.PAGE}; README's table is:\n{facts.facts()}")


if __name__ == "__main__":
    main()
