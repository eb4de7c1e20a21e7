"""Trains several runs side by side, each in a process of one thread, for as long as there is time.

Knows nothing of how a run is trained.
"""

import math
import os
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from study.runs import Run

# glibc gives every freed tensor back to the system and faults it in again: a tenth of a step.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "100000000000"}
SPARE_S = 10.0  # of a budget: for what follows a run's last step, and for its state to be saved


def train_all(runs: list[Run], workers: int, budget_s: float = math.inf) -> None:
    """Train the runs in processes of one thread each: two side by side are faster than one on two threads.

    A process takes one run after the other, because starting CUDA and drawing the images takes as long as a short run.
    With a budget, what there is no time for is left for another call, and so is a data set that is not here.
    """
    from study.training import load

    until = time.time() + budget_s - SPARE_S
    for dataset in dict.fromkeys(run.dataset for run in runs):  # before hours of training, and fetched once
        try:
            load(next(run for run in runs if run.dataset == dataset), download=True)
        except FileNotFoundError as error:
            if budget_s == math.inf:
                raise
            print(f"The runs on {dataset} are left out. {error}", flush=True)
            runs = [run for run in runs if run.dataset != dataset]

    os.environ |= ENVIRONMENT
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures = {run.name: pool.submit(train_one, run, until) for run in runs}
    failed = {name: error for name, future in futures.items() if (error := future.exception()) is not None}
    for text in dict.fromkeys("".join(traceback.format_exception(error)) for error in failed.values()):
        print(text, file=sys.stderr)
    if failed:
        sys.exit(f"These runs did not finish: {', '.join(failed)}. Their last words are above; run again to go on.")
    left = [name for name, future in futures.items() if not future.result()]
    if left:
        print(f"{len(left)} of {len(runs)} runs are left for another time, the first of them {left[0]}.")


def train_one(run: Run, until: float) -> bool:
    """Train a run; False if the time was over before it was finished."""
    from study.training import train

    record = train(run, until=until)
    if record is None:
        return False
    spent = f"{record['cpu_s']} CPU s" if "cpu_s" in record else f"{record['seconds']} s on {record['machine']['gpu']}"
    print(f"{run.name}: test {record['accuracies']['test']}, {spent}", flush=True)
    return True
