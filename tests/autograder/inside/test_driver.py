"""What the driver in a box makes of what its kernel sends, on a real kernel; and what it relies on in nbclient."""

import inspect
import time
from collections.abc import Iterator
from typing import Any

import nbclient
import psutil
import pytest
from small_course import settings_for

from autograder.box.box import Box
from autograder.box.processes import members
from autograder.box.stream import Done, Flooded
from autograder.config import MIB
from autograder.inside.driver import CountingClient
from autograder.inside.names import EVIDENCE
from autograder.inside.wire import weight

# From Python 3.12 on, a kernel that forks is warned of its threads.
QUIET = "import os, warnings; warnings.simplefilter('ignore', DeprecationWarning)"


def test_text_counts_however_deep_it_lies() -> None:
    content: object = {"data": "x" * 1000}
    for _ in range(5000):
        content = [content]

    assert weight(content) == 1004
    assert weight([{"ab": [1, None]}, True, "c"]) == 2 + 8 + 8 + 8 + 1


@pytest.fixture(name="box", scope="module")
def _box(small_course: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with Box(settings_for(small_course, tmp_path_factory.mktemp("ws"))) as box:
        yield box


def run(box: Box, code: str, at: int = 0, *, silent: bool = False, hidden: bool = False) -> Done:
    box.send({"at": at, "source": code, "silent": silent, "hidden": hidden}, 20)
    done = box.receive(20)
    assert isinstance(done, Done)
    return done


def text(output: dict[str, Any]) -> str:
    return output["text"] if output["output_type"] == "stream" else output["data"]["text/plain"]


@pytest.mark.parametrize(
    ("code", "shows"),
    [
        ("print('a'); print('b')", ["a\nb\n"]),
        ("import sys\nfor to in (sys.stdout, sys.stderr) * 2: print('a', file=to, flush=True)", ["a\n"] * 4),
        ("from IPython.display import clear_output\nprint('a'); clear_output(); print('b')", ["b\n"]),
        ("print('a'); clear_output(wait=True); print('b')", ["b\n"]),
        ("await __import__('asyncio').sleep(0.01, 3)", ["3"]),
        (f"{QUIET}\nif os.fork() == 0:\n    print('child', flush=True); os._exit(0)\nos.wait(); None", ["child\n"]),
        ("import subprocess; print(subprocess.check_output(['echo', 'sub']).decode(), end='')", ["sub\n"]),
        ("!echo shell", ["shell\r\n"]),
        ("display(1); display(2); 3", ["1", "2", "3"]),
        ("h = display('x', display_id=True); h.update('y')", ["'y'"]),
        ("", []),
        ("# nothing", []),
    ],
)
def test_outputs_are_those_of_a_notebook(box: Box, code: str, shows: list[str]) -> None:
    done = run(box, code)

    assert [text(output) for output in done.outputs[0]] == shows
    assert done.error == ""


def test_an_update_of_a_display_id_changes_the_earlier_cell(box: Box) -> None:
    first = run(box, "handle = display('early', display_id=True)", 1)
    later = run(box, "handle.update('late'); print('here')", 2)

    hidden = run(box, "1", 3, hidden=True)
    again = run(box, "1", 3, hidden=True)

    found = [{at: [text(one) for one in outputs] for at, outputs in done.outputs.items()} for done in
             (first, later, hidden, again)]  # fmt: skip
    assert found == [{1: ["'early'"]}, {2: ["here\n"]}, {1: ["'late'"]}, {}]


def test_an_error_is_told_and_shown(box: Box) -> None:
    done = run(box, "1 / 0")

    assert done.error == "ZeroDivisionError: division by zero"
    assert done.outputs[0][0]["ename"] == "ZeroDivisionError"
    assert all(isinstance(line, str) for line in done.outputs[0][0]["traceback"])


def test_when_input_is_asked_for_then_the_cell_raises(box: Box) -> None:
    assert run(box, "input('?')").error.startswith("StdinNotImplementedError")


def test_lines_of_a_text_are_one_text(box: Box) -> None:
    shows = "display({'text/plain': ['a\\n', 'b'], 'text/latex': []}, raw=True)"

    assert run(box, shows).outputs[0][0]["data"] == {"text/plain": "a\nb"}


def test_a_cell_that_prints_without_end_can_be_interrupted(box: Box) -> None:
    box.send({"at": 5, "source": "while True: print(1, flush=True)", "silent": False, "hidden": False}, 5)
    with pytest.raises(TimeoutError):
        box.receive(1)
    box.interrupt()

    done = box.receive(10)
    assert isinstance(done, Done)
    assert done.error == "KeyboardInterrupt: "


def test_nothing_but_text_comes_out(box: Box) -> None:
    done = run(box, "display({'text/plain': 'a', 'application/json': {'deep': [[[]]]}}, raw=True)")

    assert done.outputs[0] == [{"output_type": "display_data", "data": {"text/plain": "a"}}]


@pytest.mark.parametrize(
    ("code", "evidence"),
    [
        (f"get_ipython().display_pub.publish({{{EVIDENCE!r}: 'one'}})", "one"),
        (f"for _ in range(2): get_ipython().display_pub.publish({{{EVIDENCE!r}: 'one'}})", None),
        (f"get_ipython().display_pub.publish({{{EVIDENCE!r}: 3}})", None),
        ("print('nothing')", None),
    ],
)
def test_a_hidden_call_gives_one_piece_of_evidence_or_none(box: Box, code: str, evidence: str | None) -> None:
    assert run(box, code, 9, hidden=True) == Done({}, "", evidence)


def test_a_cell_that_shows_evidence_shows_nothing(box: Box) -> None:
    assert run(box, f"get_ipython().display_pub.publish({{{EVIDENCE!r}: 'one'}})") == Done({0: []}, "", None)


def test_many_small_outputs_are_cut_and_printed_pieces_are_joined(box: Box) -> None:
    done = run(box, "for i in range(1200): display(1)\nfor i in range(1200): print(1, flush=True)", 3)

    assert len(done.outputs[3]) == 1000
    assert text(run(box, "for i in range(1200): print(1, flush=True)", 3).outputs[3][0]) == "1\n" * 1200


@pytest.mark.slow
def test_nothing_is_dropped_while_the_driver_falls_behind(box: Box) -> None:
    driver = psutil.Process(members(box._process.pid)[-1])
    box.send({"at": 5, "source": "for i in range(4000): display(1)", "silent": False, "hidden": False}, 5)
    driver.suspend()
    time.sleep(4)
    driver.resume()

    assert isinstance(box.receive(60), Done)


def test_when_the_kernel_sends_what_is_no_message_then_the_rest_still_comes(box: Box) -> None:
    code = """
k = get_ipython().kernel
for kind, content in {"display_data": {"data": 3}, "clear_output": {}, "stream": {}, "comm_open": {}, "x": {}}.items():
    k.session.send(k.iopub_socket, kind, content, parent=k.get_parent(), ident=b"")
print("on")
"""
    assert text(run(box, code, 4).outputs[4][-1]) == "on\n"


@pytest.mark.slow
def test_a_flood_is_told_once_and_what_comes_after_it_is_dropped(small_course: Any, tmp_path: Any) -> None:
    with Box(settings_for(small_course, tmp_path, output_bytes=MIB)) as box:
        box.send({"at": 0, "source": "print('x' * (2 << 20))\nprint('y')", "silent": False, "hidden": False}, 5)

        assert box.receive(20) == Flooded()
        done = box.receive(20)
        assert isinstance(done, Done) and done.outputs[0] == []
        assert run(box, "print('z'); a = 1", 1) == Done({1: []}, "", None)
        assert run(box, "print(a); 1 / 0", 2).error.startswith("ZeroDivisionError")


@pytest.mark.slow
def test_when_an_answer_is_longer_than_a_message_then_it_comes_without_outputs(
    small_course: Any, tmp_path: Any
) -> None:
    """JSON takes six characters for each of these."""
    with Box(settings_for(small_course, tmp_path, output_bytes=MIB, evidence_bytes=MIB)) as box:
        box.send({"at": 0, "source": "print('\\x01' * 1_000_000)", "silent": False, "hidden": False}, 5)

        assert box.receive(20) == Flooded()
        assert box.receive(20) == Done({}, "", None)


def test_what_the_driver_relies_on_in_nbclient_is_there() -> None:
    assert "self.process_message(msg, cell, cell_index)" in inspect.getsource(nbclient.NotebookClient)
    assert "self._display_id_map.setdefault(display_id, {})" in inspect.getsource(nbclient.NotebookClient.output)
    assert "self.kc.execute(" in inspect.getsource(nbclient.NotebookClient.async_execute_cell)
    assert issubclass(CountingClient, nbclient.NotebookClient)
