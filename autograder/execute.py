"""Runs one rebuilt notebook: in a box, and in more boxes where one was not enough (session.py runs it in each).

Given cells that cannot change a grade are not run (intake/needed.py). If a cell or a hidden call raises an error that
could come of it, the notebook runs again whole. A hidden call's error could if it is of a name or a file that is
missing, or if the function uses an object that these cells use too.

If the box ends, because its kernel dies, runs out of memory or ignores the interrupt, the notebook runs again without
the cell at fault, or without the task whose hidden call it was: twice at most. If an added cell was at fault, all run
as before. If another was, only definitions run after it. A kernel that ended itself makes the run partial; a box that
was ended for breaking a limit keeps that verdict.

A box that ends before any of the notebook ran, or together with its template, is our fault.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from autograder.box.box import Box
from autograder.box.template import Template
from autograder.config import Settings
from autograder.errors import BoxUnavailable, GraderError, TemplateFailed
from autograder.inside.names import NO_FUNCTION
from autograder.intake.needed import Plan, shares_objects
from autograder.intake.rebuild import Rebuilt
from autograder.intake.statements import names_bound
from autograder.raised import MISSING, NOT_INSTALLED
from autograder.results import Verdict
from autograder.session import BoxEnded, Ended, Run, Session

FAULTS = 2  # boxes of one notebook that may end so; after one more, the best of the runs has to do
RAISED = re.compile(r'"error": "([^"\\]{1,200})')  # in evidence, which is not read here
OF_A_FILE = re.compile(r"\w*(?:OSError|IOError|NotFound|NotADirectory|Permission|FileExists)")
WHOLE = Plan(whole="as asked")


def run_notebook(
    rebuilt: Rebuilt,
    cases: Iterable[tuple[str, str]],
    seed: int,
    settings: Settings,
    template: Template | None = None,
    *,
    explain: bool = False,
    plan: Plan = WHOLE,
) -> Run:
    """Run ``rebuilt`` in a new box and observe it. Where a part was not enough, run all of it.

    Args:
        cases: (task, case) pairs to call when the notebook has run.
        seed: Seed of the hidden inputs.
        template: What the box is a fork of; None for one with nothing loaded.
        explain: Whether the evidence is to hold what explains a wrong answer: it is the answer key's.
        plan: The given cells to leave out.

    Raises:
        GraderError: The box or its kernel did not start; nothing can be said of the submission.
    """

    cases = list(cases)

    def run(planned: Plan) -> Ended:
        """In one box, and in more of them while something ends the box."""
        faults: list[BoxEnded] = []
        ended: list[Ended] = []
        while not faults or (len(faults) == len(ended) <= FAULTS and (template is None or template.alive())):
            try:
                box = Box(settings, template)
            except BoxUnavailable as error:  # after a warm box another try may succeed
                raise (TemplateFailed if template else GraderError)(str(error)) from None
            with box:
                ended.append(Session(rebuilt, settings, box, planned, faults).run(cases, seed, explain))
            if (fault := ended[-1].fault) is None:
                return _without(ended[-1], faults, rebuilt)
            faults.append(fault)
        return max(ended, key=lambda one: len(one.run.evidence))

    part = run(plan)
    why = _why_not_enough(part, rebuilt, plan)
    if not why or (template and not template.alive()):
        return part.run
    whole = run(Plan(whole=why)).run
    fine = (Verdict.OK, Verdict.PARTIAL_RUN)
    return part.run if part.run.verdict in fine and whole.verdict not in fine else whole


def _without(last: Ended, faults: Sequence[BoxEnded], rebuilt: Rebuilt) -> Ended:
    """The run of a box from which all that ended the boxes before it was left out."""
    if not faults:
        return last
    own = all(isinstance(one.at, str) or rebuilt.cells[one.at].master is None for one in faults)
    told = dict.fromkeys(map(str, faults))
    what = "It was" if len(told) == 1 else "They were"
    then = "and the rest was run again" if own else "and only definitions were run after it"
    broken = [one.verdict for one in faults if not one.by_itself]
    run = replace(
        last.run,
        verdict=broken[0] if broken else Verdict.PARTIAL_RUN,
        message=" ".join([*told, f"{what} left out, {then}.", last.run.message]).strip(),
        ended=faults[0].name,
    )
    return replace(last, run=run)


def _why_not_enough(part: Ended, rebuilt: Rebuilt, plan: Plan) -> str:
    """Why a notebook has to run whole after all; "" if it has not."""
    hidden = {(task, error) for (task, _), text in part.run.evidence.items() for error in RAISED.findall(text)}
    if not plan.left_out or not (part.errors or hidden):
        return ""
    defined = {name for place in plan.left_out for name in names_bound(rebuilt.cells[place].source)}

    def may_be_ours(error: str, task: str = "") -> bool:
        """Whether it could come of what was left out: a name, an object, a file."""
        if found := MISSING.match(error):
            return found["name"] in defined
        if found := NOT_INSTALLED.match(error):  # a cell may have written the module
            return any(found["package"] in rebuilt.cells[place].source for place in plan.left_out)
        if error.startswith(("SyntaxError", "IndentationError", f"NameError: {NO_FUNCTION}")):
            return False
        return not task or bool(OF_A_FILE.match(error)) or shares_objects(rebuilt.cells, plan.left_out, task)

    if any(map(may_be_ours, part.errors)):
        return "without the cells that looked needless, a cell raised an error"
    if any(may_be_ours(error, task) for task, error in hidden):
        return "without the cells that looked needless, a hidden call raised an error"
    return ""
