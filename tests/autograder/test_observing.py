"""What is observed comes as it is done; failures of the grader come last, and perhaps after another try."""

import dataclasses
from pathlib import Path

import pytest
from small_course import graded_class, submission

from autograder.boxes import Boxes, Order
from autograder.config import Settings
from autograder.course import Course
from autograder.errors import BackendGone, GraderError
from autograder.pipeline import Watcher
from autograder.results import Grade
from autograder.runner import Runner
from autograder.session import Run
from autograder.workspace import basis_of


class Failing(Boxes):
    """Boxes that fail so many times under the notebook of bob."""

    def __init__(
        self, settings: Settings, course: Course, error: type[GraderError], times: int, unsteady: bool
    ) -> None:
        super().__init__(settings, course.runner.backend.templates)  # type: ignore[attr-defined]
        self.error, self.times, self.unsteady = error, times, unsteady

    def run(self, order: Order) -> Run:
        if order.rebuilt.student == "bob" and self.times:
            self.times -= 1
            raise self.error("A worker ended.")
        return super().run(order)

    def stop(self) -> None:
        """The templates are those of other tests too."""


def grade(prepared: Course, folder: Path, error: type[GraderError], times: int, unsteady: bool) -> list[Grade]:
    handed_in = folder / "in"
    handed_in.mkdir()
    for number, name in enumerate(("ann", "bob", "cem")):
        data = submission(prepared.released, mac_ratio=f"def mac_ratio(a, b):\n    return a / b\n{number}")
        (handed_in / f"{name}.ipynb").write_bytes(data)
    settings = dataclasses.replace(prepared.settings, workspace=folder / "ws")
    backend = Failing(settings, prepared, error, times, unsteady)
    runner = Runner(settings, basis_of(settings, 11).surroundings, backend=backend)
    graded: list[Grade] = []
    graded_class(handed_in, settings, 11, watcher=Watcher(graded=graded.append), runner=runner)
    return graded


@pytest.mark.parametrize(
    ("times", "unsteady", "verdict"),
    [
        (1, True, "OK"),
        pytest.param(2, True, "GRADER_ERROR", marks=pytest.mark.slow),
        (1, False, "GRADER_ERROR"),
    ],
)
def test_when_the_backend_fails_then_a_submission_comes_last_and_once(
    prepared: Course, tmp_path: Path, times: int, unsteady: bool, verdict: str
) -> None:
    graded = grade(prepared, tmp_path, GraderError, times, unsteady)

    assert sorted(one.student for one in graded) == ["ann", "bob", "cem"]
    assert (graded[-1].student, graded[-1].verdict) == ("bob", verdict)


def test_when_the_backend_is_gone_then_grading_stops_and_nobody_is_failed(prepared: Course, tmp_path: Path) -> None:
    with pytest.raises(BackendGone, match=r"A worker ended\."):
        grade(prepared, tmp_path, BackendGone, 1, False)
