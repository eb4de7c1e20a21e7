"""Keeps results.json and the file of the round up with a class that is being graded."""

import contextlib
import time
from dataclasses import replace
from pathlib import Path

from autograder.errors import UsageError
from autograder.records.marks import marked
from autograder.records.results_json import save_results
from autograder.records.rounds import save_round
from autograder.results import ClassResults, Grade, Round

SAVED_EVERY_S = 2.0  # seconds of judging lost if the grader is killed; runs are never lost
SAVING_SHARE = 0.01  # of the time at most, however large the class


class Saving:
    """Keeps results.json up with the grades, but not so often that a large class spends its time on that.

    Args:
        results: What the workspace holds already.
        made: The grades that the round has already.
        of: The round.

    Attributes:
        results: The class as graded when it was last saved.
    """

    def __init__(self, results: ClassResults, made: ClassResults, of: Round, workspace: Path) -> None:
        self.results, self._made, self._round, self._workspace = results, made, of, workspace
        self._unsaved: list[Grade] = []  # putting each in its place at once takes time that grows with the class
        self._next = 0.0

    def __enter__(self) -> "Saving":
        return self

    def __exit__(self, *_: object) -> None:
        self._put_in_place()
        with contextlib.suppress(UsageError):  # somebody holds the gradebook; that fails no class
            self.results = marked(self.results, self._workspace)
        self._save()

    def add(self, grade: Grade) -> Grade:
        """One more grade; the same, with its round."""
        grade = replace(grade, round=self._round)
        self._unsaved.append(grade)
        begin = time.monotonic()
        if begin > self._next:
            self._save()
            end = time.monotonic()
            self._next = end + max(SAVED_EVERY_S, (end - begin) / SAVING_SHARE)
        return grade

    def _put_in_place(self) -> None:
        self.results, self._made = self.results.with_grades(self._unsaved), self._made.with_grades(self._unsaved)
        self._unsaved = []

    def _save(self) -> None:
        self._put_in_place()
        save_round(self._made, self._workspace)  # first: what results.json holds, a round holds too
        save_results(self.results, self._workspace)
