"""Keeps results.json up with a class that is being graded."""

import time
from pathlib import Path

from autograder.records.marks import marked
from autograder.records.results_json import save_results
from autograder.results import ClassResults, Grade

SAVED_EVERY_S = 2.0  # seconds of judging lost if the grader is killed; runs are never lost
SAVING_SHARE = 0.01  # of the time at most, however large the class


class Saving:
    """Keeps results.json up with the grades, but not so often that a large class spends its time on that.

    Attributes:
        results: The class as graded so far.
    """

    def __init__(self, results: ClassResults, workspace: Path) -> None:
        self.results, self._workspace = results, workspace
        self._next = 0.0

    def __enter__(self) -> "Saving":
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.results = marked(self.results, self._workspace)
        finally:
            save_results(self.results, self._workspace)

    def add(self, grade: Grade) -> None:
        """One more grade."""
        self.results = self.results.with_grade(grade)
        begin = time.monotonic()
        if begin > self._next:
            save_results(self.results, self._workspace)
            end = time.monotonic()
            self._next = end + max(SAVED_EVERY_S, (end - begin) / SAVING_SHARE)
