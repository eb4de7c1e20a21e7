"""The pytest side of judging: gives the checks their evidence and collects one result per check.

pytest takes a third of a second to start, so it is started once: it collects the checks, and its test loop waits for
submissions and calls the checks on each.

A check is a function ``check_*`` in ``checks/check_<task>.py``. Its docstring is what the student reads: a sentence on
what should hold and, where it is worth points, a second paragraph on why that matters. It passes by returning, fails by
raising Failure, and anything else it raises is our fault and never the student's.
"""

import contextlib
import os
import queue
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest

from autograder.errors import GraderError
from autograder.judge.compare import Failure
from autograder.judge.evidence import Observation
from autograder.results import CheckResult, TaskGrade

CHECKS = Path(__file__).parent / "checks"
MAX_MESSAGE = 2_000  # characters
# What torch says of common mistakes -> what to look at.
RAISED = (
    ("target tensor expected", "Hand the labels on as they come, of shape (N,): no second axis, no one-hot."),
    ("backward through the graph a second time", "The training loop calls backward(); the function must not."),
    ("must be Tensor, not tuple", "With early exit the model returns (logits, exit, entropy): say early_exit=False."),
    ("does not require grad", "no_grad, .item() and detach() cut the gradient off: not in a training step."),
    ("can't convert cuda", "Move answers to the CPU before they are compared with the labels."),
)
RAISED_OTHERWISE = "Use only what the function is given; a name from another cell may hold something else."
Check = TypeVar("Check", bound=Callable[..., None])


class Evidence:
    """The observed cases of one task.

    Args:
        observations: Case -> observation; a case that is missing was never seen to return.
        silence: What to tell the student where a case is missing.
    """

    def __init__(self, observations: Mapping[str, Observation], silence: str = "") -> None:
        self._observations = observations
        self._silence = silence

    def values(self, case: str) -> Mapping[str, Any]:
        """What the case wrote down.

        Raises:
            Failure: The call raised, was stopped, or left nothing.
        """
        observation = self._observations.get(case)
        if observation is None:
            raise Failure(self._silence or "The function was never seen to return.", "Does the cell run by itself?")
        if observation.error:
            hint = next((hint for sign, hint in RAISED if sign in observation.error), RAISED_OTHERWISE)
            raise Failure(f"Called on inputs of the right form, it raised {observation.error}.", hint)
        return observation.values


def worth(share: float, *, needs: Callable[..., None] | None = None) -> Callable[[Check], Check]:
    """Give a check its share of the task's points.

    Args:
        share: Relative to the other checks of the file; 0 for a precondition.
        needs: A check above that must have passed; otherwise this one is not judged and earns nothing.
    """

    def mark(check: Check) -> Check:
        check.share = share  # type: ignore[attr-defined]
        check.needs = needs.__name__ if needs else None  # type: ignore[attr-defined]
        return check

    return mark


