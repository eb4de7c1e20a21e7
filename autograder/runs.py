"""Runs that were made before, stored in the workspace by the key of what was run.

``runs/<run>/<as it was run>.json.z``: the first key says what was run, the second which outputs it has.

A run that ended by time, memory, output or a dead kernel may have been the machine's fault. It is reused for equal
notebooks of the same grading, but not in a later grading. A file that is unchanged still keeps its grade; the
terminal says how to run such files again. At the end of a class, runs that no grade of the workspace names are
removed if they are older than a week. Equal notebooks are reported only on the class page, not to students.
"""

import json
import shutil
import time
import zlib
from collections.abc import Collection
from pathlib import Path

from autograder.files import write_whole
from autograder.results import Verdict
from autograder.session import Run

KEPT_S = 7 * 24 * 3600  # a run that no grade needs: of a grader that was killed, of another seed, of an earlier hand-in


class Runs:
    """The stored runs of a workspace."""

    def __init__(self, workspace: Path) -> None:
        self._folder = workspace / "runs"
        self._used: set[str] = set()  # by this process

    def none(self) -> bool:
        """Whether nothing was stored yet."""
        return not self._folder.is_dir()

    def load(self, key: str) -> Run | None:
        """The run of that key; None if there is none that can be read."""
        self._used.add(key.partition("/")[0])
        try:
            return unpacked(self._file(key).read_bytes())
        except (OSError, ValueError):
            return None  # it is made again

    def made(self, run: str) -> Run | None:
        """A stored run of the key ``run``, whichever of its outputs were kept; None if there is none."""
        files = sorted((self._folder / run).glob("*.json.z"), key=lambda file: file.stat().st_mtime)
        return self.load(f"{run}/{files[-1].name.removesuffix('.json.z')}") if files else None

    def save(self, key: str, run: Run) -> None:
        """Keep a run, in place of an earlier one.

        Raises:
            OSError: It cannot be written.
        """
        write_whole(self._file(key), packed(run))

    def prune(self, needed: Collection[str], kept_s: float = KEPT_S) -> int:
        """Remove the runs that are neither needed nor used by this process; how many.

        Args:
            needed: Keys of runs, as grades have them.
            kept_s: Seconds that a run stays in any case.
        """
        removed = 0
        for folder in () if self.none() else self._folder.iterdir():
            wanted = folder.name in needed or folder.name in self._used
            if not wanted and time.time() - folder.stat().st_mtime >= kept_s:
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
        return removed

    def _file(self, key: str) -> Path:
        return self._folder / f"{key}.json.z"


def packed(run: Run) -> bytes:
    """A run as bytes: to keep, or to send home from a worker of a cluster."""
    evidence = [[task, case, text] for (task, case), text in run.evidence.items()]
    entry = {
        "verdict": run.verdict,
        "message": run.message,
        "raised": dict(run.raised),
        "ended": run.ended,
        "not_run": run.not_run,
        "whole": run.whole,
        "outputs": run.outputs,
        "evidence": evidence,
    }
    text = json.dumps(entry | {"too_slow": sorted(run.too_slow)})
    return zlib.compress(text.encode("utf-8", "surrogatepass"), 1)


def unpacked(data: bytes) -> Run:
    """The run that :func:`packed` made these bytes of.

    Raises:
        ValueError: They are of no run.
    """
    try:
        entry = json.loads(zlib.decompress(data))
        evidence = {(task, case): text for task, case, text in entry["evidence"]}
        parts = {
            "verdict": Verdict(entry["verdict"]),
            "too_slow": frozenset(entry["too_slow"]),
            "not_run": tuple(entry["not_run"]),
        }
        return Run(**{**entry, **parts, "evidence": evidence, "outputs": tuple(entry["outputs"])})
    except (ValueError, zlib.error, KeyError, TypeError) as error:
        raise ValueError(f"Expected a packed run, found {type(error).__name__}: {error}") from None
