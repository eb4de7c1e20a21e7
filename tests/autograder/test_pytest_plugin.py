"""Plain pytest on the checks of an assignment, as somebody types it who debugs a check."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_course import ROOT, graded_class, submission

from autograder.config import load_settings
from autograder.course import Course
from autograder.results import CheckResult


@dataclasses.dataclass
class Graded:
    """A class of two that was graded, and its course."""

    course: Path
    workspace: Path
    bobs: tuple[CheckResult, ...]

    def pytest(self, *words: object, student: str = "bob") -> subprocess.CompletedProcess[str]:
        checks = self.course / "autograder_assignments" / "small" / "checks"
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", checks, *words]
        command += ["--submission", self.workspace, "--student", student] if student else []
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        return subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=self.course, env=environment)


@pytest.fixture(name="graded", scope="module")
def _graded(prepared: Course, tmp_path_factory: pytest.TempPathFactory) -> Graded:
    folder = tmp_path_factory.mktemp("debugged")
    (folder / "in").mkdir()
    upside_down = "def mac_ratio(a, b):\n    return b / a"
    dearest = "def choose_tolerance(sweep, target):\n    return 5.0"
    (folder / "in" / "ann.ipynb").write_bytes(submission(prepared.released))
    (folder / "in" / "bob.ipynb").write_bytes(
        submission(prepared.released, mac_ratio=upside_down, choose_tolerance=dearest)
    )
    (folder / "in" / "cem.ipynb").write_bytes(b"{")
    settings = load_settings(prepared.settings.course, folder / "ws", jobs=2)
    results = graded_class(folder / "in", settings, prepared.basis.seed)
    (bob,) = (grade for grade in results.grades if grade.student == "bob")
    return Graded(settings.course, settings.workspace, tuple(check for task in bob.tasks for check in task.checks))


@pytest.mark.slow
def test_the_checks_fail_with_the_words_that_the_grader_gave(graded: Graded) -> None:
    done = graded.pytest()

    assert done.returncode == 1, done.stdout + done.stderr
    assert "2 failed, 1 skipped" in done.stdout
    for check in graded.bobs:
        if check.passed is False:
            assert f"{check.name}\n{check.message}\nHint: {check.hint}\n" in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.slow
def test_what_is_right_passes(graded: Graded) -> None:
    done = graded.pytest(student="ann")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


@pytest.mark.slow
def test_one_check_can_be_chosen_and_says_what_it_needs(graded: Graded) -> None:
    done = graded.pytest("-k", "check_none", "-rs")

    assert "1 skipped, 2 deselected" in done.stdout
    assert "Not judged, because this did not pass: The row with the fewest MACs is chosen" in done.stdout


@pytest.mark.parametrize(
    ("student", "says"),
    [
        pytest.param("", "Give --submission WORKSPACE and --student NAME.", marks=pytest.mark.slow),
        pytest.param("nobody", "There is no stored run of 'nobody' in", marks=pytest.mark.slow),
        pytest.param("cem", "There is no stored run of 'cem' in", marks=pytest.mark.slow),
    ],
)
def test_when_it_is_not_clear_whom_to_judge_then_pytest_says_so_in_a_sentence(
    graded: Graded, student: str, says: str
) -> None:
    done = graded.pytest(student=student)

    assert done.returncode == 4, done.stdout + done.stderr
    assert says in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_other_tests_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "check_x.py").write_text("def check_it():\n    assert False\n")  # no assignment.toml is near
    (tmp_path / "test_x.py").write_text("def test_it():\n    pass\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tmp_path],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )

    assert "1 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.slow
def test_when_the_cases_changed_since_then_the_old_run_is_not_judged(graded: Graded) -> None:
    cases = graded.course / "autograder_assignments" / "small" / "inside" / "cases.py"
    before = cases.read_text()
    try:
        cases.write_text(before.replace("1_000, 9_000", "1_000, 8_000"))
        done = graded.pytest(student="ann")
    finally:
        cases.write_text(before)

    assert done.returncode == 4, done.stdout + done.stderr
    assert "The stored run of 'ann' is of other cases" in done.stdout + done.stderr
