"""Settings: where things lie, and limits that are read from pyproject.toml or refused in a sentence."""

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autograder import config
from autograder.assignments.assignment import Assignment
from autograder.config import MIB, Limits, Settings, SettingsError, find_course, load_limits, load_settings

ROOT = Path(__file__).resolve().parents[2]


def course_with(tmp_path: Path, toml: str) -> Path:
    (tmp_path / "pyproject.toml").write_text(toml)
    return tmp_path


def limits_of(tmp_path: Path, lines: str) -> Limits:
    course = course_with(tmp_path, f"[tool.autograder.limits]\n{lines}\n")
    return load_limits(course)


def test_the_notebooks_lie_in_folders_named_after_the_assignment():
    settings = Settings(Path("/course"), Path("/grading"), Assignment("pruning", Path("/pruning")))

    assert settings.solutions_notebook == Path("/course/solutions/pruning/pruning.ipynb")
    assert settings.release_notebook == Path("/course/assignment/pruning/pruning.ipynb")


def test_settings_cannot_be_changed():
    settings = Settings(Path("/course"), Path("/grading"), Assignment("pruning", Path("/pruning")))

    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.jobs = 2  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.limits.tasks = 2  # type: ignore[misc]


def test_the_limits_of_this_course_are_the_ones_of_its_design():
    designed = Limits(
        wall_s=120,
        call_s=30,
        calls_s=120,
        memory_bytes=4096 * MIB,
        tasks=256,
        output_bytes=8 * MIB,
        scratch_bytes=512 * MIB,
        evidence_bytes=64 * MIB,
        file_bytes=64 * MIB,
    )

    assert load_settings(ROOT, ROOT / "grading").limits == designed
    assert Limits() == designed


def test_when_there_is_no_pyproject_then_the_limits_are_the_default_ones(tmp_path: Path):
    assert load_limits(tmp_path) == Limits()


def test_when_pyproject_says_nothing_of_the_grader_then_the_limits_are_the_default_ones(tmp_path: Path):
    course = course_with(tmp_path, '[project]\nname = "course"\n')

    assert load_limits(course) == Limits()


def test_when_a_limit_is_set_then_the_others_stay(tmp_path: Path):
    assert limits_of(tmp_path, "wall_s = 7.5") == dataclasses.replace(Limits(), wall_s=7.5)


def test_when_pyproject_is_not_toml_then_the_error_names_the_file(tmp_path: Path):
    with pytest.raises(SettingsError, match=r"pyproject\.toml is not valid TOML: .*line 1"):
        load_limits(course_with(tmp_path, "wall_s = = 1"))


def test_when_a_limit_is_unknown_then_the_error_lists_the_known_ones(tmp_path: Path):
    with pytest.raises(SettingsError, match=r"sets an unknown limit 'wall_seconds'; known are wall_s, call_s, .*file_"):
        limits_of(tmp_path, "wall_seconds = 120")


@pytest.mark.parametrize("value", ["0", "-1", "nan", "true", '"120"', "[120]", "1979-05-27"])
def test_when_a_limit_is_not_a_positive_number_then_the_error_shows_it(tmp_path: Path, value: str):
    with pytest.raises(SettingsError, match=r"pyproject\.toml sets wall_s = .*; expected a positive number\."):
        limits_of(tmp_path, f"wall_s = {value}")


@pytest.mark.parametrize("value", ["2.5", "inf", "4e9"])
@pytest.mark.parametrize("name", ["memory_bytes", "scratch_bytes", "tasks"])
def test_when_a_count_is_not_a_whole_number_then_it_is_refused_or_made_one(tmp_path: Path, name: str, value: str):
    try:
        limits = limits_of(tmp_path, f"{name} = {value}")
    except SettingsError as error:
        assert name in str(error)
    else:
        assert type(getattr(limits, name)) is int  # it becomes an argument of bubblewrap and of setrlimit


@pytest.mark.parametrize(
    "toml", ["[tool.autograder]\nlimits = 5", "[tool]\nautograder = 5", "tool = 5", "[tool.autograder]\nlimits = []"]
)
def test_when_the_limits_are_no_table_then_the_error_is_a_sentence(tmp_path: Path, toml: str):
    with pytest.raises(SettingsError, match=r"pyproject\.toml"):
        load_limits(course_with(tmp_path, toml))