class _Plugin:
    """Pytest plugin for a session that judges one submission after another."""

    def __init__(self, key: Mapping[str, Evidence], tasks: Iterable[str]) -> None:
        self._key = key
        self._tasks = tuple(tasks)
        self.submissions: queue.SimpleQueue[Mapping[str, Evidence] | None] = queue.SimpleQueue()  # None: no more
        self.judged: queue.SimpleQueue[None] = queue.SimpleQueue()  # told when ready for the next, or ended
        self.results: dict[str, dict[str, CheckResult]] = {}
        self.faults: list[str] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run all checks on each submission, until there is no more."""
        while not self.faults:
            self.judged.put(None)
            student = self.submissions.get()
            if student is None:
                break
            self.results = {task: {} for task in self._tasks}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of numpy, about numbers that a submission made up
                for item in session.items:
                    assert isinstance(item, pytest.Function)
                    try:
                        self.results[_task(item)][item.name] = self._judged(item, student[_task(item)])
                    except BaseException as error:  # ours, whatever it is: pytest's own skip and fail are no Exceptions
                        self.faults.append(f"{item.name} raised {type(error).__name__}: {error}")
                        break
        return True

    def _judged(self, item: pytest.Function, student: Evidence) -> CheckResult:
        """One check on the submission's evidence.

        Called as it is, and not by pytest's protocol, whose reports and fixtures for fifty checks cost more than the
        checks.
        """
        passed: bool | None = True
        message = hint = ""
        needed = self.results[_task(item)][item.function.needs] if item.function.needs else None
        if needed is not None and needed.passed is not True:
            passed, message = None, f"Not judged, because this did not pass: {needed.name}"
        else:
            try:
                self._call(item, student)
            except Failure as failure:
                passed, message, hint = False, _short(failure.rationale), _short(failure.hint)
            except Exception as error:
                try:
                    self._call(item, self._key[_task(item)])
                except BaseException:
                    raise error from None  # a check that breaks on the solution too is our fault
                passed, message = False, "What came out of the box for this is not of the form the observer writes."
        name, _, why = (item.function.__doc__ or item.name).partition("\n\n")
        texts = {"name": " ".join(name.split()), "why": " ".join(why.split()), "message": message, "hint": hint}
        return CheckResult(passed=passed, share=item.function.share, **texts)

    def _call(self, item: pytest.Function, student: Evidence) -> None:
        given = {"student": student, "key": self._key[_task(item)]}
        item.function(**{name: given[name] for name in item.fixturenames})

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.faults.append(f"the checks cannot be read: {report.longrepr}")


class Judge:
    """The checks, ready to judge submissions.

    Args:
        key: Task -> the solution's evidence on the same hidden inputs.
        points: Task -> points, from the notebook's metadata.

    Raises:
        GraderError: A task has no checks, or they cannot be read.
    """

    def __init__(self, key: Mapping[str, Evidence], points: Mapping[str, float]) -> None:
        self._key, self._points = key, points
        self._files = [str(check_file(task)) for task in points]
        self._plugin: _Plugin | None = None

    def __call__(self, student: Mapping[str, Evidence]) -> tuple[TaskGrade, ...]:
        """Run all checks on one submission; the tasks in the order of their points.

        Args:
            student: Task -> the submission's evidence.

        Raises:
            GraderError: A check raised something that is no Failure; the next submission is judged by a new session.
        """
        plugin = self._plugin or self._started()
        if not plugin.faults:
            plugin.submissions.put({task: student[task] for task in self._points})
            try:
                plugin.judged.get()
            except BaseException:  # Ctrl-C: the answer still to come must not be taken for the next submission's
                self.close()
                raise
            if not plugin.faults:
                empty = [task for task in self._points if not plugin.results[task]]
                plugin.faults += [f"check_{task}.py holds no check" for task in empty]
        if plugin.faults:
            self.close()
            raise GraderError("A check failed by itself: " + "; ".join(plugin.faults))
        return tuple(TaskGrade(task, self._points[task], tuple(plugin.results[task].values())) for task in self._points)

    def close(self) -> None:
        """End the session."""
        if self._plugin:
            self._plugin.submissions.put(None)
            self._plugin = None

    def _started(self) -> _Plugin:
        """A session that waits for its first submission."""
        self._plugin = plugin = _Plugin(self._key, self._points)
        with _no_pytest_settings():
            threading.Thread(target=_session, args=(plugin, self._files), name="judge", daemon=True).start()
            plugin.judged.get()
        return plugin


def judge(
    student: Mapping[str, Evidence], key: Mapping[str, Evidence], points: Mapping[str, float]
) -> tuple[TaskGrade, ...]:
    """Judge one submission; as :class:`Judge`, which does many in less time."""
    with contextlib.closing(Judge(key, points)) as one:
        return one(student)


def _session(plugin: _Plugin, files: list[str]) -> None:
    """One run of pytest, in a thread of its own."""
    options = ["--import-mode=importlib", f"--rootdir={CHECKS}", "--confcutdir", str(CHECKS), "-c", "/dev/null"]
    options += ["-o", "python_files=check_*.py", "-o", "python_functions=check_*"]
    options += ["--capture=no", "--strict-markers"]
    options += [word for name in ("cacheprovider", "terminal", "junitxml") for word in ("-p", f"no:{name}")]
    code: object = "an exception"
    try:
        code = pytest.main([*options, *files], plugins=[plugin])
    finally:
        if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) and not plugin.faults:
            plugin.faults.append(f"pytest ended with {code}")
        plugin.judged.put(None)  # for whoever waits


@contextlib.contextmanager
def _no_pytest_settings() -> Iterator[None]:
    """Without the environment's settings for pytest: -x or --collect-only in them would change grades."""
    kept = {name: os.environ.pop(name) for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS") if name in os.environ}
    loading = os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        os.environ.update(kept)
        del os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"]
        if loading is not None:
            os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = loading


def check_file(task: str) -> Path:
    """The file with the checks of ``task``.

    Raises:
        GraderError: There is none.
    """
    file = CHECKS / f"check_{task}.py"
    if not file.is_file():
        raise GraderError(f"The task {task} carries points but there is no {file.name} in {CHECKS}.")
    return file


def _short(text: str) -> str:
    """A message may quote what a submission returned, and that may be anything."""
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= MAX_MESSAGE else f"{text[:MAX_MESSAGE]} [shortened]"


def _task(item: Any) -> str:
    return item.path.stem.removeprefix("check_")
