"""The product as its users run it: the real notebook, the sample class through the command line, the release."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from canaries import planted
from sample_class import RELEASE, ROOT, SOLUTION, build_class, case_folders, differences, sample_folders

from autograder import release
from autograder.config import load_settings
from autograder.errors import UsageError
from autograder.leaks import find_leaks
from autograder.release import bundle_files, release_text, write_release

AUTOGRADER = str(Path(sys.executable).parent / "autograder")


@pytest.fixture(name="settings")
def _settings(tmp_path: Path):
    return load_settings(ROOT, tmp_path / "ws")


def _grade_among_bait(tmp_path: Path, folders: list[Path]) -> None:
    """Grade cases through the command line, with bait on the host: grades are as they say, the bait is untouched."""
    handed_in, workspace = tmp_path / "class", tmp_path / "ws"
    build_class(handed_in, folders)
    words = [AUTOGRADER, "grade", str(handed_in), "--workspace", str(workspace), "--course", str(ROOT)]
    with planted(tmp_path / "host", handed_in) as bait:
        environment = {**os.environ, **bait.environment, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(words, capture_output=True, text=True, env=environment)

        assert done.returncode == 1, done.stdout + done.stderr  # the bait in the class is nobody's
        assert "notes.txt: a text" in done.stdout
        assert "Traceback" not in done.stdout + done.stderr
        assert bait.complaints(workspace) == []
        assert bait.secret not in done.stdout + done.stderr
    assert differences(workspace, folders) == []


@pytest.mark.slow
def test_the_sample_class_and_the_snoops_come_to_their_grades_and_reach_nothing_outside(tmp_path: Path) -> None:
    snoops = [folder for folder in case_folders() if folder.name.startswith("snoop_")]
    _grade_among_bait(tmp_path, sorted({*sample_folders(), *snoops}))


@pytest.mark.corpus
def test_every_notebook_of_the_corpus_comes_to_its_grade_and_reaches_nothing_outside(tmp_path: Path) -> None:
    _grade_among_bait(tmp_path, case_folders())


def test_the_committed_release_is_what_the_solutions_give(settings) -> None:
    assert RELEASE.read_text() == release_text(settings)


def test_the_solutions_were_run_to_the_end_without_an_error() -> None:
    cells = [cell for cell in json.loads(SOLUTION.read_text())["cells"] if cell["cell_type"] == "code"]

    assert all(cell["execution_count"] for cell in cells)
    assert [out for cell in cells for out in cell["outputs"] if out["output_type"] == "error"] == []
    assert [
        o["text"] for c in cells for o in c["outputs"] if o["output_type"] == "stream" and o["name"] == "stderr"
    ] == []


def test_points_are_27_automatic_and_10_by_hand() -> None:
    marks = [cell["metadata"].get("nbgrader", {}) for cell in json.loads(RELEASE.read_text())["cells"]]
    automatic = sum(mark["points"] for mark in marks if mark.get("grade") and mark["grade_id"].startswith("check_"))
    by_hand = sum(mark["points"] for mark in marks if mark.get("grade") and mark["grade_id"].startswith("q_"))

    assert (automatic, by_hand) == (27, 10)


def test_the_bundle_holds_the_notebook_and_course_lib_and_no_answer(settings) -> None:
    files = bundle_files(settings, RELEASE.read_text())

    library = {f"course_lib/{name}.py" for name in ("model", "selfcheck/__init__", "selfcheck/require")}
    assert {"early_exit.ipynb", "requirements.txt", *library} <= set(files)
    assert not [name for name in files if name.startswith(("autograder", "solutions", "tests"))]
    assert find_leaks(settings, files) == []


def test_the_bundle_says_how_to_start_and_readme_names_that_page(settings) -> None:
    files = bundle_files(settings, RELEASE.read_text())
    page = settings.assignment.folder / "README.txt"

    assert files["README.txt"] == page.read_text()
    assert f"({page.relative_to(ROOT)})" in (ROOT / "README.md").read_text()
    for said in ("Windows", "Colab", "JupyterHub", "VS Code", "whl/cpu", "course_lib.ready"):
        assert said in files["README.txt"]
    assert "jupyterlab" in files["requirements.txt"]


def test_every_task_and_question_has_a_heading_with_its_points() -> None:
    cells = json.loads(RELEASE.read_text())["cells"]
    headings = [line for cell in cells for line in "".join(cell["source"]).splitlines() if line.startswith("### ")]
    marks = [cell["metadata"]["nbgrader"] for cell in cells if cell["metadata"]["nbgrader"].get("grade")]
    for what, prefix in (("Task", "check_"), ("Question", "q_")):
        points = [mark["points"] for mark in marks if mark["grade_id"].startswith(prefix)]
        said = [heading for heading in headings if heading.startswith(f"### {what} ")]
        numbered = enumerate(points, start=1)
        wanted = [f"### {what} {n} ({worth:g} point{'s' * (worth != 1)})" for n, worth in numbered]
        assert [heading.split(":")[0] for heading in said] == wanted


@pytest.mark.parametrize(
    "lost",
    [
        "__init__.py",
        "weights/*",
        pytest.param("selfcheck/__init__.py", marks=pytest.mark.slow),
        pytest.param("model.py", marks=pytest.mark.slow),
        pytest.param("data/__init__.py", marks=pytest.mark.slow),
    ],
)
def test_when_course_lib_lacks_what_the_notebook_needs_then_nothing_is_released(
    settings, tmp_path: Path, lost: str
) -> None:
    course = tmp_path / "course"
    shutil.copytree(ROOT / "course_lib", course / "course_lib")
    for path in (course / "course_lib").glob(lost):
        path.unlink()
    for name in ("solutions", "pyproject.toml"):
        (course / name).symlink_to(ROOT / name)

    with pytest.raises(UsageError, match=rf"would not hold: .*course_lib.*{course / 'course_lib'}"):
        write_release(load_settings(course, settings.workspace))
    assert not (course / "dist").exists()


def test_when_nothing_says_what_course_lib_needs_then_nothing_is_released(
    settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "solutions").symlink_to(ROOT / "solutions")
    monkeypatch.setattr(release, "DISTRIBUTION", "never-installed")

    with pytest.raises(UsageError, match=r"Expected: dependencies under \[project\] in .*, or the installed package"):
        write_release(load_settings(tmp_path, settings.workspace))
    assert not (tmp_path / "dist").exists()


def test_when_the_answer_itself_would_be_handed_out_then_the_leak_is_found(settings) -> None:
    assert find_leaks(settings, {"early_exit.ipynb": SOLUTION.read_text()})


def test_when_a_line_of_an_answer_stands_in_course_lib_then_the_release_is_refused(settings, tmp_path: Path) -> None:
    course = tmp_path / "course"
    (course / "course_lib").mkdir(parents=True)
    (course / "solutions" / "early_exit").mkdir(parents=True)
    (course / "solutions" / "early_exit" / "early_exit.ipynb").write_text(SOLUTION.read_text())
    (course / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    inside, lines = False, []
    for cell in json.loads(SOLUTION.read_text())["cells"]:
        for line in "".join(cell["source"]).splitlines():
            inside = (inside or "BEGIN SOLUTION" in line) and "END SOLUTION" not in line
            lines += [line.strip()] if inside and cell["cell_type"] == "code" else []
    (course / "course_lib" / "helper.py").write_text("def helper():\n    " + max(lines, key=len) + "\n")

    with pytest.raises(UsageError, match="holds the line"):
        write_release(load_settings(course, settings.workspace))
    assert not (course / "assignment").exists()


def test_the_same_solutions_give_the_same_bundle_bytes(settings, tmp_path: Path) -> None:
    course = tmp_path / "course"
    shutil.copytree(ROOT / "course_lib", course / "course_lib", ignore=shutil.ignore_patterns("__pycache__"))
    for weights in (course / "course_lib" / "weights").glob("*.safetensors"):
        weights.write_bytes(weights.read_bytes()[: 1 << 16])  # packing all of them takes a second
    for name in ("solutions", "pyproject.toml"):
        (course / name).symlink_to(ROOT / name)
    settings = load_settings(course, settings.workspace)

    first = write_release(settings)[1].read_bytes()
    _, bundle = write_release(settings)

    assert bundle.read_bytes() == first
    with zipfile.ZipFile(bundle) as archive:
        names = archive.namelist()
    assert {"early_exit/early_exit.ipynb", "early_exit/course_lib/weights/shapes-width-64.safetensors"} <= set(names)


def test_when_making_the_bundle_breaks_off_then_the_old_one_is_still_there(
    settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = tmp_path / "course"
    (course / "dist").mkdir(parents=True)
    for name in ("course_lib", "solutions", "pyproject.toml"):
        (course / name).symlink_to(ROOT / name)
    old = course / "dist" / "early_exit.zip"
    old.write_bytes(b"the one of last week")

    def breaks(*_: object) -> None:
        raise OSError("the disk went away")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", breaks)
    with pytest.raises(OSError, match="went away"):
        write_release(load_settings(course, settings.workspace))

    assert old.read_bytes() == b"the one of last week"
