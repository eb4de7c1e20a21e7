"""Runs stored by the key of what was run: the same comes back, or nothing."""

import os
import time
from pathlib import Path

import pytest

from autograder.results import Verdict
from autograder.runs import Runs
from autograder.session import Run

NAME = f"{'ab' * 16}/{'cd' * 16}"
RUN = Run(
    Verdict.PARTIAL_RUN,
    "Cell a raised KeyError: 1.",
    ([], [{"output_type": "stream", "name": "stdout", "text": "é\ud800 1\n"}]),
    {("mac_ratio", "two_totals"): '{"task": "mac_ratio"}'},
    frozenset(),
    {"mac_ratio": "KeyError: 1"},
)


def test_a_kept_run_comes_back_as_it_was(tmp_path: Path) -> None:
    Runs(tmp_path).save(NAME, RUN)

    assert Runs(tmp_path).load(NAME) == RUN
    assert Runs(tmp_path).load(f"{'ab' * 16}/{'ef' * 16}") is None


@pytest.mark.parametrize("damage", [b"", b"x", b"half"])
def test_when_a_kept_run_is_damaged_then_there_is_none(tmp_path: Path, damage: bytes) -> None:
    Runs(tmp_path).save(NAME, RUN)
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    file.write_bytes(file.read_bytes()[:40] if damage == b"half" else damage)

    assert Runs(tmp_path).load(NAME) is None


@pytest.mark.parametrize(
    ("run", "of_the_moment"),
    [
        (RUN, False),
        (Run(Verdict.OK), False),
        (Run(Verdict.TIMEOUT), True),
        (Run(Verdict.OUTPUT_LIMIT), True),
        (Run(Verdict.OUT_OF_MEMORY), True),
        (Run(Verdict.KERNEL_DIED), True),
        (Run(Verdict.PARTIAL_RUN, too_slow=frozenset({"mac_ratio"})), True),
    ],
)
def test_a_run_says_whether_a_busy_machine_may_have_ended_it(tmp_path: Path, run: Run, of_the_moment: bool) -> None:
    Runs(tmp_path).save(NAME, run)

    assert Runs(tmp_path).load(NAME) == run
    assert run.of_the_moment == of_the_moment


def test_pruning_removes_what_is_old_and_not_needed(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    runs.prune(set())  # there is nothing yet
    names = {kind: f"{letter * 32}/{'0' * 32}" for kind, letter in (("old", "a"), ("needed", "b"), ("new", "c"))}
    for kind, name in names.items():
        runs.save(name, RUN)
        if kind != "new":
            long_ago = time.time() - 8 * 24 * 3600
            os.utime(tmp_path / "runs" / name.partition("/")[0], (long_ago, long_ago))
    runs.prune({"b" * 32})

    assert {kind: runs.load(name) is not None for kind, name in names.items()} == {
        "old": False,
        "needed": True,
        "new": True,
    }
    assert not (tmp_path / "runs" / ("a" * 32)).exists()
