"""What keeps student code from the answers without a box: rights of files, and a user of its own."""

import os
import subprocess
import threading
from pathlib import Path

import pytest
from small_course import settings_for

from autograder.box.kill import kill_all_of
from autograder.box.unboxed import look_as, open_to, readable_copy, shut

USER = 60_991
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give student code a user of its own")


@AS_ROOT
def test_what_is_shut_is_open_to_nobody_else(below_tmp: Path) -> None:
    below_tmp.chmod(0o755)
    secret = below_tmp / "source" / "secret"
    secret.parent.mkdir(mode=0o755)
    secret.touch(0o644)

    assert open_to(USER, [secret, secret.parent]) == [str(secret), str(secret.parent)]
    shut([secret.parent, below_tmp / "absent"])
    assert open_to(USER, [secret, secret.parent]) == []


def test_what_student_code_needs_is_copied_and_nothing_else(small_course: Path, tmp_path: Path) -> None:
    folder = readable_copy(settings_for(small_course, tmp_path))

    assert {path.name for path in folder.iterdir()} == {"lib", "assignment"}
    assert {path.name for path in (folder / "lib").iterdir()} == {"inside"}
    assert not list(folder.rglob("check*.py"))


@AS_ROOT
def test_a_thread_that_looks_as_a_user_opens_what_the_user_may_and_no_other_thread_changes(below_tmp: Path) -> None:
    secret, seen = below_tmp / "secret", []
    secret.touch(0o600)

    def look() -> None:
        look_as(USER)
        seen.append(os.access(secret, os.R_OK, effective_ids=True) or _opens(secret))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()

    assert seen == [False]
    assert _opens(secret)


def _opens(file: Path) -> bool:
    try:
        file.open().close()
    except PermissionError:
        return False
    return True


@AS_ROOT
def test_every_process_of_the_user_is_killed_also_one_that_left_its_tree() -> None:
    words = ["setsid", "-f", "sleep", "600"]
    subprocess.run(words, user=USER, group=USER, extra_groups=[], cwd="/", check=True)
    assert _running(USER)
    kill_all_of(USER)

    assert not _running(USER)


def _running(user: int) -> list[str]:
    said = subprocess.run(["ps", "-o", "stat=", "-U", str(user)], capture_output=True, text=True).stdout
    return [state for state in said.split() if not state.startswith("Z")]
