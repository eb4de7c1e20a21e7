"""How a box is started: its sockets, its environment, and what it says if it does not start."""

import contextlib
import dataclasses
import tempfile
from pathlib import Path

import pytest
from one_cell import run

from autograder.box.run_once import printed_in_a_box
from autograder.box.template import Template
from autograder.config import Settings
from autograder.errors import BoxUnavailable


def test_the_sockets_lie_in_a_folder_that_the_box_does_not_see(settings: Settings) -> None:
    folders: list[Path] = []
    outputs = run(
        settings,
        "import os; print([name for name in os.listdir('/tmp') if name.startswith('autograder-')])",
        then=lambda manager: folders.append(manager.provisioner.folder),
    )

    assert outputs[0].text.strip() == "[]"
    assert folders[0].parent == Path(tempfile.gettempdir())
    assert not folders[0].exists(), "the sockets are removed with the box"


def test_the_environment_holds_only_what_the_box_sets(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    outputs = run(settings, "import os; print('SECRET_TOKEN' in os.environ, os.environ['LANG'], os.getcwd())")

    assert outputs[0].text.strip() == "False C.UTF-8 /tmp"


def test_the_environment_holds_what_the_assignment_says(settings: Settings) -> None:
    assignment = dataclasses.replace(settings.assignment, environment={"COURSE_PROFILE": "smoke"})
    outputs = run(
        dataclasses.replace(settings, assignment=assignment), "import os; print(os.environ['COURSE_PROFILE'])"
    )

    assert outputs[0].text.strip() == "smoke"


def test_one_thread_for_torch(settings: Settings) -> None:
    outputs = run(settings, "import torch; print(torch.get_num_threads())")

    assert outputs[0].text.strip() == "1"


def test_when_there_is_no_box_then_the_same_kernel_runs_outside(settings: Settings) -> None:
    outputs = run(
        dataclasses.replace(settings, unsafe_no_box=True), "import os; print(os.getpid() > 2, os.environ['HOME'])"
    )

    assert outputs[0].text.startswith("True ")


@pytest.mark.parametrize("warm", [True, False])
def test_when_a_box_does_not_start_then_it_says_why(settings: Settings, warm: bool) -> None:
    """A scratch folder of less than nothing cannot be mounted."""
    limits = dataclasses.replace(settings.limits, scratch_bytes=-5)
    with contextlib.ExitStack() as stack:
        template = stack.enter_context(contextlib.closing(Template(settings))) if warm else None
        with pytest.raises(BoxUnavailable, match="mount /tmp: Invalid argument" if warm else "bwrap: .*size"):
            printed_in_a_box("1", dataclasses.replace(settings, limits=limits), template)
