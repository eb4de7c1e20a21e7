"""A sentence below an error that comes from a TODO which is not filled in: its function still returns `...`.

Knows nothing of any task.
"""

import re
import sys
from collections.abc import Iterable
from typing import Any

from course_lib.selfcheck.registry import asked


def name_unfilled() -> None:
    """From now on an error in a cell that meets a `...` is followed by the task that it comes from.

    Outside of IPython this does nothing.
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is not None:
        shell.events.register("post_run_cell", _after_cell)


def sentence(error: BaseException, tasks: Iterable[str]) -> str:
    """Which TODO an error comes from, and what to do; "" for an error that has to do with no `...`.

    Args:
        tasks: Those with a `...` that may have led to it.
    """
    if "ellipsis" not in str(error).lower():
        return ""
    if not tasks:
        return "A value here is still ...: a TODO above is not filled in. selfcheck.overview() says which."
    return (
        f"The TODO of {' and '.join(tasks)} is not filled in: a value is still ... there. "
        "Fill it in, run its cell and the check below it, then run this cell again."
    )


def _after_cell(result: Any) -> None:
    error = result.error_in_exec
    if error is not None:
        said = sentence(error, _open_tasks(error, result.info.raw_cell or ""))
        print(said, end="\n" if said else "")


def _open_tasks(error: BaseException, source: str) -> list[str]:
    """Tasks that a cell names, or what it called, and whose functions mention `...`.

    One that is filled in may do so too, but is seldom where such an error comes from.
    """
    called = set(re.findall(r"\w+", source))
    trace = error.__traceback__
    while trace is not None:
        called |= set(trace.tb_frame.f_code.co_names)
        trace = trace.tb_next
    here = vars(sys.modules["__main__"])
    codes = {task: getattr(here.get(task), "__code__", None) for task in asked if task in called}
    return [task for task, code in codes.items() if code is not None and ... in code.co_consts]
