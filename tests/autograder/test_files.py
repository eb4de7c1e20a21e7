"""Files that are as they should be, or as they were."""

from pathlib import Path

import pytest

from autograder.files import write_whole


def test_a_file_is_written_with_its_folders_and_written_over(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"
    for data in (b"one", b"two", b"longer"):
        write_whole(path, data)
        assert path.read_bytes() == data
    assert [file.name for file in path.parent.iterdir()] == ["b"]


def test_a_file_that_holds_it_already_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_whole(path, b"one")
    before = path.stat()
    write_whole(path, b"one")

    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_when_it_cannot_be_written_then_what_was_there_still_is(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError, match="a"):
        write_whole(tmp_path / "a", b"one")

    assert [file.name for file in tmp_path.iterdir()] == ["a"]
