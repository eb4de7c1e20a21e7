"""Rebuilt notebook, cases, seed -> Run: a stored one, or a new one of the backend, stored before it counts.

The grader calls :meth:`Runner.run` from as many threads as the backend has slots. Knows nothing of students or grades,
nor of where notebooks run: boxes of this machine (boxes.py) or of a cluster (cluster/). Two equal notebooks run once.
"""

import collections
import threading
from collections.abc import Collection, Sequence
from dataclasses import replace

from autograder.boxes import Backend, Boxes, Order
from autograder.config import Settings
from autograder.intake.needed import plan
from autograder.intake.rebuild import Rebuilt
from autograder.keys import run_key, stored_key
from autograder.runs import Runs
from autograder.session import Run, is_silent


class Runner:
    """Runs the notebooks of one grading.

    Args:
        surroundings: Hash of everything but the notebook that a run depends on.
        fresh: Run also what was run before.
        backend: What runs notebooks; None for boxes of this machine.
    """

    def __init__(
        self, settings: Settings, surroundings: str, *, fresh: bool = False, backend: Backend | None = None
    ) -> None:
        self._settings = settings
        self._surroundings = surroundings
        self._stored = Runs(settings.workspace)
        self._fresh = fresh
        self._made: set[str] = set()  # stored keys of this process
        self._locks: dict[str, threading.Lock] = collections.defaultdict(threading.Lock)  # one for each stored key
        self.backend = backend or Boxes(settings)

    def prestart(self, notebooks: int) -> None:
        """Get ready for the solutions and so many notebooks, if none was run before: then all will run."""
        if self._stored.none():
            self.backend.prestart(1 + notebooks)

    def run(
        self, rebuilt: Rebuilt, cases: Sequence[tuple[str, str]], seed: int, *, explain: bool = False
    ) -> tuple[str, Run]:
        """Run one notebook in a box of its own, or give the stored run of an equal one.

        As :func:`autograder.execute.run_notebook`; the second of two equal notebooks waits for the first.

        Returns:
            The key of the run, which is the same for notebooks with the same cells, and the run.
        """
        run = run_key(rebuilt, cases, seed, self._surroundings)
        planned = plan(rebuilt.cells, whole=explain or self._settings.whole)
        silent = [is_silent(cell) for cell in rebuilt.cells]
        # This very run, and one that ran every cell and kept its outputs, which can take its place.
        exact = stored_key(run, silent, planned.left_out, explain)
        full = stored_key(run, [False] * len(silent), (), explain)
        with self._locks[full]:
            for key in dict.fromkeys((exact, full)):
                stored = self._stored.load(key)
                if stored and self._may_serve(stored, key, exact):
                    served = planned.whole or "an equal notebook was run whole"
                    return run, stored if key == exact else replace(stored, whole=served)
            made = self.backend.run(Order(rebuilt, tuple(cases), seed, explain, planned))
            self._stored.save(exact, made)
            self._made.add(exact)
            return run, made

    def _may_serve(self, stored: Run, key: str, exact: str) -> bool:
        """Whether a stored run may be used again.

        ============  =====================  ===================================================
        made          may depend on the      may be used
                      machine's load
        ============  =====================  ===================================================
        just now      no                     yes
        just now      yes                    only for exactly the same run: a full run does more
        earlier       no                     unless everything is to be fresh
        earlier       yes                    no
        ============  =====================  ===================================================
        """
        if key in self._made:
            return key == exact or not stored.of_the_moment
        return not self._fresh and not stored.of_the_moment

    def stop(self) -> None:
        """End every box that runs, so that those who wait for one come back."""
        self.backend.stop()

    def prune(self, needed: Collection[str] | None) -> None:
        """Remove old runs that neither this grading used nor a grade names.

        Args:
            needed: Keys of runs, as :meth:`run` gives them; None where they are not known, and nothing is removed.
        """
        if needed is not None:
            self._stored.prune(needed)

    def close(self) -> None:
        """End what is kept ready for the next notebook."""
        self.backend.close()
