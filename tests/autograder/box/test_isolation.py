"""How the box is put together: which bubblewrap, what when there is none, what is masked."""

import dataclasses
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import pytest
from small_course import ROOT, settings_for

from autograder.box import isolation, mounts
from autograder.box.isolation import box_label, enclose, find_bubblewrap
from autograder.config import Settings
from autograder.errors import BoxUnavailable


def test_when_bubblewrap_works_then_its_version_is_the_label(small_course: Path, tmp_path: Path) -> None:
    assert box_label(settings_for(small_course, tmp_path)) == f"bubblewrap {find_bubblewrap().version}"


def test_when_there_is_no_bubblewrap_then_it_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "_candidates", list)

    with pytest.raises(BoxUnavailable, match="there is no bwrap on PATH"):
        find_bubblewrap()


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo bubblewrap 0.4.1", "its version is 'bubblewrap 0.4.1', expected at least 0.8.0"),
        ('[ "$1" = --version ] && echo bubblewrap 0.9.0 && exit; echo no namespaces >&2; exit 1', "no namespaces"),
        ("exit 3", "it does not run"),
    ],
)
def test_when_a_bubblewrap_does_not_work_then_the_reason_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, reason: str
) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    monkeypatch.setattr(isolation, "_candidates", lambda: [str(fake)])

    with pytest.raises(BoxUnavailable, match=reason):
        find_bubblewrap()


def test_when_the_system_has_none_that_works_then_the_wheels_is_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    assert find_bubblewrap().path != str(fake)


def test_when_secrets_lie_under_the_python_prefix_then_they_are_masked(small_course: Path, tmp_path: Path) -> None:
    settings = settings_for(small_course, tmp_path)
    hidden = Path(sys.prefix) / "lib"  # in place of a workspace inside the environment
    masked = enclose(["/bin/ls", str(hidden)], dataclasses.replace(settings, workspace=hidden))

    assert subprocess.run(masked, capture_output=True, text=True).stdout == ""


def test_when_course_and_workspace_lie_under_the_python_prefix_one_in_the_other_then_a_box_starts(
    small_course: Path, tmp_path: Path, below_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(below_tmp))
    course = below_tmp / "course"
    (course / "grading").mkdir(parents=True)
    (course / "pyproject.toml").touch()
    settings = dataclasses.replace(settings_for(small_course, tmp_path), course=course, workspace=course / "grading")
    done = subprocess.run(enclose(["/bin/ls", "-A", str(course)], settings), capture_output=True, text=True)

    assert (done.stderr, done.stdout) == ("", "")


def test_the_grader_is_not_importable_inside(small_course: Path, tmp_path: Path) -> None:
    code = "import autograder.judge.checks"
    done = subprocess.run(
        enclose([sys.executable, "-c", code], settings_for(small_course, tmp_path)), capture_output=True, text=True
    )

    assert "ModuleNotFoundError" in done.stderr


def test_when_the_python_environment_lies_below_tmp_then_it_is_seen(
    small_course: Path, tmp_path: Path, below_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(below_tmp))
    command = enclose(["/bin/cat", str(below_tmp / "mark")], settings_for(small_course, tmp_path))

    assert subprocess.run(command, capture_output=True, text=True).stdout == "here"


WHERE_IS_TQDM = "import tqdm, torch; print(tqdm.__file__)"


def settings_that_need_tqdm(course: Path, workspace: Path) -> Settings:
    settings = settings_for(course, workspace)
    return dataclasses.replace(settings, assignment=dataclasses.replace(settings.assignment, requires=("tqdm",)))


@pytest.mark.slow
def test_when_a_needed_package_lies_in_another_folder_of_the_path_then_it_is_seen(
    small_course: Path, tmp_path: Path, modules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(modules)
    settings = settings_that_need_tqdm(small_course, tmp_path)
    inside = enclose([sys.executable, "-c", WHERE_IS_TQDM], settings)
    written = enclose(["/bin/touch", str(modules / "x")], settings)

    assert subprocess.run(inside, capture_output=True, text=True).stdout.strip() == str(modules / "tqdm/__init__.py")
    assert "Read-only file system" in subprocess.run(written, capture_output=True, text=True).stderr


def test_when_the_package_of_another_folder_is_not_the_one_imported_then_that_folder_is_hidden(
    small_course: Path, tmp_path: Path, modules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, str(modules)])
    listed = enclose(["/bin/ls", str(modules)], settings_that_need_tqdm(small_course, tmp_path))

    assert "No such file" in subprocess.run(listed, capture_output=True, text=True).stderr


