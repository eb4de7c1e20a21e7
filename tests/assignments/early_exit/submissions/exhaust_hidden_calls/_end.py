import functools
import time


def slowly(function):
    @functools.wraps(function)
    def call(*arguments, **options):
        time.sleep(25)
        return function(*arguments, **options)

    return call


for name in (
    "baseline_step",
    "evaluate_baseline",
    "early_exit_loss",
    "early_exit_step",
    "evaluate_early_exit",
    "mac_ratio",
    "choose_tolerance",
    "per_sample_exits",
    "predict_with_compaction",
):
    globals()[name] = slowly(globals()[name])
