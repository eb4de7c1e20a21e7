"""Rebuilt notebook, cases, seed -> Run, in a warm box where one can be had, else in a cold one.

The grader calls :meth:`Runner.run` from as many threads as it has jobs. Knows nothing of students or grades. A stored
run is reused, and two equal notebooks run once. If two templates end under a notebook, it runs alone in a cold box. If
none ever starts, or none for three notebooks in a row, all later notebooks run cold.
"""

import collections
import threading
from collections.abc import Collection, Sequence
from dataclasses import replace

from autograder.box.box import end_all
from autograder.box.template import Templates
from autograder.config import Settings
from autograder.errors import BoxUnavailable, TemplateFailed
from autograder.execute import Run, is_silent, run_notebook
from autograder.intake.needed import Plan, plan
from autograder.intake.rebuild import Rebuilt
from autograder.keys import run_key, stored_key
from autograder.results import Verdict
from autograder.runs import Runs

RETRIES = 3  # notebooks in a row whose warm boxes do not start, before the rest run cold: each may cost minutes


class Runner:
    """Runs the notebooks of one grading.

    Args:
        surroundings: Hash of everything but the notebook that a run depends on.
        fresh: Run also what was run before.
        templates: What warm boxes are forks of; None for new ones.

    Attributes:
        why_cold: Why every box is a new one with nothing loaded; "" while boxes are warm.
    """

    def __init__(
        self, settings: Settings, surroundings: str, *, fresh: bool = False, templates: Templates | None = None
    ) -> None:
        self._settings = settings
        self._surroundings = surroundings
        self._stored = Runs(settings.workspace)
        self._fresh = fresh
        self._made: set[str] = set()  # stored keys of this process
        self._locks: dict[str, threading.Lock] = collections.defaultdict(threading.Lock)  # one for each stored key
        self.templates = templates or Templates(settings)
        self._failures_left = 1  # notebooks in a row whose warm boxes may fail to start; more once one did
        self.why_cold = "without a box" if settings.unsafe_no_box else "as asked" if settings.cold else ""

    def prestart(self, notebooks: int) -> None:
        """Start templates for the solutions and so many notebooks in the background, if none was run before: then all
        will run."""
        if not self.why_cold and self._stored.none():
            self.templates.prestart(min(1 + notebooks, self._settings.jobs))

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
            made = self._run(rebuilt, cases, seed, explain, planned)
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
        self.why_cold = "stopped"
        self.templates.close()
        end_all()

    def prune(self, needed: Collection[str] | None) -> None:
        """Remove old runs that neither this grading used nor a grade names.

        Args:
            needed: Keys of runs, as :meth:`run` gives them; None where they are not known, and nothing is removed.
        """
        if needed is not None:
            self._stored.prune(needed)

    def close(self) -> None:
        """End what is kept ready for the next notebook."""
        self.templates.close()

    def _run(self, rebuilt: Rebuilt, cases: Sequence[tuple[str, str]], seed: int, explain: bool, planned: Plan) -> Run:
        failed, ran = "", False
        for _ in range(2):
            if self.why_cold:
                break
            try:
                with self.templates.borrow() as template:
                    run = run_notebook(rebuilt, cases, seed, self._settings, template, explain=explain, plan=planned)
                    self._failures_left, ran = RETRIES, True
                    if run.verdict in (Verdict.OK, Verdict.PARTIAL_RUN) or template.alive():
                        return run
                    raise TemplateFailed("The template of warm boxes died while one ran.")
            except TemplateFailed as error:
                failed = str(error)  # a new one may do
            except BoxUnavailable as error:
                failed = str(error)
                break
        if failed and not ran:
            self._failures_left -= 1
            if not self.why_cold and self._failures_left <= 0:
                self.why_cold = failed  # the machine's fault, because none of the notebook has run
        return run_notebook(rebuilt, cases, seed, self._settings, explain=explain, plan=planned)
