"""Lets plain pytest run the checks of an assignment on one graded submission, for whoever writes or debugs a check.

    pytest autograder/assignments/early_exit/checks --submission grading --student alice

``--submission`` names the workspace that the student was graded in. The checks judge the student's stored run, so that
no notebook runs again; ``--pdb``, ``-k`` and printing work as in any test. A check fails with its message and its hint.
Imports what takes long to import only where such checks are collected: pytest loads this file in every session.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from autograder.judge.evidence import Evidence
    from autograder.judge.judge import Check

PREFIX = "check_"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The two options that say whose run is judged."""
    group = parser.getgroup("autograder", "checks of an assignment")
    group.addoption("--submission", metavar="WORKSPACE", help="the workspace that the student was graded in")
    group.addoption("--student", metavar="NAME", help="the student whose stored run the checks judge")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Take a check file, which lies in the folder ``checks`` next to an assignment.toml."""
    folder = file_path.parent
    if (
        folder.name != "checks"
        or not file_path.match(f"{PREFIX}*.py")
        or not (folder.parent / "assignment.toml").is_file()
    ):
        return None
    return CheckFile.from_parent(parent, path=file_path) if _is_meant(folder, parent.config) else None


def _is_meant(folder: Path, config: pytest.Config) -> bool:
    """Whether somebody wants these checks to run: tests that lie around them are run without a submission."""
    words = (config.invocation_params.dir / word.partition("::")[0] for word in config.args)
    return bool(config.getoption("--submission")) or any(path.resolve().is_relative_to(folder) for path in words)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Read the evidence that the checks judge. Here, and not while they are collected, an error is one sentence.

    Raises:
        UsageError: There is no evidence to judge, and why.
    """
    from autograder.errors import AutograderError

    found: dict[Path, tuple[dict[str, Evidence], dict[str, Evidence]]] = {}
    for item in items:
        if isinstance(item, CheckItem):
            folder = item.path.parent.parent
            try:
                found[folder] = found.get(folder) or _evidence(folder, config)
            except AutograderError as error:
                raise pytest.UsageError(str(error)) from None
            item.parent.student, item.parent.key = (evidence.get(item.parent.task) for evidence in found[folder])


class CheckFile(pytest.File):
    """The checks of one task, and the evidence that they judge."""

    student: Evidence | None  # None where the task carries no points
    key: Evidence | None

    def collect(self) -> Iterator[CheckItem]:
        """One item for each check, in the order of the file."""
        from autograder.errors import GraderError
        from autograder.judge.judge import load_checks

        self.task = self.path.stem.removeprefix(PREFIX)
        try:
            self.checks = {check.name: check for check in load_checks(self.path.parent, [self.task])[self.task]}
        except GraderError as error:
            raise self.CollectError(str(error)) from None
        for name, check in self.checks.items():
            yield CheckItem.from_parent(self, name=name, check=check)

    def passes(self, name: str) -> bool:
        """Whether a check, and what it needs, holds for the student."""
        from autograder.judge.check import Failure

        check = self.checks[name]
        assert self.student and self.key
        try:
            if check.needs and not any(map(self.passes, check.needs)):
                return False
            check.call(self.student, self.key)
        except Failure:
            return False
        return True


class CheckItem(pytest.Item):
    """One check on one student's run."""

    parent: CheckFile

    def __init__(self, *, check: Check, **words: Any) -> None:
        super().__init__(**words)
        self.check = check

    def runtest(self) -> None:
        """Call the check. Where none that it needs passes, it is skipped, as the grader leaves it unjudged."""
        from autograder.judge.judge import unjudged

        if self.parent.student is None or self.parent.key is None:
            pytest.skip(f"The task {self.parent.task} carries no points, so it is not called.")
        if self.check.needs and not any(map(self.parent.passes, self.check.needs)):
            pytest.skip(unjudged([self.parent.checks[name].sentence for name in self.check.needs]))
        self.check.call(self.parent.student, self.parent.key)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The words that the student reads; any other error as pytest shows it."""
        from autograder.judge.check import Failure

        if not isinstance(excinfo.value, Failure):
            own = excinfo.traceback.filter(lambda entry: Path(str(entry.path)).parent == self.path.parent)
            excinfo.traceback = own or excinfo.traceback  # pytest's own frames are hundreds of lines
            return super().repr_failure(excinfo, style)
        lines = (self.check.sentence, excinfo.value.rationale, excinfo.value.hint and f"Hint: {excinfo.value.hint}")
        return "\n".join(line for line in lines if line)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the check is."""
        return self.path, self.check.function.__code__.co_firstlineno - 1, f"{self.parent.task}: {self.name}"


def _evidence(folder: Path, config: pytest.Config) -> tuple[dict[str, Evidence], dict[str, Evidence]]:
    """Task -> evidence of the student and of the solutions.

    Raises:
        UsageError: An option is missing, or the student has no stored run in the workspace.
        GraderError: The solutions notebook does not run.
    """
    import json

    from autograder.answer_key import answer_key
    from autograder.assignments.assignment import load_folder
    from autograder.config import Settings, find_course, load_limits
    from autograder.errors import UsageError
    from autograder.intake.master import master_cells, points_by_task, voided_tasks
    from autograder.intake.parse import parse_notebook
    from autograder.intake.rebuild import rebuild
    from autograder.judge.evidence import evidence_by_task
    from autograder.keys import run_key
    from autograder.records.results_json import load_results
    from autograder.release import release_text
    from autograder.runner import Runner
    from autograder.runs import Runs
    from autograder.workspace import basis_of

    if not config.getoption("--submission") or not config.getoption("--student"):
        raise UsageError(
            "The checks of an assignment judge one graded submission. Give --submission WORKSPACE and --student NAME."
        )
    workspace, student = Path(config.getoption("--submission")).resolve(), config.getoption("--student")
    course = find_course(folder)
    assignment = load_folder(folder, course)
    settings = Settings(course, workspace, assignment, limits=load_limits(course))
    results = load_results(workspace, assignment.name)
    grade = next((grade for grade in results.grades if grade.student == student), None)
    run = Runs(workspace).made(grade.run) if grade and grade.run else None
    if grade is None or run is None:
        known = ", ".join(one.student for one in results.grades[:10])
        raise UsageError(f"There is no stored run of {student!r} in {workspace}. Graded there: {known or 'nobody'}.")
    master = master_cells(json.loads(release_text(settings)))
    cases = assignment.cases_of(points_by_task(master), voided_tasks(master))
    basis = basis_of(settings, grade.round.seed if grade.round else results.seed)
    handed_in = workspace / "submitted" / student / assignment.name / f"{assignment.name}.ipynb"
    rebuilt = rebuild(parse_notebook(handed_in.read_bytes(), student), master)
    if run_key(rebuilt, cases, basis.seed, basis.surroundings) != grade.run:
        raise UsageError(
            f"The stored run of {student!r} is of other cases, another notebook or another environment than those of "
            "today. Grade the class again, then run the checks."
        )
    with contextlib.closing(Runner(settings, basis.surroundings)) as runner:
        key = answer_key(master, cases, basis.seed, settings, runner)
    return evidence_by_task(cases, run.evidence, assignment.raised), key
