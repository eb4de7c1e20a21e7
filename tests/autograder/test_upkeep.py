"""A workspace's room is told and pruned, and a student who left is nowhere any more; nobody else loses anything."""

import dataclasses
import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from small_course import graded_class, submission

from autograder import upkeep
from autograder.cli import main
from autograder.config import Settings
from autograder.course import Course
from autograder.errors import UsageError
from autograder.records.results_json import load_results
from autograder.workspace import open_class

WRONG = "def mac_ratio(a, b):\n    return b / a"


@pytest.fixture(name="graded_twice", scope="module")
def _graded_twice(prepared: Course, warm: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a class, ann and cem with the same cells, and a workspace with a round on each of two seeds."""
    folder = tmp_path_factory.mktemp("upkeep")
    (folder / "in").mkdir()
    for name, answers in {"ann": {}, "bobbie": {"mac_ratio": WRONG}, "cem": {}}.items():
        (folder / "in" / f"{name}.ipynb").write_bytes(submission(prepared.released, **answers))
    settings = dataclasses.replace(prepared.settings, workspace=folder / "ws")
    for seed in (5, 6):
        graded_class(folder / "in", settings, seed)
    return folder


@pytest.fixture(name="settings")
def _settings(graded_twice: Path, prepared: Course, tmp_path: Path) -> Settings:
    shutil.copytree(graded_twice / "ws", tmp_path / "ws")
    return dataclasses.replace(prepared.settings, workspace=tmp_path / "ws")


def runs(settings: Settings) -> set[str]:
    return {folder.name for folder in (settings.workspace / "runs").iterdir()}


def holding(workspace: Path, name: str) -> list[str]:
    """Files whose name or content has the name in it."""
    return [
        str(path.relative_to(workspace))
        for path in workspace.rglob("*")
        if path.is_file() and (name in str(path.relative_to(workspace)) or name.encode() in path.read_bytes())
    ]


def workspace(settings: Settings, *words: object) -> Result:
    options = ("--course", settings.course, "--workspace", settings.workspace)
    return CliRunner().invoke(main, [str(word) for word in ("workspace", *words, *options)])


def test_what_takes_room_is_told_by_part_and_nothing_is_left_out(settings: Settings) -> None:
    parts = upkeep.taken(settings.workspace)
    whole = sum(path.stat().st_blocks * 512 for path in settings.workspace.rglob("*") if path.is_file())

    assert {"submitted", "autograded", "runs", "gradebook", "small: rounds"} <= set(parts)
    assert sum(parts.values()) == whole
    assert all(parts[part] > 0 for part in ("submitted", "runs", "small: rounds"))


def test_a_link_out_of_the_workspace_is_not_followed(settings: Settings, tmp_path: Path) -> None:
    before = upkeep.taken(settings.workspace)
    (tmp_path / "big").mkdir()
    (tmp_path / "big" / "file").write_bytes(b"x" * 100_000)
    (settings.workspace / "link").symlink_to(tmp_path / "big")

    assert upkeep.taken(settings.workspace) == before


def test_pruning_keeps_the_runs_of_the_newest_grades_and_only_those(settings: Settings) -> None:
    newest = {grade.run for grade in load_results(settings.workspace, "small").grades}
    before = runs(settings)
    removed = upkeep.prune(settings.workspace)

    assert runs(settings) == newest
    assert removed == len(before) - len(newest) > 0


def test_pruning_changes_no_grade(settings: Settings, graded_twice: Path) -> None:
    upkeep.prune(settings.workspace)

    with open_class(graded_twice / "in", settings) as opened:
        assert opened.unchanged == {"ann", "bobbie", "cem"}


def test_when_the_results_cannot_be_read_then_nothing_is_pruned(settings: Settings) -> None:
    before = runs(settings)
    (settings.workspace / "small" / "results.json").write_text("{")

    with pytest.raises(UsageError, match=r"cannot be read, so it is not known which runs are needed\. Nothing was"):
        upkeep.prune(settings.workspace)
    assert runs(settings) == before


def test_a_student_who_is_forgotten_is_nowhere_any_more(settings: Settings) -> None:
    assert len(holding(settings.workspace, "bobbie")) == 6
    own = {grade.run for grade in load_results(settings.workspace, "small").grades if grade.student == "bobbie"}
    (settings.workspace / "feedback" / "bobbie").mkdir(parents=True)
    exports = [settings.workspace / "small" / name for name in ("grades.csv", "junit.xml", "feedback-canvas.zip")]
    for export in exports:
        export.write_text("bobbie")
    upkeep.forget("bobbie", settings)

    assert holding(settings.workspace, "bobbie") == []
    assert not any(export.exists() for export in exports)
    assert not (settings.workspace / "feedback" / "bobbie").exists()
    assert not own & runs(settings)


def test_others_keep_everything_also_a_run_that_they_share(settings: Settings, graded_twice: Path) -> None:
    upkeep.forget("ann", settings)
    left = load_results(settings.workspace, "small")

    assert [(grade.student, grade.score) for grade in left.grades] == [("bobbie", 3.0), ("cem", 4.0)]
    assert {grade.run for grade in left.grades} <= runs(settings)
    assert "total" in json.loads((settings.workspace / "small" / "results.json").read_text())["submissions"][0]
    with sqlite3.connect(settings.workspace / "gradebook.db") as book:
        assert sorted(book.execute("SELECT id FROM student")) == [("bobbie",), ("cem",)]
    with open_class(graded_twice / "in", settings) as opened:
        assert opened.unchanged == {"bobbie", "cem"}


def test_who_was_forgotten_can_be_graded_again(settings: Settings, graded_twice: Path) -> None:
    upkeep.forget("bobbie", settings)
    again = graded_class(graded_twice / "in", settings)

    assert [(grade.student, grade.score) for grade in again.grades] == [("ann", 4.0), ("bobbie", 3.0), ("cem", 4.0)]
    assert [grade.round.number for grade in again.grades if grade.round] == [2, 2, 2]


@pytest.mark.parametrize("name", ["bob", "..", "", "nobody like this"])
def test_nobody_is_removed_for_a_name_that_the_workspace_does_not_know(settings: Settings, name: str) -> None:
    before = holding(settings.workspace, "")
    done = workspace(settings, "--forget", name)

    assert done.exit_code == 2
    assert f"knows no student {name!r}, and nothing was removed." in done.output
    assert ("Did you mean 'bobbie'?" in done.output) == (name == "bob")
    assert holding(settings.workspace, "") == before


def test_the_command_tells_rounds_and_room_before_and_after(settings: Settings) -> None:
    (settings.workspace / "gradebook-2026-01-01T000000.db").write_bytes(b"x")
    told = workspace(settings)
    done = workspace(settings, "--prune", "--forget", "bobbie")

    assert told.exit_code == done.exit_code == 0, told.output + done.output
    assert "before" not in told.output and "│ small" in told.output and "together" in told.output
    assert "Removed bobbie from every round, the gradebook, the files and the pages." in done.output
    assert "Older copies of the gradebook still have bobbie. Delete them: gradebook-2026-01-01T000000.db" in done.output
    assert "Removed runs that no newest grade needs: 3." in done.output
    assert "before" in done.output


def test_when_there_is_no_workspace_then_it_says_so(prepared: Course, tmp_path: Path) -> None:
    done = workspace(dataclasses.replace(prepared.settings, workspace=tmp_path / "none"))

    assert done.exit_code == 2
    assert "There is no workspace" in done.output and not (tmp_path / "none").exists()
