"""The notebook's names as they were where the self-check of a task stands: a function is judged with these.

What later cells do to a name changes nothing: an experiment that defines the function again, a result that takes its
name, ``sum = 0``, ``%reset -f``. Names are kept and not what they stand for: a list that grows later has grown.
"""

import builtins
import contextlib
import types
from collections.abc import Iterator
from typing import Any

_kept: dict[str, dict[str, Any]] = {}


def keep(task: str) -> None:
    """Keep the names that the notebook has now for ``task``, if its function is there."""
    from IPython import get_ipython

    names = get_ipython().user_ns
    if callable(names.get(task)):
        _kept[task] = dict(names)


@contextlib.contextmanager
def names_of(task: str, namespace: dict[str, Any]) -> Iterator[None]:
    """Give ``namespace`` the names that were kept for ``task``, if any were; put its own back afterwards.

    Names that are only defined later stay, because a helper may stand below its function. One that hides a builtin
    stays only if it is a function of the notebook's own: not ``sum = 0``, and not what a star import brings.

    Args:
        namespace: The notebook's names. The functions in it look names up there, so it is changed in place.
    """
    if (kept := _kept.get(task)) is None:
        yield
        return
    end = dict(namespace)
    later = {name: value for name, value in end.items() if not hasattr(builtins, name) or _is_own(value)}
    _become(namespace, later | kept)
    try:
        yield
    finally:
        _become(namespace, end)


def _is_own(value: Any) -> bool:
    return isinstance(value, types.FunctionType) and value.__module__ == "__main__"


def _become(namespace: dict[str, Any], names: dict[str, Any]) -> None:
    namespace.clear()
    namespace.update(names)
