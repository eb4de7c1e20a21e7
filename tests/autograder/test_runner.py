"""Where notebooks run: warm where that can be had, else cold, and never the student's fault."""

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder import boxes as boxes_module
from autograder.boxes import Boxes
from autograder.course import Course
from autograder.errors import BoxUnavailable, TemplateFailed
from autograder.intake.parse import parse_notebook
from autograder.intake.rebuild import Rebuilt, rebuild
from autograder.results import Verdict
from autograder.runner import Runner
from autograder.session import Run


@dataclasses.dataclass
class Template:
    """One that works, is broken, dies while a box of it runs, or of which the box alone dies."""

    kind: object

    def alive(self) -> bool:
        return self.kind != "dies"


class Templates:
    """Gives what it is told to, or raises it."""

    def __init__(self, *given: object) -> None:
        self.given = list(given)

    @contextlib.contextmanager
    def borrow(self) -> Iterator[object]:
        given = self.given.pop(0)
        if isinstance(given, Exception):
            raise given
        yield Template(given)

    def close(self) -> None:
        self.given.clear()


@pytest.fixture(name="ran")
def _ran(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What each run was a fork of; None for a cold one. A template called "broken" fails to fork."""
    ran: list[object] = []

    def run(rebuilt, cases, seed, settings, template=None, **words) -> Run:  # type: ignore[no-untyped-def]
        ran.append(template and template.kind)
        if template and template.kind == "broken":
            raise TemplateFailed("The template of warm boxes did not make a new one.")
        return Run(Verdict.KERNEL_DIED if template and template.kind == "dies" else Verdict.OK)

    monkeypatch.setattr(boxes_module, "run_notebook", run)
    return ran


@pytest.fixture(name="rebuilt")
def _rebuilt(prepared: Course) -> Rebuilt:
    source = prepared.settings.solutions_notebook.read_bytes()
    return rebuild(parse_notebook(source, "solutions"), prepared.master)


def runner_with(prepared: Course, workspace: Path, *given: object) -> Runner:
    settings = dataclasses.replace(prepared.settings, workspace=workspace)
    backend = Boxes(settings, Templates(*given))  # type: ignore[arg-type]
    return Runner(settings, "surroundings", fresh=True, backend=backend)


def run(runner: Runner, rebuilt: Rebuilt, prepared: Course, seed: int) -> Verdict:
    return runner.run(rebuilt, prepared.cases, seed)[1].verdict


def test_when_no_template_can_be_had_then_every_box_is_cold_and_the_reason_is_kept(
    prepared: Course, rebuilt: Rebuilt, ran: list[object], tmp_path: Path
) -> None:
    runner = runner_with(prepared, tmp_path, BoxUnavailable("No template of warm boxes can be had here (EPERM)."))

    assert [run(runner, rebuilt, prepared, seed) for seed in (1, 2)] == [Verdict.OK] * 2
    assert ran == [None, None]
    assert "EPERM" in runner.backend.why_cold


def test_when_no_template_ever_works_then_boxes_are_cold(
    prepared: Course, rebuilt: Rebuilt, ran: list[object], tmp_path: Path
) -> None:
    runner = runner_with(prepared, tmp_path, "broken", "broken", "good")

    assert [run(runner, rebuilt, prepared, seed) for seed in (1, 2)] == [Verdict.OK] * 2
    assert ran == ["broken", "broken", None, None]
    assert runner.backend.why_cold == "The template of warm boxes did not make a new one."


@pytest.mark.parametrize(
    "failing", [("broken", "broken"), ("dies", "dies"), (BoxUnavailable("No template can be had."),)]
)
def test_when_boxes_were_warm_then_a_notebook_under_which_templates_fail_is_cold_alone(
    prepared: Course, rebuilt: Rebuilt, ran: list[object], tmp_path: Path, failing: tuple[object, ...]
) -> None:
    runner = runner_with(prepared, tmp_path, "good", *failing, "good")

    assert [run(runner, rebuilt, prepared, seed) for seed in (1, 2, 3)] == [Verdict.OK] * 3
    assert ran[0] == "good"
    assert ran[-2:] == [None, "good"]
    assert runner.backend.why_cold == ""


def test_when_the_first_notebook_ends_its_templates_then_it_alone_is_cold(
    prepared: Course, rebuilt: Rebuilt, ran: list[object], tmp_path: Path
) -> None:
    runner = runner_with(prepared, tmp_path, "dies", "dies", "good")

    assert [run(runner, rebuilt, prepared, seed) for seed in (1, 2)] == [Verdict.OK] * 2
    assert ran == ["dies", "dies", None, "good"]
    assert runner.backend.why_cold == ""


def test_when_warm_boxes_do_not_start_for_many_notebooks_in_a_row_then_the_rest_are_cold(
    prepared: Course, rebuilt: Rebuilt, ran: list[object], tmp_path: Path
) -> None:
    none = BoxUnavailable("No template can be had.")
    runner = runner_with(prepared, tmp_path, "good", none, none, "good", none, none, none, "good")

    assert [run(runner, rebuilt, prepared, seed) for seed in range(8)] == [Verdict.OK] * 8
    assert ran == ["good", None, None, "good", None, None, None, None]
    assert runner.backend.why_cold == "No template can be had."


@pytest.mark.parametrize("failing", ["broken", "dies"])
def test_when_a_template_fails_then_the_notebook_is_run_in_another(
    prepared: Course, rebuilt: Rebuilt, ran: list[object], tmp_path: Path, failing: str
) -> None:
    runner = runner_with(prepared, tmp_path, failing, "good")

    assert run(runner, rebuilt, prepared, 1) == Verdict.OK
    assert ran == [failing, "good"]
    assert runner.backend.why_cold == ""


def test_when_a_run_may_have_ended_for_the_machines_sake_then_equal_notebooks_share_it_and_later_ones_run_anew(
    prepared: Course, rebuilt: Rebuilt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdicts = [Verdict.TIMEOUT, Verdict.OUTPUT_LIMIT, Verdict.OK, Verdict.KERNEL_DIED]
    monkeypatch.setattr(boxes_module, "run_notebook", lambda *words, **more: Run(verdicts.pop(0)))
    settings = dataclasses.replace(prepared.settings, workspace=tmp_path, cold=True)
    found = []
    for fresh in (False, False, False, False, True):
        runner = Runner(settings, "surroundings", fresh=fresh)
        found.append([run(runner, rebuilt, prepared, 1) for _ in range(2)])

    assert found == [[verdict] * 2 for verdict in ("TIMEOUT", "OUTPUT_LIMIT", "OK", "OK", "KERNEL_DIED")]


def test_when_a_run_that_draws_more_ended_for_the_machines_sake_then_one_that_draws_less_is_tried(
    prepared: Course, rebuilt: Rebuilt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdicts = [Verdict.TIMEOUT, Verdict.OK]
    monkeypatch.setattr(boxes_module, "run_notebook", lambda *words, **more: Run(verdicts.pop(0)))
    given = next(i for i, cell in enumerate(rebuilt.cells) if cell.kind == "code" and not cell.by_student)
    stream = {"output_type": "stream", "name": "stdout", "text": "1"}
    cells = list(rebuilt.cells)
    cells[given] = dataclasses.replace(cells[given], outputs=(stream,))
    with_output = dataclasses.replace(rebuilt, cells=tuple(cells))
    runner = Runner(dataclasses.replace(prepared.settings, workspace=tmp_path, cold=True), "surroundings")

    assert [run(runner, one, prepared, 1) for one in (rebuilt, with_output)] == [Verdict.TIMEOUT, Verdict.OK]


@pytest.mark.parametrize(("option", "why"), [("cold", "as asked"), ("unsafe_no_box", "without a box")])
def test_when_asked_for_then_boxes_are_cold(
    prepared: Course, rebuilt: Rebuilt, ran: list[object], tmp_path: Path, option: str, why: str
) -> None:
    runner = Runner(dataclasses.replace(prepared.settings, workspace=tmp_path, **{option: True}), "surroundings")

    assert run(runner, rebuilt, prepared, 1) == Verdict.OK
    assert ran == [None]
    assert runner.backend.why_cold == why
