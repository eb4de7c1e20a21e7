"""The kernel in the box, driven as nbclient drives it."""

import asyncio
import contextlib
import dataclasses
import json
import os
import resource
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
import zmq
from jupyter_client.channels import HBChannel
from nbclient import NotebookClient
from small_course import settings_for

from autograder.box import kernel
from autograder.box.kernel import BoxedKernelManager
from autograder.box.maxima import OPEN_FILES
from autograder.box.proof import printed_in_a_box
from autograder.box.template import Template
from autograder.config import MIB, Limits, Settings
from autograder.errors import BoxUnavailable


def run(settings: Settings, code: str, then: Callable[[BoxedKernelManager], Any] = lambda manager: None) -> Any:
    """Outputs of one cell in a new box."""

    async def session() -> Any:
        manager = BoxedKernelManager(settings)
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
        client = NotebookClient(notebook, km=manager, allow_errors=True)
        await manager.start_kernel()
        try:
            await client.async_start_new_kernel_client()
            cell = await client.async_execute_cell(notebook.cells[0], 0)
            then(manager)
            client.kc.stop_channels()
        finally:
            await manager.end()
        return cell.outputs

    return asyncio.run(session())


@pytest.fixture(name="settings")
def _settings(small_course: Path, tmp_path: Path) -> Settings:
    return settings_for(small_course, tmp_path)


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


