"""Warm boxes: forks of one template, each with the walls of a box of its own and nothing of the one before it."""

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from small_course import settings_for, settings_with_torch

from autograder.box import template as template_module
from autograder.box.box import Box
from autograder.box.processes import children, members
from autograder.box.proof import attack_the_box
from autograder.box.run_once import printed_in_a_box
from autograder.box.stream import HungUp
from autograder.box.template import Template, Templates
from autograder.config import Settings
from autograder.errors import BoxUnavailable, TemplateFailed


@pytest.fixture(name="settings", scope="module", params=["small", pytest.param("with torch", marks=pytest.mark.slow)])
def _settings(request: pytest.FixtureRequest, small_course: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    workspace = tmp_path_factory.mktemp("workspace")
    return settings_for(small_course, workspace) if request.param == "small" else settings_with_torch(workspace)


@pytest.fixture(name="template", scope="module")
def _template(settings: Settings) -> Iterator[Template]:
    template = Template(settings)
    yield template
    template.close()


def test_when_a_warm_box_is_attacked_then_every_property_holds(settings: Settings, template: Template) -> None:
    findings = attack_the_box(settings, template)

    assert len(findings) >= 28
    assert [finding.what for finding in findings if not finding.good] == []


LEAVE = """
import os, fcntl
for path in ('/dev/pts/ptmx', '/dev/ptmx', '/dev/pts', '/dev/null'):
    try:
        os.chmod(path, 0)
    except OSError:
        pass
fcntl.fcntl(0, fcntl.F_SETFL, os.O_APPEND)
import os, socket, subprocess, sys, inside.observe, numpy
open('/tmp/left', 'w').write('x'); open('/dev/shm/left', 'w').write('x')
inside.observe.observe = None; os.environ['LEFT'] = 'x'
if torch := sys.modules.get('torch'):
    torch.ones = sys.modules['course_lib.macs'].exit_macs = None; torch.manual_seed(1234)
held = socket.socket(socket.AF_UNIX); held.bind('\\0left'); held.listen()
subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)
print(numpy.random.rand(), os.urandom(4).hex(), sorted(os.listdir('/tmp')))
"""
LOOK = """
import os, socket, sys, inside.observe, numpy
found = []
for path in ('/tmp/left', '/dev/shm/left'):
    found += [path] if os.path.exists(path) else []
found += ['a module'] if inside.observe.observe is None else []
if torch := sys.modules.get('torch'):
    found += ['a module'] if None in (torch.ones, sys.modules['course_lib.macs'].exit_macs) else []
    found += ['torch seed'] if torch.initial_seed() == 1234 else []
import fcntl, pty
try:
    os.close(pty.openpty()[0])
except OSError:
    found.append('no pty')
found += ['descriptor flags'] if fcntl.fcntl(0, fcntl.F_GETFL) & os.O_APPEND else []
found += ['environment'] if 'LEFT' in os.environ else []
for name in filter(str.isdigit, os.listdir('/proc')):
    try:
        found += ['a process'] if b'time.sleep(600)' in open(f'/proc/{name}/cmdline', 'rb').read() else []
    except OSError:
        pass
try:
    socket.socket(socket.AF_UNIX).connect('\\0left'); found.append('socket')
except OSError:
    pass
print(numpy.random.rand(), found)
"""


def test_a_box_finds_nothing_of_the_one_before_it(settings: Settings, template: Template) -> None:
    left = printed_in_a_box(LEAVE, settings, template).split(maxsplit=1)
    number, found = printed_in_a_box(LOOK, settings, template).split(maxsplit=1)

    assert "'left'" in left[1]
    assert found.strip() == "[]"
    assert number != left[0], "each box has random numbers of its own"


@pytest.mark.slow
def test_boxes_of_two_templates_do_not_see_each_other(settings: Settings, template: Template) -> None:
    seen: list[str] = []
    code = "import os, time; time.sleep(2); print([name for name in os.listdir('/proc') if name.isdigit()])"
    with_another = Template(settings)
    try:
        workers = [
            threading.Thread(target=lambda one=one: seen.append(printed_in_a_box(code, settings, one)))
            for one in (template, with_another)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    finally:
        with_another.close()

    assert [len(text.split(",")) for text in seen] == [3, 3], seen  # each its own three


def test_a_fork_inherits_no_descriptor_of_the_template(settings: Settings, template: Template) -> None:
    """Orders come over the only SEQPACKET socket; complaints go to a pipe of the grader's that only fd 2 names."""
    code = """
import os, socket, stat
found = []
for name in os.listdir('/proc/self/fd'):
    try:
        if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
            kind = socket.socket(fileno=os.dup(int(name))).type
            found += [name] if kind == socket.SOCK_SEQPACKET else []
    except OSError:
        pass
print(found, os.path.realpath('/proc/1/fd/2'), os.listdir('/proc/1/fd'))
"""
    printed = printed_in_a_box(code, settings, template)

    assert printed == "[] /dev/null ['0', '1', '2']\n"


def test_a_box_of_a_template_gets_its_own_limits(settings: Settings, template: Template) -> None:
    small = dataclasses.replace(settings, limits=dataclasses.replace(settings.limits, scratch_bytes=8 << 20))
    code = (
        "import os\nfor folder in ('/tmp', '/dev/shm'):\n    s = os.statvfs(folder)\n    print(s.f_blocks * s.f_frsize)"
    )

    assert printed_in_a_box(code, small, template).split() == [str(8 << 20)] * 2


def test_when_the_box_is_ended_then_nothing_of_it_is_left(settings: Settings, template: Template) -> None:
    with Box(settings, template):
        (process,) = children(template._pid)
        tree = members(process)

    assert len(tree) == 4
    assert not any(map(psutil.pid_exists, tree))
    assert children(template._pid) == []


@pytest.mark.slow
def test_when_the_template_dies_then_all_its_boxes_die(settings: Settings) -> None:
    with contextlib.closing(Template(settings)) as template, Box(settings, template) as box:
        os.kill(template._pid, signal.SIGKILL)
        with pytest.raises(HungUp):
            box.receive(5)


@pytest.mark.slow
def test_when_a_template_does_not_answer_then_it_is_said_and_the_next_one_is_new(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(template_module, "FORK_S", 1)
    templates = Templates(settings)
    with templates.borrow() as first:
        os.kill(first._pid, signal.SIGSTOP)
    with pytest.raises(TemplateFailed, match="did not make a new one"), templates.borrow() as again:
        assert again is first
        again.fork([0])
    assert not first._box.is_running()

    with templates.borrow() as second:
        assert printed_in_a_box("print(1)", settings, second) == "1\n"
    templates.close()
    assert not second._box.is_running()


def test_when_nested_namespaces_are_refused_then_the_reason_is_told(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = template_module.enclose_template
    sealed = ["--disable-userns", "--uid", "1000", "--gid", "1000"]

    def without_nesting(command: list[str], settings: Settings) -> list[str]:
        words = real(command, settings)
        first = words.index("--uid")
        return words[:first] + sealed + words[first + 4 :]

    monkeypatch.setattr(template_module, "enclose_template", without_nesting)

    with pytest.raises(BoxUnavailable, match=r"No template of warm boxes can be had here \(.*(Error|unshare)"):
        Template(settings)


def test_when_a_module_leaves_a_thread_then_the_template_refuses(settings: Settings) -> None:
    inside = Path(template_module.__file__).parent.parent
    code = (
        "import sys, threading, time; from inside import template; template._uncover_proc = lambda: None; "
        "template.ns.unshare = lambda *a, **k: None; template.ns.give_up_privileges = lambda: None; "
        "template.preload = lambda **_: threading.Thread(target=time.sleep, args=(60,), daemon=True).start(); "
        "import socket; a, b = socket.socketpair(); sys.argv = ['', str(a.fileno()), '{}']; template.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=inside, capture_output=True, text=True, timeout=60)

    assert "left a thread behind" in done.stderr


@pytest.mark.slow
def test_the_templates_own_processes_are_gone_when_it_is_closed(settings: Settings) -> None:
    template = Template(settings)
    tree = [psutil.Process(pid) for pid in members(template._box.pid)]
    template.close()

    assert len(tree) == 3
    # A zombie waits for the machine's process 1 to take note of its end.
    assert [one for one in tree if one.is_running() and one.status() != psutil.STATUS_ZOMBIE] == []


@pytest.mark.slow
def test_when_the_thread_that_made_a_template_is_gone_then_nobody_is_given_it(settings: Settings) -> None:
    templates = Templates(settings)

    def make() -> None:
        with templates.borrow():
            pass

    worker = threading.Thread(target=make)
    worker.start()
    worker.join()
    with templates.borrow() as template:
        assert printed_in_a_box("print(1)", settings, template) == "1\n"
    templates.close()


@pytest.mark.slow
def test_those_begun_ahead_are_given_out_but_not_the_dead(settings: Settings) -> None:
    templates = Templates(settings)
    templates.prestart(2)
    with templates.borrow() as template:
        assert printed_in_a_box("print(1)", settings, template) == "1\n"
        (other,) = [one for one in templates._all if one is not template]
        while not hasattr(other, "_pid"):  # it is not ready yet
            time.sleep(0.01)
        other.close()
        with templates.borrow() as third:  # one that died while nobody used it is no reason for cold boxes
            assert third is not other
            assert printed_in_a_box("print(1)", settings, third) == "1\n"
    templates.close()

    assert len(templates._all) == 3
    assert not any(template.alive() for template in templates._all)


@pytest.mark.slow
def test_when_closed_then_those_under_way_are_not_waited_for(settings: Settings) -> None:
    templates = Templates(settings)
    templates.prestart(1)
    while not templates._all:
        time.sleep(0.01)
    begin = time.monotonic()
    templates.close()
    templates._makers.shutdown(wait=True)  # as the interpreter does at its end

    assert time.monotonic() - begin < 2  # importing torch takes longer
    assert not templates._all[0].alive()


@pytest.mark.slow
def test_when_the_python_environment_lies_below_tmp_then_a_warm_box_sees_it(
    small_course: Path, tmp_path: Path, below_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "base_prefix", str(below_tmp))
    settings = settings_for(small_course, tmp_path)
    mark = str(below_tmp / "mark")
    code = (
        f"import os; print(open({mark!r}).read(), os.access({mark!r}, os.W_OK), "
        f"{below_tmp.name!r} in os.listdir('/tmp'))"
    )
    with contextlib.closing(Template(settings)) as template:
        assert printed_in_a_box(code, settings, template) == "here False True\n"
