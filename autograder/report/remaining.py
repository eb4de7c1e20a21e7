"""How long a grading still takes: an estimate that would rather be too long. Plain arithmetic; knows nothing of boxes.

Two things make a naive estimate far too short. The fast submissions are done first, and a slow one that runs says
nothing until it ends. So time that running submissions have already taken counts too: the mean is all time spent
divided by what is done, as for lifetimes of which some have not ended yet (a censored exponential). And what has run
for long is expected to run on for half as long again.
"""

import heapq
import math
from collections.abc import Sequence

USUAL_S = 20.0  # a notebook of two cores' worth of work, where nothing was measured yet
WEIGHT = 2  # submissions that what is usual counts for


def seconds_left(
    usual: float, finished: Sequence[float], running: Sequence[float], waiting: int, jobs: int, longest: float
) -> float:
    """Seconds until everything is graded, if those that wait start in turn.

    Args:
        usual: Seconds that a submission takes, before any is measured.
        finished: Seconds of each that is done.
        running: Seconds so far of each that runs; at most ``jobs``.
        longest: Seconds after which every submission is ended.
    """
    mean = (WEIGHT * usual + sum(finished) + sum(running)) / (WEIGHT + len(finished))
    free = [min(max(mean - so_far, so_far / 2), max(longest - so_far, 1.0)) for so_far in running]
    free += [0.0] * max(0, jobs - len(free))
    heapq.heapify(free)
    for _ in range(waiting):
        heapq.heapreplace(free, free[0] + mean)
    return max(free, default=0.0)


def in_words(seconds: float) -> str:
    """ "about 40 s", "about 3 min", "about 1 h 20 min": rounded up, because it is an estimate."""
    if seconds <= 90:
        return f"about {max(10, math.ceil(seconds / 10) * 10)} s"
    minutes = math.ceil(seconds / 60)
    if minutes < 60:
        return f"about {minutes} min"
    hours, minutes = divmod(math.ceil(minutes / 10) * 10, 60)
    return f"about {hours} h {minutes} min" if minutes else f"about {hours} h"
