"""The bait of the corpus: silent when nothing was touched, and loud for each piece that was."""

import socket
from collections.abc import Iterator
from pathlib import Path

import canaries
import pytest
from canaries import Canaries, planted


@pytest.fixture(name="bait")
def _bait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Canaries]:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(canaries, "FROM_A_PICKLE", tmp_path / "pickled")
    monkeypatch.setattr(canaries, "DAEMON", "no process is called like this")
    with planted(tmp_path / "host", tmp_path / "class") as bait:
        yield bait


@pytest.fixture(name="workspace")
def _workspace(tmp_path: Path) -> Path:
    (tmp_path / "ws" / "submitted" / "neighbour").mkdir(parents=True)
    return tmp_path / "ws"


def test_when_nothing_was_touched_then_there_is_no_complaint(bait: Canaries, workspace: Path) -> None:
    (workspace / "submitted" / "neighbour" / "early_exit.ipynb").write_text(bait.secret)  # handed in, so it may

    assert bait.complaints(workspace) == []


def test_when_a_file_was_changed_or_removed_then_it_is_named(bait: Canaries, workspace: Path) -> None:
    first, second, *_ = bait.files
    first.write_text("27 points")
    second.unlink()

    assert bait.complaints(workspace) == [f"{first} was changed", f"{second} was changed"]


@pytest.mark.parametrize("name", ["a port of this machine", "an abstract unix socket", "a unix socket"])
def test_when_somebody_called_then_it_is_heard(bait: Canaries, workspace: Path, name: str) -> None:
    listener = bait.listening[name]
    with socket.socket(listener.family) as client:
        client.connect(listener.getsockname())

        assert bait.complaints(workspace) == [f"somebody called {name}"]


def test_when_the_process_was_ended_then_it_is_said(bait: Canaries, workspace: Path) -> None:
    assert bait.process is not None
    bait.process.kill()
    bait.process.wait()

    assert bait.complaints(workspace) == ["a process outside was ended"]


def test_when_a_pickle_was_read_then_what_it_made_is_named(bait: Canaries, workspace: Path) -> None:
    canaries.FROM_A_PICKLE.touch()

    assert bait.complaints(workspace) == [f"a pickle was read out here: it made {canaries.FROM_A_PICKLE}"]


def test_when_the_secret_got_out_then_its_place_is_named(bait: Canaries, workspace: Path) -> None:
    (workspace / "results.json").write_text(f'{{"found": "{bait.secret}"}}')

    assert bait.complaints(workspace) == [f"the secret is in {workspace / 'results.json'}"]


def test_bait_is_cleared_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with planted(tmp_path / "host", tmp_path / "class") as bait:
        process = bait.process

    assert [path for path in (tmp_path / "home").rglob("*") if path.is_file()] == []
    assert process is not None and process.poll() is not None
