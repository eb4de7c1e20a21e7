"""The parts of a check: its share of the points, and the failure that it raises.

A check is a function ``check_*`` in ``check_<task>.py``. It takes ``student`` and ``key``, or only one of them: the
evidence of the submission and of the solution. The first paragraph of its docstring is the sentence that the student
reads. The second says why that matters, where the check is worth points. A check passes by returning and fails by
raising :class:`Failure`. Anything else that it raises is our fault and never the student's.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

Function = TypeVar("Function", bound=Callable[..., None])


class Failure(Exception):
    """A check did not pass. Both texts are shown to the student.

    They may quote expected values, because a student learns from them. The hidden inputs stay the same until the
    workspace gets another seed. A student who sees feedback and hands in again could type the values back (7 of 27
    points in three rounds, tried). So another round needs another seed.

    Args:
        rationale: What was expected and what was found.
        hint: What to look at; may be empty.
    """

    def __init__(self, rationale: str, hint: str = "") -> None:
        super().__init__(rationale)
        self.rationale = rationale
        self.hint = hint


def worth(
    share: float, *, needs: Callable[..., None] | Sequence[Callable[..., None]] = ()
) -> Callable[[Function], Function]:
    """Decorator: give a check its share of the task's points.

    Args:
        share: Relative to the other checks of the file; 0 for a precondition.
        needs: A check above that must have passed; otherwise this one is not judged and earns nothing. Of several
            checks one must have passed: so a condition, such as eval mode, earns nothing by itself.

    Raises:
        TypeError: It was written without a share.
    """

    if not isinstance(share, int | float):
        raise TypeError("worth needs the share of the points: write @worth(1)")

    def mark(check: Function) -> Function:
        check.share = share  # type: ignore[attr-defined]
        needed = (needs,) if callable(needs) else needs
        check.needs = tuple(one.__name__ for one in needed)  # type: ignore[attr-defined]
        return check

    return mark
