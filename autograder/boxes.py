"""One notebook -> its run, in a warm box of this machine where one can be had, else in a cold one.

The runner calls :meth:`Boxes.run` from as many threads as there are jobs, and so does a worker of a cluster. If two
templates end under a notebook, it runs alone in a cold box. If none ever starts, or none for three notebooks in a row,
all later notebooks run cold.
"""

from dataclasses import dataclass
from typing import Protocol

from autograder.box.box import end_all
from autograder.box.template import Template, Templates
from autograder.config import Settings
from autograder.errors import BoxUnavailable, TemplateFailed
from autograder.execute import run_notebook
from autograder.intake.needed import Plan
from autograder.intake.rebuild import Rebuilt
from autograder.results import Verdict
from autograder.session import Run

RETRIES = 3  # notebooks in a row whose warm boxes do not start, before the rest run cold: each may cost minutes


@dataclass(frozen=True)
class Order:
    """One notebook to run, and what to observe of it.

    Attributes:
        cases: (task, case) pairs to call when the notebook has run.
        seed: Seed of the hidden inputs.
        explain: Whether the evidence is to hold what explains a wrong answer: it is the answer key's.
        plan: The given cells to leave out.
    """

    rebuilt: Rebuilt
    cases: tuple[tuple[str, str], ...]
    seed: int
    explain: bool
    plan: Plan


class Backend(Protocol):
    """What runs notebooks: boxes of this machine, or a cluster.

    Attributes:
        why_cold: Why every box is a new one with nothing loaded; "" while boxes are warm.
        unsteady: Whether it failed under notebooks that were not to blame, so that another try may do better.
    """

    why_cold: str
    unsteady: bool

    @property
    def most(self) -> int:
        """Notebooks that it may ever run at a time."""

    @property
    def slots(self) -> int:
        """Notebooks that it can run at a time now."""

    def prestart(self, notebooks: int) -> None:
        """Get ready for so many notebooks, in the background."""

    def run(self, order: Order) -> Run:
        """Run one notebook.

        Raises:
            GraderError: Nothing can be said of it.
            BackendGone: Nothing can be said of any other either.
        """

    def stop(self) -> None:
        """End what runs, so that those who wait for it come back."""

    def close(self) -> None:
        """End what is kept ready."""


class Boxes:
    """Boxes of this machine.

    Args:
        templates: What warm boxes are forks of; None for new ones.
    """

    unsteady = False

    def __init__(self, settings: Settings, templates: Templates | None = None) -> None:
        self._settings = settings
        self.templates = templates or Templates(settings)
        self._failures_left = 1  # notebooks in a row whose warm boxes may fail to start; more once one did
        self.why_cold = "without a box" if settings.unsafe_no_box else "as asked" if settings.cold else ""

    @property
    def most(self) -> int:
        """Notebooks that it may ever run at a time."""
        return self._settings.jobs

    @property
    def slots(self) -> int:
        """Notebooks that it can run at a time now."""
        return self._settings.jobs

    def prestart(self, notebooks: int) -> None:
        """Start templates for so many notebooks in the background."""
        if not self.why_cold:
            self.templates.prestart(min(notebooks, self._settings.jobs))

    def run(self, order: Order) -> Run:
        """As :func:`autograder.execute.run_notebook`."""
        failed, ran = "", False
        for _ in range(2):
            if self.why_cold:
                break
            try:
                with self.templates.borrow() as template:
                    run = self._in_a_box(order, template)
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
        return self._in_a_box(order)

    def stop(self) -> None:
        """End every box that runs, so that those who wait for one come back."""
        self.why_cold = "stopped"
        self.templates.close()
        end_all()

    def close(self) -> None:
        """End what is kept ready for the next notebook."""
        self.templates.close()

    def _in_a_box(self, order: Order, template: Template | None = None) -> Run:
        what = (order.rebuilt, order.cases, order.seed)
        return run_notebook(*what, self._settings, template, explain=order.explain, plan=order.plan)
