"""Writes files so that they are never half there: whenever we are stopped, a file is as it should be, or as it was."""

import os
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write ``data`` next to ``path`` and put it in its place at once, also over a file that is read-only.

    Folders are made as needed; a file that holds the same already is left alone. What a killed grader left there is
    written over, because a workspace has one grader at a time.

    Raises:
        OSError: It cannot be written; what was there before still is.
    """
    if holds(path, data):  # reading takes a tenth of the time until a disk has what was written
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    try:
        with fresh.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


def holds(path: Path, data: bytes) -> bool:
    """Whether a file holds exactly this; False where it cannot be read."""
    try:
        return path.stat().st_size == len(data) and path.is_file() and path.read_bytes() == data
    except OSError:
        return False