def test_when_the_folder_for_temporary_files_has_a_long_name_then_the_sockets_lie_in_tmp(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The path of a unix socket ends at 107 bytes."""
    long = tmp_path / ("é" * 50)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    folders: list[Path] = []
    outputs = run(settings, "print(1)", then=lambda manager: folders.append(manager.provisioner.folder))

    assert outputs[0].text == "1\n"
    assert folders[0].parent == Path("/tmp")


def test_when_no_folder_has_a_short_name_then_the_error_says_what_to_do(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("é" * 50)
    long.mkdir()
    monkeypatch.setattr(kernel, "_places", lambda: [long])

    with pytest.raises(BoxUnavailable, match=r"expected .* of at most \d+ bytes; found .*é\. Set TMPDIR"):
        run(settings, "1")


def test_every_socket_of_ours_bounds_what_the_box_can_send(settings: Settings) -> None:
    manager = BoxedKernelManager(settings)
    client = manager.client()

    assert client.context is manager.context
    with client.context.socket(zmq.DEALER) as socket:
        assert socket.getsockopt(zmq.MAXMSGSIZE) == max(kernel.message_bytes(settings.limits).values())
        assert socket.getsockopt(zmq.RCVHWM) < 10
    asyncio.run(manager.end())


def test_what_a_box_may_send_follows_from_the_limits() -> None:
    limits = Limits(output_bytes=20 * MIB, evidence_bytes=100 * MIB)
    one, every = kernel.message_bytes(limits), kernel.all_bytes(limits)

    assert one == {1: 8 * MIB, 2: 45 * MIB, 3: 8 * MIB, 4: 8 * MIB, 5: 8 * MIB}
    assert every == 4 * (8 + 6 * 20 + 100) * MIB
    assert max(kernel.message_bytes(Limits()).values()) == 24 * MIB


def test_brackets_that_are_printed_are_text_and_count_as_such() -> None:
    printed = {"name": "stdout", "text": '"\\' + "[{" * (kernel.MAX_CONTAINERS + 1)}

    assert kernel._unpack(json.dumps(printed)) == printed


@pytest.mark.parametrize(
    "message",
    [
        "[" + "[], " * kernel.MAX_CONTAINERS + "1]",
        '["' + "[" * kernel.MAX_CONTAINERS + '", ' + "{}," * kernel.MAX_CONTAINERS + "1]",
        "[" * 100_000 + "]" * 100_000,
    ],
    ids=["many", "many beside text", "deep"],
)
def test_when_a_message_holds_more_lists_than_any_output_then_it_is_not_read(message: str) -> None:
    with pytest.raises(kernel.TooManyContainers, match="lists and objects"):
        kernel._unpack(message)


@pytest.mark.parametrize("text", ['"' + "\\" * (4 << 20), '"' + '\\"' * (4 << 20), '"[' * (4 << 20), "[" * (8 << 20)])
def test_a_message_that_is_no_json_is_refused_in_a_moment(text: str) -> None:
    begin = time.monotonic()
    with pytest.raises(ValueError, match=r"."):
        kernel._unpack(text)

    assert time.monotonic() - begin < 5


def test_the_signing_key_stands_on_no_command_line(settings: Settings) -> None:
    seen: list[str] = []

    def look(manager: BoxedKernelManager) -> None:
        lines = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in filter(str.isdigit, os.listdir("/proc"))]
        seen.extend(line.decode(errors="replace") for line in lines if manager.session.key in line)

    run(settings, "1", then=look)

    assert seen == []


def test_the_environment_holds_only_what_the_box_sets(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    outputs = run(settings, "import os; print('SECRET_TOKEN' in os.environ, os.environ['COURSE_PROFILE'], os.getcwd())")

    assert outputs[0].text.strip() == "False smoke /tmp"


def test_limits_cannot_be_raised_from_inside(settings: Settings) -> None:
    code = (
        "import resource\nfor name in ('RLIMIT_CORE', 'RLIMIT_FSIZE', 'RLIMIT_CPU'):\n"
        "    kind = getattr(resource, name)\n    soft, hard = resource.getrlimit(kind)\n    assert hard > -1\n"
        "    try:\n        resource.setrlimit(kind, (hard + 1, hard + 1))\n        print(name, 'raised')\n"
        "    except (ValueError, OSError):\n        print(name, 'held')"
    )
    outputs = run(settings, code)

    assert outputs[0].text.split("\n")[:3] == ["RLIMIT_CORE held", "RLIMIT_FSIZE held", "RLIMIT_CPU held"]


def test_seconds_of_processor_follow_from_the_limits_of_time(settings: Settings) -> None:
    limits = dataclasses.replace(settings.limits, wall_s=100, call_s=10, calls_s=50)
    bounds = kernel.rlimits(dataclasses.replace(settings, limits=limits))

    assert 150 * (os.cpu_count() or 1) < bounds["RLIMIT_CPU"] < 160 * (os.cpu_count() or 1) + 100


def test_one_thread_for_torch(settings: Settings) -> None:
    outputs = run(settings, "import torch; print(torch.get_num_threads())")

    assert outputs[0].text.strip() == "1"


def test_when_there_is_no_box_then_the_same_kernel_runs_outside(settings: Settings) -> None:
    outputs = run(
        dataclasses.replace(settings, unsafe_no_box=True), "import os; print(os.getpid() > 2, os.environ['HOME'])"
    )

    assert outputs[0].text.startswith("True ")


def test_when_the_kernel_dies_before_it_is_ready_then_waiting_ends(settings: Settings) -> None:
    async def session() -> None:
        manager = BoxedKernelManager(settings)
        await manager.start_kernel()
        client = manager.client()
        client.start_channels()
        try:
            await manager.provisioner.kill()
            await client.wait_for_ready()
        finally:
            client.stop_channels()
            await manager.end()

    with pytest.raises(RuntimeError, match="Kernel died before it was ready"):
        asyncio.run(session())


def test_no_thread_opens_sockets_beside_ours(settings: Settings) -> None:
    """jupyter_client's heartbeat opens one each second where nobody answers. libzmq ends its context when the last one
    is closed: one opened in that moment was closed by nobody, and a box that did not start was waited for for ever."""
    beating: list[threading.Thread] = []
    run(settings, "1", then=lambda _: beating.extend(t for t in threading.enumerate() if isinstance(t, HBChannel)))

    assert beating == []


@pytest.mark.parametrize("warm", [True, False])
def test_when_a_box_does_not_start_then_it_says_why(settings: Settings, warm: bool) -> None:
    """A scratch folder of less than nothing cannot be mounted."""
    limits = dataclasses.replace(settings.limits, scratch_bytes=-5)
    with contextlib.ExitStack() as stack:
        template = stack.enter_context(contextlib.closing(Template(settings))) if warm else None
        with pytest.raises(BoxUnavailable, match="mount /tmp: Invalid argument" if warm else "bwrap: .*size"):
            printed_in_a_box("1", dataclasses.replace(settings, limits=limits), template)


def test_what_a_box_is_started_with_is_bounded_and_cannot_be_raised(settings: Settings) -> None:
    code = """
import resource
names = ("CORE", "NOFILE", "MEMLOCK", "MSGQUEUE", "SIGPENDING", "RTPRIO", "NICE")
print([resource.getrlimit(getattr(resource, f"RLIMIT_{name}")) for name in names])
print(open("/proc/self/oom_score_adj").read())
print(open("/proc/1/oom_score_adj").read())
"""
    outputs = run(settings, code)

    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    core = 1 if hard == resource.RLIM_INFINITY else min(1, hard)
    bounds = [core, 512, 0, 0, 1024, 0, 0]
    assert outputs[0].text.split("\n")[0] == str([(bound, bound) for bound in bounds])
    assert outputs[0].text.split()[-2:] == ["1000", "1000"]


def test_the_grader_may_have_more_descriptors_than_boxes_keep_in_flight(settings: Settings) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, hard), hard))
    try:
        run(settings, "1")
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 2 * OPEN_FILES or hard <= 2 * OPEN_FILES
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
