"""Names kept where a self-check stands: what later cells do to them changes nothing."""

from typing import Any

import pytest

from autograder.inside import kept
from autograder.inside.kept import names_of


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_kept", {})


def kept_and_then(monkeypatch: pytest.MonkeyPatch, before: str, later: str) -> dict[str, Any]:
    """A notebook's names: ``before`` runs above the self-check of ``task``, ``later`` below it."""
    names: dict[str, Any] = {}
    shell = type("Shell", (), {"user_ns": names})
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    exec(before, names)
    kept.keep("task")
    exec(later, names)
    return names


@pytest.mark.parametrize(
    "later",
    [
        "def task():\n    return 'an experiment'",
        "task = task()",
        "helper = 3",
        "sum = 0",
        "globals().clear()",
        "del task, helper",
        "from math import *",
    ],
)
def test_what_later_cells_do_to_a_name_changes_nothing(monkeypatch: pytest.MonkeyPatch, later: str) -> None:
    before = "def helper(x):\n    return sum([x, 1])\ndef task():\n    return helper(1)"
    names = kept_and_then(monkeypatch, before, later)
    end = dict(names)

    with names_of("task", names):
        assert names["task"]() == 2
    assert names == end


def test_a_helper_below_the_self_check_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    names = kept_and_then(monkeypatch, "def task():\n    return helper()", "def helper():\n    return 5")

    with names_of("task", names):
        assert names["task"]() == 5


def test_a_task_for_which_nothing_was_kept_has_the_names_of_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    names = kept_and_then(monkeypatch, "other = 1", "other = 2")

    with names_of("another", names):
        assert names["other"] == 2


def test_the_names_of_the_end_come_back_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    names = kept_and_then(monkeypatch, "other, task = 1, max", "other = 2")

    with pytest.raises(ZeroDivisionError), names_of("task", names):
        assert names["other"] == 1
        raise ZeroDivisionError
    assert names["other"] == 2


def test_a_helper_below_that_has_a_builtins_name_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    helper = "def divmod(x):\n    return 5\ndivmod.__module__ = '__main__'"
    names = kept_and_then(monkeypatch, "def task():\n    return divmod(1)", helper)

    with names_of("task", names):
        assert names["task"]() == 5


def test_where_the_function_is_not_there_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    names = kept_and_then(monkeypatch, "other = 1", "def task():\n    return other\nother = 2")

    with names_of("task", names):
        assert names["task"]() == 2
