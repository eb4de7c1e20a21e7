"""The image that grades on a machine without the tools: built and used where a Docker daemon can be had."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from sample_class import ROOT, SOLUTION

from autograder.doctor import no_box_remedy

IMAGE = "early-exit-grader-test"
PAGE = (ROOT / "autograder" / "box" / "README.md").read_text()


def _no_daemon() -> str:
    """Why no image can be built here; "" if one can."""
    if not shutil.which("docker"):
        return "there is no docker here"
    done = subprocess.run(["docker", "info"], capture_output=True, text=True, timeout=60)
    return "" if done.returncode == 0 else f"no Docker daemon answers: {done.stderr.strip() or done.stdout.strip()}"


def _command() -> list[str]:
    """The words of the page's `docker run`."""
    (block,) = re.findall(r"^    docker run (.*(?:\n.*)*?)\n\n", PAGE, re.MULTILINE)
    return block.replace("\\\n", " ").split()


def test_the_image_gets_what_it_needs_and_no_tests_or_grades() -> None:
    wanted = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"}

    assert {"autograder", "course_lib", "solutions", "pyproject.toml", "constraints.txt"} <= wanted
    assert not {"tests", "grading", ".git", ".venv"} & wanted
    assert all((ROOT / name).exists() for name in wanted)


def test_the_page_of_the_machine_gives_a_container_the_rights_that_doctor_asks_for(tmp_path: Path) -> None:
    (tmp_path / ".dockerenv").touch()
    asked = set(re.findall(r"(?:seccomp|apparmor|systempaths)=unconfined", no_box_remedy("linux", tmp_path)))

    assert {word for word in _command() if "unconfined" in word} == asked
    assert "--privileged" not in _command()


@pytest.mark.slow
def test_the_image_grades(tmp_path: Path) -> None:
    if why := _no_daemon():
        pytest.skip(why)
    subprocess.run(["docker", "build", "--quiet", "--tag", IMAGE, ROOT], check=True)
    (tmp_path / "submissions").mkdir()
    (tmp_path / "grading").mkdir()
    shutil.copy(SOLUTION, tmp_path / "submissions" / "ann.ipynb")
    words = " ".join(_command()).replace('"$PWD"', str(tmp_path)).replace('"$(id -u):$(id -g)"', "1000:1000")
    (tmp_path / "grading").chmod(0o777)
    subprocess.run(["docker", "run", *words.replace("early-exit-grader", IMAGE).split()], check=True)

    (ann,) = json.loads((tmp_path / "grading" / "early_exit" / "results.json").read_text())["submissions"]
    assert (ann["verdict"], ann["score"]) == ("OK", 27.0)
