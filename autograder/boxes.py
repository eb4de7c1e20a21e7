"""Where notebooks run: on this machine, in warm boxes where they can be had, else in cold ones; each notebook once.

The grader asks for nothing but :meth:`Boxes.run`, from as many threads as it has jobs.
"""

import collections
import threading
from collections.abc import Collection, Iterable

from autograder.box.provisioner import end_all
from autograder.box.template import Templates
from autograder.config import Settings
from autograder.errors import BoxUnavailable, TemplateFailed
from autograder.execute import Run, is_silent, run_notebook
from autograder.fingerprint import kept_name, run_name, surroundings
from autograder.intake.rebuild import Rebuilt
from autograder.results import Verdict
from autograder.runs import Runs

PATIENCE = 3  # notebooks in a row whose warm boxes do not start, before the rest run cold: each may cost minutes


class Boxes:
    """The boxes of this machine.

    Args:
        fresh: Run also what was run before.

    Attributes:
        why_cold: Why every box is a new one with nothing loaded; "" while boxes are warm.
    """

    def __init__(self, settings: Settings, *, fresh: bool = False) -> None:
        self._settings = settings
        self._around = surroundings(settings)
        self._kept = Runs(settings.workspace)
        self._fresh = fresh
        self._made: set[str] = set()  # in this process: as fresh as asked for
        self._turns: dict[str, threading.Lock] = collections.defaultdict(threading.Lock)  # one for each name
        self._templates = Templates(settings)
        self._patience = 1  # notebooks in a row whose warm boxes may fail to start; more once one did
        self.why_cold = "without a box" if settings.unsafe_no_box else "as asked" if settings.cold else ""

    def expect(self, notebooks: int) -> None:
        """Get boxes ready for so many notebooks, meanwhile, where none was run before: then all of them will run."""
        if not self.why_cold and self._kept.none():
            self._templates.begin(min(notebooks, self._settings.jobs))

    def name(self, rebuilt: Rebuilt, cases: Iterable[tuple[str, str]], seed: int) -> str:
        """Of a run; the same for notebooks with the same cells."""
        return run_name(rebuilt, cases, seed, self._around)

    def kept_as(
        self, rebuilt: Rebuilt, cases: Iterable[tuple[str, str]], seed: int, *, explain: bool = False
    ) -> tuple[str, str]:
        """The names a run is kept by: as it is made, and one that shows every cell's outputs and would do as well."""
        run = self.name(rebuilt, cases, seed)
        silent = [is_silent(cell) for cell in rebuilt.cells]
        return kept_name(run, silent, explain), kept_name(run, [False] * len(silent), explain)

    def run(self, rebuilt: Rebuilt, cases: Iterable[tuple[str, str]], seed: int, *, explain: bool = False) -> Run:
        """Run one notebook in a box of its own, or give what came of the same one before.

        As :func:`autograder.execute.run_notebook`; the second of two equal notebooks waits for the first.
        """
        cases = list(cases)
        name, full = self.kept_as(rebuilt, cases, seed, explain=explain)
        with self._turns[full]:
            for known in dict.fromkeys((name, full)):
                kept = self._kept.load(known)
                made = known in self._made
                # What ended for the machine's sake stands in this grading for what does the same; a full run does more.
                if kept and (made and known == name if kept.of_the_moment else made or not self._fresh):
                    return kept
            run = self._run(rebuilt, cases, seed, explain)
            self._kept.save(name, run)
            self._made.add(name)
            return run

    def stop(self) -> None:
        """End every box that runs, so that those who wait for one come back."""
        self.why_cold = "stopped"
        self._templates.close()
        end_all()

    def prune(self, needed: Collection[str]) -> None:
        """Remove old runs that neither this grading used nor a grade names.

        Args:
            needed: Names of runs, as :meth:`name` gives them.
        """
        self._kept.prune(needed)

    def close(self) -> None:
        """End what is kept ready for the next notebook."""
        self._templates.close()

    def _run(self, rebuilt: Rebuilt, cases: list[tuple[str, str]], seed: int, explain: bool) -> Run:
        failed, ran = "", False
        for _ in range(2):
            if self.why_cold:
                break
            try:
                with self._templates.one() as template:
                    run = run_notebook(rebuilt, cases, seed, self._settings, template, explain=explain)
                    self._patience, ran = PATIENCE, True
                    if run.verdict in (Verdict.OK, Verdict.PARTIAL_RUN) or template.alive():
                        return run
                    raise TemplateFailed("The template of warm boxes died while one ran.")
            except TemplateFailed as error:
                failed = str(error)  # a new one may do
            except BoxUnavailable as error:
                failed = str(error)
                break
        if failed and not ran:
            self._patience -= 1
            if not self.why_cold and self._patience <= 0:
                self.why_cold = failed  # the machine's fault, for none of the notebook has run
        return run_notebook(rebuilt, cases, seed, self._settings, explain=explain)
