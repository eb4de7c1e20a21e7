"""Judges one submission: calls the checks of an assignment on its evidence and gives each task its points.

Knows the forms of evidence and checks (see check.py), no assignment and no notebook. Checks are plain functions, called
one after the other in the order of their file. pytest's protocol for fifty checks costs more than the checks, so it is
for people who debug one (pytest_plugin.py).

If a check raises anything but Failure, it is called again on the solution's evidence. If it breaks there too, it is our
fault. So is a name that is not defined. If it holds there, the submission's evidence may have a form that the
observer never writes, or the check may have a mistake that only a wrong answer meets. Then it fails, and the instructor
is told how.
"""

import importlib
import inspect
import itertools
import sys
import traceback
import types
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.errors import GraderError
from autograder.judge.check import Failure
from autograder.judge.evidence import Evidence
from autograder.results import CheckResult, TaskGrade

MAX_MESSAGE = 2_000  # characters
_packages = itertools.count()


@dataclass(frozen=True)
class Check:
    """One check as it was found in its file.

    Attributes:
        takes: Which of ``student`` and ``key`` the function takes.
        share: Relative to the other checks of the task; 0 for a precondition.
        needs: Names of checks before it of which one must have passed; none for a check that is always judged.
        sentence: What the student reads.
        why: Why it matters; may be empty.
    """

    function: Callable[..., None]
    takes: tuple[str, ...]
    share: float
    needs: tuple[str, ...]
    sentence: str
    why: str

    @property
    def name(self) -> str:
        """The function's name."""
        return self.function.__name__

    def call(self, student: Evidence, key: Evidence) -> None:
        """Call the function; it raises what it raises."""
        given = {"student": student, "key": key}
        self.function(**{name: given[name] for name in self.takes})


def load_checks(folder: Path, tasks: Iterable[str]) -> dict[str, tuple[Check, ...]]:
    """Task -> the checks in its file, in their order.

    The files are imported again each time, as modules of one package, so that they may import their neighbours
    (``from . import mistakes``).

    Raises:
        GraderError: A file cannot be imported, or holds no check, or one that is not marked as it must be.
    """
    package = types.ModuleType(f"checks_{next(_packages)}")
    package.__path__ = [str(folder)]
    sys.modules[package.__name__] = package
    importlib.invalidate_caches()
    return {task: _checks_in(package.__name__, f"check_{task}", folder) for task in tasks}


def _checks_in(package: str, name: str, folder: Path) -> tuple[Check, ...]:
    file = folder / f"{name}.py"
    try:
        module = importlib.import_module(f"{package}.{name}")
    except Exception as error:
        raise GraderError(f"The checks in {file} cannot be read: {type(error).__name__}: {error}.") from error
    functions = [
        value
        for key, value in vars(module).items()
        if key.startswith("check_") and inspect.isfunction(value) and value.__module__ == module.__name__
    ]
    checks: dict[str, Check] = {}
    for function in functions:
        check = _check(function, file)
        for name in check.needs:
            if name not in checks:
                raise GraderError(f"{check.name} in {file} needs {name}, which is no check above it.")
        checks[check.name] = check
    if any(not 0 <= check.share < 1e9 for check in checks.values()):
        raise GraderError(f"A check in {file} has a share below 0 or no number. Give shares of 0 and more.")
    if checks and not any(check.share for check in checks.values()):
        raise GraderError(f"The checks in {file} have a share of 0 each, so nobody could earn the points. Raise one.")
    if not checks:
        raise GraderError(f"{file} holds no check: a function called check_... and marked with @worth.")
    return tuple(checks.values())


def _check(function: Any, file: Path) -> Check:
    if not hasattr(function, "share"):
        raise GraderError(f"{function.__name__} in {file} has no share of the points. Mark it with @worth(...).")
    takes = tuple(inspect.signature(function).parameters)
    if not set(takes) <= {"student", "key"}:
        raise GraderError(f"{function.__name__} in {file} takes {', '.join(takes)}; a check takes student and key.")
    sentence, _, why = (function.__doc__ or function.__name__).partition("\n\n")
    words = (" ".join(text.split()) for text in (sentence, why))
    return Check(function, takes, function.share, function.needs, *words)


class Judge:
    """The checks and the answer key, ready for one submission after another.

    Args:
        checks: Task -> its checks, as :func:`load_checks` gives them.
        key: Task -> the solution's evidence on the same hidden inputs.
        points: Task -> points, from the notebook's metadata.

    Raises:
        GraderError: A task has no checks, or none of its evidence is in the key.
    """

    def __init__(
        self, checks: Mapping[str, tuple[Check, ...]], key: Mapping[str, Evidence], points: Mapping[str, float]
    ) -> None:
        lacking = [task for task in points if task not in checks or task not in key]
        if lacking:
            raise GraderError(f"There are no checks or no answer key for {', '.join(lacking)}.")
        self.checks, self.key, self.points = checks, key, points

    def __call__(self, student: Mapping[str, Evidence]) -> tuple[TaskGrade, ...]:
        """Call all checks on one submission; the tasks in the order of their points.

        Args:
            student: Task -> the submission's evidence.

        Raises:
            GraderError: A check raised something that is no Failure, on the solution's evidence too.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy's, about numbers that a submission made up
            return tuple(self._judged(task, student[task]) for task in self.points)

    def _judged(self, task: str, student: Evidence) -> TaskGrade:
        results: dict[str, CheckResult] = {}
        broken: list[str] = []
        for check in self.checks[task]:
            needed = [results[name] for name in check.needs]
            if needed and not any(one.passed for one in needed):
                results[check.name] = _result(check, None, unjudged([one.name for one in needed]))
            else:
                results[check.name] = self._called(check, student, self.key[task], broken)
        return TaskGrade(task, self.points[task], tuple(results.values()), tuple(broken))

    def _called(self, check: Check, student: Evidence, key: Evidence, broken: list[str]) -> CheckResult:
        try:
            check.call(student, key)
        except Failure as failure:
            return _result(check, False, failure.rationale, failure.hint)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # pytest's own skip and fail are no Exceptions
            what = f"{check.name} raised {type(error).__name__}: {_short(str(error))} ({_place(error, check)})"
            what = " ".join(what.split())  # it may quote a submission, which must not begin a line of its own
            try:
                check.call(key, key)
            except BaseException:
                raise GraderError(f"A check is broken: {what}.") from error
            if isinstance(error, NameError | ImportError):
                raise GraderError(f"A check is broken: {what}. Correct it and grade again.") from error
            broken.append(
                f"the check {what}. It counts as failed. If the answer is of a form that students write, convert it "
                "with number, whole, array or several in the check, and grade again"
            )
            return _result(check, False, "What came out of the box for this is not of the form the observer writes.")
        return _result(check, True)


def unjudged(sentences: Sequence[str]) -> str:
    """Why a check is not judged, given the sentences of those that it needs."""
    reason = "this did not pass" if len(sentences) == 1 else "none of these passed"
    return f"Not judged, because {reason}: {' '.join(sentences)}"


def _result(check: Check, passed: bool | None, message: str = "", hint: str = "") -> CheckResult:
    return CheckResult(check.sentence, passed, _short(message), _short(hint), check.share, check.why)


def _place(error: BaseException, check: Check) -> str:
    """The file and the line of the check's folder at which it broke."""
    folder = Path(check.function.__code__.co_filename).parent
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).parent == folder]
    return f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else "before its first line"


def _short(text: str) -> str:
    """A message may quote what a submission returned, and that may be anything."""
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= MAX_MESSAGE else f"{text[:MAX_MESSAGE]} [shortened]"
