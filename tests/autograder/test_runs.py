"""Runs kept by the name of what was run: the same comes back, and what may have been the moment's fault is not kept."""

from pathlib import Path

import pytest

from autograder.execute import Run
from autograder.results import Verdict
from autograder.runs import OF_THE_MOMENT, Runs

NAME = "ab" * 16
RUN = Run(
    Verdict.PARTIAL_RUN,
    "These cells raised an error: a.",
    ([], [{"output_type": "stream", "name": "stdout", "text": "é\ud800 1\n"}]),
    {("mac_ratio", "two_totals"): '{"task": "mac_ratio"}'},
    frozenset(),
    3.25,
)


def test_a_kept_run_comes_back_as_it_was(tmp_path: Path) -> None:
    Runs(tmp_path).save(NAME, RUN)

    assert Runs(tmp_path).load(NAME) == RUN
    assert Runs(tmp_path).load("cd" * 16) is None


@pytest.mark.parametrize("damage", [b"", b"x", b"half"])
def test_when_a_kept_run_is_damaged_then_there_is_none(tmp_path: Path, damage: bytes) -> None:
    Runs(tmp_path).save(NAME, RUN)
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    file.write_bytes(file.read_bytes()[:40] if damage == b"half" else damage)

    assert Runs(tmp_path).load(NAME) is None


@pytest.mark.parametrize("verdict", OF_THE_MOMENT)
def test_when_a_run_may_have_ended_for_the_machines_sake_then_it_is_not_kept(tmp_path: Path, verdict: Verdict) -> None:
    Runs(tmp_path).save(NAME, Run(verdict))
    Runs(tmp_path).save(NAME, Run(Verdict.OK, too_slow=frozenset({"mac_ratio"})))

    assert Runs(tmp_path).load(NAME) is None
