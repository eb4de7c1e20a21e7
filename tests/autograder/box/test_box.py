"""How a box is started, interrupted and ended: its environment, its order, and what it says if it does not start."""

import contextlib
import dataclasses
import os
import re
import signal
import time
from typing import Any

import psutil
import pytest
from one_cell import run

from autograder.box.box import Box
from autograder.box.kill import kill_tree
from autograder.box.processes import members
from autograder.box.run_once import printed_in_a_box
from autograder.box.stream import Done, HungUp
from autograder.box.template import Template
from autograder.config import Settings
from autograder.errors import BoxUnavailable


def test_the_environment_holds_only_what_the_box_sets_and_what_the_assignment_says(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    assignment = dataclasses.replace(settings.assignment, environment={"COURSE_PROFILE": "smoke"})
    looks = (
        "import os; print('SECRET_TOKEN' in os.environ, os.environ['LANG'], os.getcwd(), os.environ['COURSE_PROFILE'])"
    )
    outputs = run(dataclasses.replace(settings, assignment=assignment), looks)

    assert outputs[0]["text"].strip() == "False C.UTF-8 /tmp smoke"


@pytest.mark.slow  # it imports torch
def test_one_thread_for_torch(settings: Settings) -> None:
    outputs = run(settings, "import torch; print(torch.get_num_threads())")

    assert outputs[0]["text"].strip() == "1"


def test_when_there_is_no_box_then_the_same_kernel_runs_outside(settings: Settings) -> None:
    outputs = run(
        dataclasses.replace(settings, unsafe_no_box=True), "import os; print(os.getpid() > 2, os.environ['HOME'])"
    )

    assert outputs[0]["text"].startswith("True ")


@pytest.mark.parametrize("warm", [True, False])
def test_when_a_box_does_not_start_then_it_says_why(settings: Settings, warm: bool) -> None:
    """A scratch folder of less than nothing cannot be mounted."""
    limits = dataclasses.replace(settings.limits, scratch_bytes=-5)
    with contextlib.ExitStack() as stack:
        template = stack.enter_context(contextlib.closing(Template(settings))) if warm else None
        with pytest.raises(BoxUnavailable, match="mount /tmp: Invalid argument" if warm else "bwrap: .*size"):
            printed_in_a_box("1", dataclasses.replace(settings, limits=limits), template)


@pytest.mark.slow
@pytest.mark.parametrize("ends", ["kernel", "driver"])
def test_when_a_process_of_the_box_ends_then_all_of_it_does(settings: Settings, ends: str) -> None:
    with Box(settings) as box:
        tree = members(box._process.pid)
        os.kill(tree[-2 if ends == "kernel" else -1], signal.SIGKILL)
        with pytest.raises(HungUp):
            box.receive(5)
        psutil.wait_procs([psutil.Process(pid) for pid in tree[1:] if psutil.pid_exists(pid)], timeout=5)

        assert members(box._process.pid) in ([], [box._process.pid])


@pytest.mark.slow
def test_no_secret_stands_on_a_command_line(settings: Settings) -> None:
    with Box(settings) as box:
        words = [word for pid in members(box._process.pid) for word in psutil.Process(pid).cmdline()]

    assert not [word for word in words if re.fullmatch("[0-9a-f]{64}", word)]


def test_when_a_box_ends_as_soon_as_it_is_ready_then_it_counts_as_not_started(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive = Box.receive

    def receive_and_end(box: Box, seconds: float) -> Any:
        said = receive(box, seconds)
        kill_tree(box._process, box._group)
        return said

    monkeypatch.setattr(Box, "receive", receive_and_end)

    with pytest.raises(BoxUnavailable, match="ended as soon as its kernel was ready"):
        Box(settings)


def wait_for(program: str, box: Box) -> None:
    end = time.monotonic() + 10
    while program not in [psutil.Process(pid).name() for pid in members(box._process.pid)]:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_an_interrupt_reaches_what_the_notebook_started(settings: Settings) -> None:
    with Box(settings) as box:
        box.send(
            {"at": 0, "source": "import os\nos.system('sleep 60')\nprint('on')", "silent": False, "hidden": False}, 5
        )
        wait_for("sleep", box)
        box.interrupt()

        assert isinstance(box.receive(5), Done)