def test_as_many_boxes_run_at_a_time_as_cores_and_memory_hold_unless_told(
    small_course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = Path(shutil.copytree(small_course, tmp_path / "course"))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    for memory, jobs in ((64, 8), (15.5, 3), (7.6, 1), (2, 1)):
        monkeypatch.setattr(config, "memory_bytes", lambda memory=memory: int(memory * 1024 * MIB))

        assert load_settings(course, tmp_path).jobs == jobs
    assert load_settings(course, tmp_path, jobs=3).jobs == 3
    assert load_settings(course_with(course, "[tool.autograder.limits]\nmemory_bytes = 1"), tmp_path).jobs == 8


@pytest.mark.parametrize(
    ("groups", "files", "found"),
    [
        ("0::/user/one", {"user/one/memory.max": "max\n", "user/memory.max": "5000\n", "memory.max": "7000\n"}, 5000),
        ("0::/docker/abc", {"memory.max": "6000\n"}, 6000),  # where a container sees its own group as the root
        ("5:cpu,memory:/one\n0::/", {"memory/one/memory.limit_in_bytes": "4000\n"}, 4000),
        ("5:cpu:/one", {"memory/one/memory.limit_in_bytes": "4000\n"}, None),
        ("0::/one", {"one/memory.max": "9" * 18}, None),
        ("", {}, None),
    ],
)
def test_memory_is_the_machines_or_what_a_control_group_leaves_of_it(
    tmp_path: Path, groups: str, files: dict[str, str], found: int | None
) -> None:
    for name, text in {"proc/self/cgroup": groups, **{f"sys/fs/cgroup/{k}": v for k, v in files.items()}}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")

    assert config.memory_bytes(tmp_path) == (found or whole)
    assert config.memory_bytes(tmp_path / "nothing") == whole


def test_overrides_are_taken(small_course: Path, tmp_path: Path):
    settings = load_settings(small_course, tmp_path, cold=True, unsafe_no_box=True)

    assert (settings.cold, settings.unsafe_no_box) == (True, True)


# --- which assignment ---


@pytest.fixture(name="two")
def _two(small_course: Path, tmp_path: Path) -> Path:
    """A course with two assignments."""
    course = Path(shutil.copytree(small_course, tmp_path / "course"))
    for folder in (course / "solutions", course / "autograder_assignments"):
        shutil.copytree(folder / "small", folder / "other")
    (course / "solutions" / "other" / "small.ipynb").rename(course / "solutions" / "other" / "other.ipynb")
    (course / "solutions" / "drafts").mkdir()  # no assignment: it holds no notebook of its name
    return course


def test_where_a_course_has_one_assignment_it_need_not_be_named(small_course: Path, tmp_path: Path):
    assert load_settings(small_course, tmp_path).assignment.name == "small"


def test_where_a_course_has_two_assignments_one_must_be_named(two: Path, tmp_path: Path):
    with pytest.raises(SettingsError, match=r"has several assignments \(other, small\)\. Name one with --assignment\."):
        load_settings(two, tmp_path)

    assert load_settings(two, tmp_path, "other").assignment.name == "other"


def test_when_the_assignment_is_unknown_then_the_error_lists_the_known_ones(two: Path, tmp_path: Path):
    with pytest.raises(SettingsError, match=r"no assignment 'drafts' in .*solutions\. Found there: other, small\."):
        load_settings(two, tmp_path, "drafts")


def test_when_there_is_no_solutions_notebook_then_the_error_says_where_it_belongs(tmp_path: Path):
    with pytest.raises(SettingsError, match=r"Expected: solutions/<assignment>/<assignment>\.ipynb\."):
        load_settings(tmp_path, tmp_path)


def test_the_course_is_the_nearest_folder_with_solutions_and_a_pyproject(tmp_path: Path):
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "solutions").mkdir()
    inner = tmp_path / "assignment" / "early_exit"
    inner.mkdir(parents=True)
    (tmp_path / "assignment" / "pyproject.toml").touch()  # without solutions it is no course

    assert find_course(inner) == tmp_path
    assert find_course(tmp_path) == tmp_path


def test_when_no_course_is_above_then_it_is_the_checkout_that_the_package_runs_from(tmp_path: Path):
    assert find_course(tmp_path) == ROOT


def test_when_an_installed_package_is_started_outside_of_a_course_then_one_sentence(tmp_path: Path):
    site_packages = tmp_path / "site-packages"
    shutil.copytree(ROOT / "autograder", site_packages / "autograder")
    words = [sys.executable, "-P", "-c", "import autograder.cli; autograder.cli.main()", "doctor"]
    environment = {**os.environ, "PYTHONPATH": str(site_packages)}
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, env=environment)

    assert done.returncode == 2, done.stdout + done.stderr
    assert f"There is no course at or above {tmp_path}" in done.stderr
    assert "--course" in done.stderr and "solutions/<assignment>/<assignment>.ipynb" in done.stderr
    assert sorted(path.name for path in site_packages.iterdir()) == ["autograder"]