@pytest.mark.parametrize("what", ["the course", "the workspace", "the home folder"])
def test_when_a_folder_of_packages_holds_what_is_private_then_the_box_is_refused_in_a_sentence(
    small_course: Path, tmp_path: Path, modules: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.syspath_prepend(modules)
    private = modules / "private"
    settings = settings_that_need_tqdm(small_course, tmp_path)
    if what == "the home folder":
        monkeypatch.setenv("HOME", str(private))
    else:
        settings = dataclasses.replace(settings, **{what.split()[1]: private})

    with pytest.raises(BoxUnavailable, match=f"tqdm is installed in {modules}, which holds {what} {private}"):
        box_label(settings)
    with pytest.raises(BoxUnavailable, match="tqdm"):
        enclose(["/bin/true"], settings)


@pytest.mark.parametrize("shown", ["on the path", "the prefix"])
@pytest.mark.parametrize("name", ["itself", "link"])
def test_when_the_grader_is_installed_in_a_folder_that_is_shown_then_it_is_masked(
    small_course: Path, tmp_path: Path, modules: Path, monkeypatch: pytest.MonkeyPatch, name: str, shown: str
) -> None:
    (modules.parent / "link").unlink(missing_ok=True)
    (modules.parent / "link").symlink_to(modules)  # as where the home folders of a cluster lie on another disk
    folder = modules if name == "itself" else modules.parent / "link"
    if shown == "on the path":
        monkeypatch.syspath_prepend(folder)
    else:
        monkeypatch.setattr(sys, "prefix", str(folder))
    shutil.copytree(mounts.PACKAGE, modules / "autograder")
    monkeypatch.setattr(mounts, "PACKAGE", modules / "autograder")
    listed = enclose(["/bin/ls", "-A", str(folder / "autograder")], settings_that_need_tqdm(small_course, tmp_path))
    done = subprocess.run(listed, capture_output=True, text=True)

    assert (done.returncode, done.stdout) == (0, "")


SWITCHED = """
import subprocess, sys
from pathlib import Path
import psutil
from autograder.box.isolation import BOX_USERS, as_box_user, enclose
from autograder.config import load_settings
settings = load_settings(Path(sys.argv[1]), Path(sys.argv[2]))
command = enclose([sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(60)"], settings)
process = psutil.Popen(command, stdout=subprocess.PIPE, cwd="/", **as_box_user(settings))
process.stdout.readline()
print({one.uids().real for one in (process, *process.children(recursive=True))} == {BOX_USERS[0]})
print(as_box_user(settings)["user"] == BOX_USERS[1])
process.kill()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user cannot start a program as somebody else")
def test_when_root_starts_a_box_then_it_has_a_user_of_its_own(small_course: Path, tmp_path: Path) -> None:
    """With a Python that every user can read; the one that runs the tests may lie in root's home."""
    python = Path("/usr/bin/python3")
    version = "import sys; print(sys.version_info[:2])"
    if (
        not python.exists()
        or subprocess.check_output([python, "-c", version], text=True) != f"{sys.version_info[:2]}\n"
    ):
        pytest.skip("the system's Python is not of the version that runs the tests")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        subprocess.run([python, "-m", "venv", "--without-pip", f"{folder}/venv"], check=True)
        course = shutil.copytree(small_course, f"{folder}/course")
        subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
        words = [f"{folder}/venv/bin/python", "-c", SWITCHED, course, str(tmp_path)]
        path = os.pathsep.join((str(ROOT), sysconfig.get_path("purelib")))
        done = subprocess.run(words, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", "PYTHONPATH": path})

    if "True" not in done.stdout and "Permission denied" in done.stderr:
        pytest.skip(f"other users cannot read this checkout: {done.stderr.splitlines()[-1]}")
    assert done.stdout == "True\nTrue\n", done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="boxes of an ordinary user have its number")
def test_when_the_number_is_somebodys_then_boxes_do_not_take_it(
    small_course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolation, "BOX_USERS", range(1, 2))  # daemon
    settings = settings_for(small_course, tmp_path)

    assert isolation.as_box_user(settings) == {}
    assert "would have, is daemon here" in isolation.why_roots_number(settings)


def test_an_ordinary_users_boxes_have_its_number(small_course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert isolation.as_box_user(settings_for(small_course, small_course)) == {}
