"""The observer: what it records of a function that returns, raises, prints or exits, in a notebook left untidy."""

import json
import random
import sys
import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from small_course import ROOT

from autograder.inside import cases
from autograder.inside.names import EVIDENCE
from autograder.inside.observe import observe, record

SEED = 5


@pytest.fixture(autouse=True)
def _cases(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("assignment", "assignment.cases"):  # another test's
        monkeypatch.delitem(sys.modules, name, raising=False)
    cases.load(str(ROOT / "autograder" / "assignments" / "early_exit" / "inside"))


def recorded(function: object) -> dict[str, Any]:
    return record("mac_ratio", "two_totals", {"mac_ratio": function}, SEED)


def test_when_the_function_returns_then_its_values_are_recorded_under_their_names() -> None:
    found = recorded(lambda total, early: 2)

    two = {"t": "int", "v": "2"}
    assert found == {
        "task": "mac_ratio",
        "case": "two_totals",
        "values": {"returned": {"t": "list", "v": [two, two, two]}},
    }


def raises(total: int, early: int) -> float:
    return 1 / 0


def exits(total: int, early: int) -> None:
    sys.exit("enough")


@pytest.mark.parametrize(
    ("function", "error"),
    [
        (raises, "ZeroDivisionError: division by zero"),
        (exits, "SystemExit: enough"),
        (None, "NameError: there is no function mac_ratio"),
        (1.447, "NameError: there is no function mac_ratio"),
    ],
)
def test_when_nothing_comes_back_then_the_record_says_why(function: object, error: str) -> None:
    assert recorded(function) == {"task": "mac_ratio", "case": "two_totals", "error": error}


def test_when_an_error_is_long_then_it_is_cut() -> None:
    def raises_much(total: int, early: int) -> None:
        raise ValueError("x" * 10**6)

    assert len(recorded(raises_much)["error"]) == 2_000


def test_when_the_call_is_stopped_then_nothing_is_recorded() -> None:
    def is_interrupted(total: int, early: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recorded(is_interrupted)


def test_what_a_function_prints_does_not_come_out(capfd: pytest.CaptureFixture[str]) -> None:
    def prints(total: int, early: int) -> int:
        print("a number:", total)
        print("a complaint", file=sys.stderr)
        return 1

    assert "values" in recorded(prints)
    assert capfd.readouterr() == ("", "")


def warns(total: int, early: int) -> bool:
    warnings.warn("old", DeprecationWarning, stacklevel=1)
    return True


def divides_by_zero(total: int, early: int) -> bool:
    return bool(np.isinf(np.float64(1) / np.float64(0)))


def makes_a_gradient(total: int, early: int) -> bool:
    return torch.ones(1, requires_grad=True).sum().requires_grad


def makes_a_tensor(total: int, early: int) -> str:
    return str(torch.ones(1).dtype)


@pytest.mark.parametrize(
    ("function", "value"),
    [(warns, True), (divides_by_zero, True), (makes_a_gradient, True), (makes_a_tensor, "torch.float32")],
)
def test_what_the_last_cells_left_switched_on_or_off_is_not_the_functions_fault(
    function: Callable[..., Any], value: object
) -> None:
    with warnings.catch_warnings(action="error"), np.errstate(all="raise"), torch.no_grad():
        torch.set_default_dtype(torch.float64)
        try:
            found = recorded(function)
        finally:
            torch.set_default_dtype(torch.float32)

    assert [item["v"] for item in found["values"]["returned"]["v"]] == [value] * 3


def test_a_function_that_draws_numbers_is_recorded_alike_each_time() -> None:
    def draws(total: int, early: int) -> float:
        return random.random() + float(np.random.rand()) + float(torch.rand(1))

    assert recorded(draws) == recorded(draws)


def test_what_explains_a_wrong_answer_is_recorded_where_it_is_asked_for() -> None:
    names = {"choose_tolerance": lambda sweep, target: 0.0}
    plain, explained = (record("choose_tolerance", "plain", names, SEED, explain) for explain in (False, True))

    assert set(plain["values"]) == {"returned"}
    assert set(explained["values"]) == {"returned", "sweeps", "targets"}
    assert explained["values"]["returned"] == plain["values"]["returned"]


def test_the_record_is_displayed_as_one_message_of_its_own_type(monkeypatch: pytest.MonkeyPatch) -> None:
    published: list[dict[str, str]] = []
    names = {"mac_ratio": lambda total, early: total / early}
    shell = SimpleNamespace(user_ns=names, display_pub=SimpleNamespace(publish=published.append))
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)

    observe("mac_ratio", "two_totals", SEED)

    assert [list(message) for message in published] == [[EVIDENCE]]
    assert json.loads(published[0][EVIDENCE]) == record("mac_ratio", "two_totals", names, SEED)
