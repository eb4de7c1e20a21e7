"""Programs that a submission wrote do not start; installed ones do."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.inside import programs

CODE = """
import json, os, subprocess, sys
from autograder.inside.namespaces import give_up_privileges
from autograder.inside import programs as installed
from autograder.inside.programs import start_only_installed_programs

folder = sys.argv[1]

def starts(path, *arguments):
    try:
        return subprocess.run([path, *arguments]).returncode
    except OSError as error:
        return error.strerror

def written(name, content):
    handle = os.open(f"{folder}/{name}", os.O_CREAT | os.O_WRONLY, 0o755)
    os.write(handle, content)
    os.close(handle)
    return f"{folder}/{name}"

script, odd = written("script", b"#!/bin/sh\\nexit 5\\n"), written("odd", bytes([0x91, 0x92, 0x93, 0x94]) * 64)
before = [starts(script), starts(odd)]
give_up_privileges()
installed.NOT_NEEDED_FROM = (99,)
done = start_only_installed_programs()
programs = [(script,), (odd,), ("/bin/sh", "-c", "exit 6"), ("/bin/sh", script), (sys.executable, "-c", "exit(7)")]
print(json.dumps([done, before, [starts(*program) for program in programs]]))
"""


def test_only_installed_programs_start(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("scratch")
    if Path("/tmp") not in folder.parents:
        pytest.skip("the folder for temporary files is not /tmp, which is the scratch of a box")
    done = subprocess.run([sys.executable, "-c", CODE, str(folder)], capture_output=True, text=True, check=True)
    restricted, before, after = json.loads(done.stdout)
    if not restricted:
        pytest.skip("this kernel has no Landlock")

    assert before == [5, "Exec format error"]
    assert after == ["Permission denied", "Permission denied", 6, 5, 7]


@pytest.mark.parametrize(("release", "needed"), [("6.1.0-50-amd64", True), ("6.13", True), ("6.14.1", False)])
def test_from_linux_6_14_on_what_was_written_may_start(release: str, needed: bool) -> None:
    assert programs.needed(release) == needed
