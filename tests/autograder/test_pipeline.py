"""One submission on its way: every verdict, reached by a real notebook in a real box."""

import dataclasses
import json
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import psutil
import pytest
from small_course import MIB, graded_class, make_course, prepared_with, right_answers, settings_for, submission
from small_course import cell as small_course_cell

from autograder import pipeline, workspace
from autograder.assignments.assignment import Assignment
from autograder.box.cgroup import make_group
from autograder.course import Course, Graded
from autograder.errors import GraderError, UsageError
from autograder.grading import grade_one
from autograder.inside.names import EVIDENCE
from autograder.intake.find import Found
from autograder.pipeline import Watcher
from autograder.records.results_json import load_results
from autograder.release import release_text
from autograder.results import Verdict
from autograder.workspace import basis_of, open_class

Grader = Callable[..., Graded]
RATIO = right_answers()["mac_ratio"]


def scores(graded: Graded) -> dict[str, float]:
    return {task.task: task.score for task in graded.grade.tasks}


def put_checks(monkeypatch: pytest.MonkeyPatch, folder: Path, body: str) -> None:
    """One check with this body for each task, in place of the real ones."""
    folder.mkdir()
    for task in right_answers():
        (folder / f"check_{task}.py").write_text(
            "from autograder.judge.check import Failure, worth\n\n\n"
            f"@worth(1)\ndef check_it(student, key):\n    {body}\n"
        )
    monkeypatch.setattr(Assignment, "checks", folder)


def test_when_everything_is_right_then_full_marks_and_ok(graded: Grader) -> None:
    result = graded()

    assert result.grade.verdict == Verdict.OK
    assert scores(result) == {"mac_ratio": 1.0, "choose_tolerance": 3.0}
    assert result.grade.notes == ()


def test_when_another_release_is_handed_in_then_full_marks_and_no_note(graded: Grader, tmp_path: Path) -> None:
    older = settings_for(make_course(tmp_path / "older", "from math import gone\nroot = gone(4)"), tmp_path / "ws")
    result = graded(submission(json.loads(release_text(older))))

    assert (result.grade.verdict, result.grade.message, result.grade.notes) == (Verdict.OK, "", ())
    assert scores(result) == {"mac_ratio": 1.0, "choose_tolerance": 3.0}
    assert result.grade.other_release == ("setup",)


@pytest.mark.slow
def test_when_the_release_is_handed_in_untouched_then_no_points(graded: Grader, prepared: Course) -> None:
    result = graded(json.dumps(prepared.released).encode())

    assert result.grade.score == 0.0
    assert all(check.passed is not True or check.share == 0 for task in result.grade.tasks for check in task.checks)


def test_when_one_task_is_wrong_then_only_its_points_are_lost(graded: Grader) -> None:
    result = graded(mac_ratio="def mac_ratio(a, b):\n    return b / a")

    assert result.grade.verdict == Verdict.OK
    assert scores(result) == {"mac_ratio": 0.0, "choose_tolerance": 3.0}
    (check,) = result.grade.tasks[0].checks
    assert "found " in check.message
    assert check.hint


@pytest.mark.slow
def test_when_the_answer_is_nan_then_it_is_wrong(graded: Grader) -> None:
    assert scores(graded(mac_ratio="def mac_ratio(a, b):\n    return float('nan')"))["mac_ratio"] == 0.0


@pytest.mark.slow
def test_when_an_object_claims_to_equal_everything_then_it_is_wrong(graded: Grader) -> None:
    always = "class A(float):\n    __eq__ = __le__ = __ge__ = lambda s, o: True\n    __sub__ = lambda s, o: 0.0\n"
    assert scores(graded(mac_ratio=always + "def mac_ratio(a, b):\n    return A(7.0)"))["mac_ratio"] == 0.0


@pytest.mark.slow
def test_when_a_solution_cell_raises_then_only_its_task_is_lost(graded: Grader) -> None:
    result = graded(mac_ratio="raise ValueError('half done')")

    assert result.grade.verdict == Verdict.PARTIAL_RUN
    assert "mac_ratio" in result.grade.message
    assert scores(result) == {"mac_ratio": 0.0, "choose_tolerance": 3.0}


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        (RATIO.replace(":", "", 1), "There is no function mac_ratio, because its cell raised SyntaxError in line 1, "),
        (
            "def macratio(a, b):\n    return a / b",
            "When the notebook has run, there is no function mac_ratio. Is it still called that?",
        ),
    ],
)
def test_when_the_function_is_not_there_then_why_is_said(graded: Grader, cell: str, why: str) -> None:
    (check,) = graded(mac_ratio=cell).grade.tasks[0].checks

    assert check.message.startswith(why)
    assert check.hint == "Does the cell run on its own?"


@pytest.mark.slow
def test_when_right_code_warns_and_prints_to_stderr_then_it_costs_nothing(graded: Grader) -> None:
    noise = "import sys, warnings\nwarnings.warn('careful')\nprint('debug', file=sys.stderr)\n"
    result = graded(mac_ratio=noise + RATIO.replace("    return", "    warnings.warn('again')\n    return"))

    assert result.grade.verdict == Verdict.OK
    assert result.grade.score == 4.0


def test_when_a_cell_draws_then_the_picture_is_shown_and_the_figure_closed(graded: Grader) -> None:
    """As in the student's own kernel, also where matplotlib was imported before the box was forked."""
    draws = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\n" + right_answers()["mac_ratio"]
    looks = "print(plt.get_fignums())\n" + right_answers()["choose_tolerance"]
    outcome = graded(mac_ratio=draws, choose_tolerance=looks)
    shown = [output for outputs in outcome.observed.run.outputs for output in outputs]

    assert [list(output["data"]) for output in shown if output["output_type"] == "display_data"] == [
        ["text/plain", "image/png"]
    ]
    assert "[]\n" in [output["text"] for output in shown if output["output_type"] == "stream"]


@pytest.mark.slow
def test_when_a_notebook_asks_for_svg_then_its_figures_are_png(graded: Grader) -> None:
    draws = """import matplotlib.pyplot as plt
%config InlineBackend.figure_format = 'svg'
plt.plot([1, 2]); plt.show()
%config InlineBackend.figure_formats = {'svg', 'pdf'}
plt.plot([1, 2]); plt.show()
from matplotlib_inline.backend_inline import set_matplotlib_formats
set_matplotlib_formats('svg')
plt.plot([1, 2]); plt.show()
"""
    outcome = graded(mac_ratio=draws + right_answers()["mac_ratio"])
    shown = [output for outputs in outcome.observed.run.outputs for output in outputs]

    figures = [output["data"] for output in shown if output["output_type"] == "display_data"]
    assert ["image/png" in figure for figure in figures] == [True] * 3
    assert "left out" not in str(shown)


@pytest.mark.slow  # it imports torch
def test_when_children_of_the_kernel_print_then_it_is_shown_and_nobody_waits(graded: Grader) -> None:
    """ipykernel's children send their output over TCP, which a box has not."""
    answer = """
import functools, logging, multiprocessing, sys, time
from torch.utils.data import DataLoader
logging.basicConfig(stream=sys.stderr)
kept = sys.stdout
class Data:
    def __len__(self): return 4
    def __getitem__(self, index):
        print("loading", index, flush=True); print("kept", file=kept, flush=True); logging.warning("warned")
        return index
begin = time.time()
context = multiprocessing.get_context("fork")
say = functools.partial(print, flush=True)  # or a child that ends at once may take its words along
child = context.Process(target=say, args=("from a child",)); child.start(); child.join()
with context.Pool(2) as pool: pool.map(say, ["from a pool"] * 2)
list(DataLoader(Data(), num_workers=2))
print("took", time.time() - begin < 5)
"""
    result = graded(mac_ratio=answer + RATIO)
    shown = "".join(
        o["text"] for outputs in result.observed.run.outputs for o in outputs if o["output_type"] == "stream"
    )

    assert result.grade.score == 4.0
    assert "took True" in shown
    texts = ("from a child", "from a pool", "loading", "kept", "warned")
    assert [shown.count(text) for text in texts] == [1, 2, 4, 4, 4]


@pytest.mark.slow
def test_when_sockets_pile_up_then_the_box_is_ended_also_without_a_control_group(
    graded: Grader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autograder.box.box.make_group", lambda limits: None)
    attack = """
import os, socket, time
def fill():
    kept = []
    for _ in range(450):
        pair = socket.socketpair(); kept.append(pair); pair[0].setblocking(False)
        try:
            while True: pair[0].send(b"x" * 4096)
        except OSError: pass
    time.sleep(60)
for _ in range(6):
    if os.fork() == 0: fill()
time.sleep(60)
"""
    result = graded(mac_ratio=attack)

    assert result.grade.verdict == Verdict.KERNEL_DIED
    assert "512 sockets" in result.grade.message


@pytest.mark.slow
def test_when_the_box_ends_before_any_student_code_then_it_is_our_fault(graded: Grader) -> None:
    outcome = graded(limits={"memory_bytes": 8 * MIB}).grade

    assert outcome.verdict == Verdict.GRADER_ERROR
    assert "did not start" in outcome.message
    assert {check.passed for task in outcome.tasks for check in task.checks} == {None}


def test_when_a_cell_loops_for_ever_then_timeout_and_the_other_tasks_are_judged(graded: Grader) -> None:
    result = graded(mac_ratio=RATIO + "\nwhile True:\n    pass", limits={"wall_s": 2})

    assert result.grade.verdict == Verdict.TIMEOUT
    assert "mac_ratio" in result.grade.message
    assert scores(result)["choose_tolerance"] == 3.0


@pytest.mark.slow
def test_when_only_a_hidden_call_loops_then_timeout_and_that_task_is_lost(graded: Grader) -> None:
    loop = "def choose_tolerance(sweep, target):\n    while len(sweep) > 1:\n        pass\n    return 0.1"
    result = graded(choose_tolerance=loop, limits={"call_s": 3})

    assert result.grade.verdict == Verdict.TIMEOUT
    assert scores(result) == {"mac_ratio": 1.0, "choose_tolerance": 0.0}
    assert "more than 3 s" in result.grade.tasks[1].checks[0].message


@pytest.mark.slow
def test_when_the_hidden_calls_take_too_long_together_then_timeout_and_what_was_not_called_is_lost(
    graded: Grader,
) -> None:
    sleeps = right_answers()["choose_tolerance"].replace("    good", "    import time\n    time.sleep(1.5)\n    good")
    result = graded(choose_tolerance=sleeps, limits={"call_s": 8, "calls_s": 2.5})

    assert result.grade.verdict == Verdict.TIMEOUT
    assert result.grade.message == (
        "The hidden calls took more than 2.5 s together. These tasks were not called to the end: choose_tolerance."
    )
    assert scores(result) == {"mac_ratio": 1.0, "choose_tolerance": 0.0}
    assert "more than 8 s, or all of them more than 2.5 s" in result.grade.tasks[1].checks[0].message
    assert result.grade.wall_s < 15


def test_when_the_solutions_take_too_long_on_hidden_inputs_then_it_is_no_students_fault(
    small_course: Path, tmp_path: Path
) -> None:
    settings = settings_for(small_course, tmp_path, calls_s=0.001)

    with pytest.raises(GraderError, match=r"does not run cleanly in the box \(TIMEOUT\): The hidden calls took more"):
        prepared_with(dataclasses.replace(settings, cold=True), 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("then", "verdict"), [("pass", Verdict.TIMEOUT), ("print('x' * 10**5), sleep(0.01)", Verdict.OUTPUT_LIMIT)]
)
def test_when_a_loop_ignores_the_interrupt_then_the_box_is_killed(
    graded: Grader, caplog: pytest.LogCaptureFixture, then: str, verdict: Verdict
) -> None:
    stubborn = "import signal\nfrom time import sleep\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True:\n    "
    result = graded(mac_ratio=stubborn + then, limits={"wall_s": 2})

    assert result.grade.verdict == verdict
    assert scores(result) == {"mac_ratio": 0.0, "choose_tolerance": 3.0}
    assert caplog.messages == []  # asyncio reports there what nobody awaited


@pytest.mark.slow
def test_when_the_kernel_exits_then_the_rest_is_judged_and_nothing_is_left(graded: Grader) -> None:
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    result = graded(mac_ratio="import os\nos._exit(0)")

    assert result.grade.verdict == Verdict.PARTIAL_RUN
    assert scores(result) == {"mac_ratio": 0.0, "choose_tolerance": 3.0}
    assert {process.pid for process in psutil.Process().children(recursive=True)} <= before


def test_when_memory_runs_out_then_out_of_memory(graded: Grader) -> None:
    hog = "hold = []\nwhile True:\n    hold.append(b'x' * (32 << 20))"
    result = graded(mac_ratio=hog, limits={"memory_bytes": 400 << 20})

    assert result.grade.verdict == Verdict.OUT_OF_MEMORY
    assert "400 MiB" in result.grade.message


@pytest.mark.slow
def test_when_too_many_processes_are_started_then_the_class_goes_on(graded: Grader, prepared: Course) -> None:
    bomb = "import os, time\nfor _ in range(500):\n    if os.fork() == 0:\n        time.sleep(60)\n        os._exit(0)"
    result = graded(mac_ratio=bomb)

    # fork itself fails where a control group or RLIMIT_NPROC binds; else, for root, the watchdog ends the box.
    group = make_group(prepared.settings.limits)
    bound = os.geteuid() != 0 or group is not None
    if group:
        group.remove()
    assert result.grade.verdict == (Verdict.PARTIAL_RUN if bound else Verdict.KERNEL_DIED)
    assert scores(result)["mac_ratio"] == 0.0


@pytest.mark.slow
def test_when_files_without_content_are_made_without_end_then_the_box_is_ended(graded: Grader) -> None:
    many = "for i in range(10**7):\n    open(f'/tmp/{i}', 'w').close()"
    result = graded(mac_ratio=f"{RATIO}\n{many}")

    assert result.grade.verdict == Verdict.KERNEL_DIED
    assert "more than 8192 files" in result.grade.message


@pytest.mark.slow
def test_when_output_floods_then_output_limit_and_the_other_tasks_are_judged(graded: Grader) -> None:
    result = graded(mac_ratio=RATIO + "\nfor i in range(10**9):\n    print('x' * 1000)")

    assert result.grade.verdict == Verdict.OUTPUT_LIMIT
    assert scores(result)["choose_tolerance"] == 3.0


def test_when_a_long_list_of_lists_is_printed_then_it_costs_nothing(graded: Grader) -> None:
    result = graded(mac_ratio=f"{RATIO}\nprint([[]] * 200_001)")

    assert result.grade.verdict == Verdict.OK
    assert result.grade.score == 4.0


@pytest.mark.slow
def test_when_an_output_is_a_list_of_many_lists_then_it_is_left_out(graded: Grader) -> None:
    shows = "from IPython.display import display\ndisplay({'application/json': [[]] * 60_000}, raw=True)"
    result = graded(mac_ratio=f"{RATIO}\n{shows}")

    assert result.grade.verdict == Verdict.OK
    assert result.grade.score == result.grade.max_score


@pytest.mark.slow
def test_when_one_message_is_put_in_many_places_then_it_counts_as_often(graded: Grader) -> None:
    """Shown once under a name that many small outputs have, a picture would be written as often as these are there."""
    attack = (
        "from IPython.display import display, update_display\n"
        "for _ in range(150):\n    display('x', display_id='one')\n"
        "update_display('y' * 60_000, display_id='one')\n"
    )
    result = graded(mac_ratio=attack + RATIO)

    assert result.grade.verdict == Verdict.OUTPUT_LIMIT
    assert len(json.dumps(result.observed.run.outputs)) < 1 * MIB


def test_when_input_is_asked_for_then_the_cell_raises_and_nothing_hangs(graded: Grader) -> None:
    assert graded(mac_ratio=RATIO + "\ninput('?')").grade.verdict == Verdict.PARTIAL_RUN


@pytest.mark.slow
def test_when_the_input_transformer_drops_all_code_then_silence_scores_nothing(graded: Grader) -> None:
    drop = "get_ipython().input_transformers_cleanup.append(lambda lines: ['pass'])"
    assert graded(mac_ratio=RATIO + "\n" + drop).grade.score == 0.0


@pytest.mark.slow
@pytest.mark.parametrize(
    "attack",
    [
        "get_ipython().kernel.iopub_thread.send_multipart([b'junk'])",
        "k = get_ipython().kernel\nk.session.send(k.iopub_socket, 'stream', {}, parent=['a', 'list'])",
        "from IPython.display import display\ndisplay({'application/json': '[' * 10**6}, raw=True)",
    ],
)
def test_when_the_kernel_sends_what_no_kernel_sends_then_it_is_not_our_fault(graded: Grader, attack: str) -> None:
    verdict = graded(mac_ratio=f"{RATIO}\n{attack}").grade.verdict

    assert verdict in (Verdict.OK, Verdict.PARTIAL_RUN, Verdict.KERNEL_DIED, Verdict.TIMEOUT, Verdict.OUTPUT_LIMIT)


@pytest.mark.slow
def test_when_memory_is_hidden_from_the_watchdog_then_the_call_is_refused(graded: Grader) -> None:
    result = graded(mac_ratio=RATIO + "\nimport os\nos.memfd_create('hidden')")

    assert result.grade.verdict == Verdict.PARTIAL_RUN


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["in the notebook", "in the hidden call"])
def test_when_evidence_is_forged_then_it_does_not_count(graded: Grader, stage: str) -> None:
    forged = json.dumps({"task": "mac_ratio", "case": "two_totals", "values": {"returned": {"t": "list", "v": []}}})
    show = f"get_ipython().display_pub.publish({{'application/vnd.autograder.evidence': {forged!r}}})"
    wrong = "def mac_ratio(a, b):\n    return 1.0"
    cell = f"{wrong}\n{show}" if stage == "in the notebook" else wrong.replace("    return", f"    {show}\n    return")

    assert scores(graded(mac_ratio=cell)) == {"mac_ratio": 0.0, "choose_tolerance": 3.0}


@pytest.mark.slow
def test_when_one_output_is_larger_than_all_may_be_then_output_limit_and_the_rest_is_judged(graded: Grader) -> None:
    result = graded(mac_ratio=f"{RATIO}\nprint('x' * {90 << 20})")

    assert result.grade.verdict == Verdict.OUTPUT_LIMIT
    assert result.grade.message == "Cell mac_ratio was stopped: the notebook printed more than 1 MiB."
    assert result.grade.score == result.grade.max_score


@pytest.mark.slow
def test_when_a_huge_array_is_returned_then_only_its_task_is_lost(graded: Grader) -> None:
    large = "def mac_ratio(a, b):\n    import numpy\n    return numpy.zeros(30_000_000) if a > 9 else 1.5"

    assert scores(graded(mac_ratio=large)) == {"mac_ratio": 0.0, "choose_tolerance": 3.0}


@pytest.mark.slow
def test_when_a_hidden_call_shows_evidence_without_end_then_it_is_stopped_and_the_others_are_judged(
    graded: Grader,
) -> None:
    flood = f"for _ in range(30):\n        get_ipython().display_pub.publish({{{EVIDENCE!r}: 'x' * 10**7}})\n    return"
    result = graded(mac_ratio=RATIO.replace("return", "if total_macs < 100:\n        return 1.0\n    " + flood))

    assert result.grade.verdict == Verdict.OUTPUT_LIMIT
    assert scores(result) == {"mac_ratio": 0.0, "choose_tolerance": 3.0}


@pytest.mark.parametrize(
    ("data", "verdict"),
    [(b"", Verdict.EMPTY), (b'{"cells": [', Verdict.BAD_FILE), (b'{"cells": []}', Verdict.EMPTY)],
)
def test_when_the_file_is_no_notebook_then_it_is_refused_and_nothing_runs(
    graded: Grader, data: bytes, verdict: Verdict
) -> None:
    result = graded(data)

    assert result.grade.verdict == verdict
    assert result.grade.score == 0.0
    assert result.observed.run is None


def test_when_it_is_another_assignments_notebook_then_bad_file(graded: Grader) -> None:
    cells = [{"cell_type": "code", "source": "import numpy as np", "metadata": {}, "outputs": []}]
    result = graded(json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 4, "metadata": {}}).encode())

    assert result.grade.verdict == Verdict.BAD_FILE
    assert "not a notebook of the assignment" in result.grade.message


@pytest.mark.slow
def test_when_a_check_breaks_then_it_is_our_fault_and_no_zero(
    graded: Grader, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    put_checks(monkeypatch, tmp_path / "checks", "1 / 0")

    result = graded()

    assert result.grade.verdict == Verdict.GRADER_ERROR
    assert "ZeroDivisionError" in result.grade.message
    assert all(check.passed is None for task in result.grade.tasks for check in task.checks)


def told(outcome: Graded, task: str) -> tuple[str, str]:
    """Message and hint of the first check of a task."""
    check = next(one for one in outcome.grade.tasks if one.task == task).checks[0]
    return check.message, check.hint


def test_a_function_whose_cell_cannot_be_read_is_told_with_the_line_that_is_wrong(
    graded: Callable[..., Graded],
) -> None:
    outcome = graded(mac_ratio="def mac_ratio(a, b)\n    return a / b")

    assert outcome.grade.message == (
        "Cell mac_ratio raised SyntaxError in line 1, \"def mac_ratio(a, b)\": expected ':'. "
        "1 cell that needs what it defines raised one too."
    )
    assert told(outcome, "mac_ratio") == (
        'There is no function mac_ratio, because its cell raised SyntaxError in line 1, "def mac_ratio(a, b)": '
        "expected ':'.",
        "Does the cell run on its own?",
    )
    assert outcome.grade.score == 3.0


@pytest.mark.slow
def test_when_a_class_is_graded_then_each_is_recorded_and_a_regrade_agrees(
    prepared: Course, small_course: Path, tmp_path: Path
) -> None:
    handed_in = tmp_path / "in"
    handed_in.mkdir()
    (handed_in / "ann.ipynb").write_bytes(submission(prepared.released))
    (handed_in / "bob.ipynb").write_bytes(
        submission(prepared.released, mac_ratio="import os\nos.kill(os.getppid(), 9)")
    )
    (handed_in / "cem.ipynb").write_bytes(b"")
    settings = dataclasses.replace(prepared.settings, workspace=tmp_path / "ws")

    first = graded_class(handed_in, settings)
    again = graded_class(handed_in, settings)

    assert {grade.student: grade.score for grade in first.grades} == {"ann": 4.0, "bob": 3.0, "cem": 0.0}
    assert [(g.student, g.verdict, g.score) for g in again.grades] == [
        (g.student, g.verdict, g.score) for g in first.grades
    ]
    assert again.seed == first.seed
    original = tmp_path / "ws" / "submitted" / "ann" / "small" / "small.ipynb"
    assert original.read_bytes() == (handed_in / "ann.ipynb").read_bytes()


@pytest.mark.slow
def test_when_the_hidden_inputs_have_another_seed_then_the_same_answers_score_the_same(
    prepared: Course, tmp_path: Path
) -> None:
    (tmp_path / "ann.ipynb").write_bytes(submission(prepared.released))
    settings = dataclasses.replace(prepared.settings, workspace=tmp_path / "ws")
    course = prepared_with(settings, 2**61 + 5)

    assert grade_one(Found("ann", tmp_path, (PurePosixPath("ann.ipynb"),)), course).grade.score == 4.0


@pytest.mark.slow
def test_when_the_solutions_do_not_run_then_grading_refuses_with_the_reason(tmp_path: Path) -> None:
    course = make_course(tmp_path / "course")
    path = course / "solutions" / "small" / "small.ipynb"
    notebook = json.loads(path.read_text())
    notebook["cells"][1]["source"] = "raise RuntimeError('broken key')"
    path.write_text(json.dumps(notebook))
    with pytest.raises(GraderError, match="does not run cleanly in the box"):
        prepared_with(settings_for(course, tmp_path / "ws"), 1)


@pytest.mark.slow
def test_the_first_submissions_run_while_the_solutions_run(tmp_path: Path, prepared: Course) -> None:
    course = make_course(tmp_path / "course")
    path = course / "solutions" / "small" / "small.ipynb"
    slow = "    import time\\n    time.sleep(2)\\n    ratio = total_macs"
    path.write_text(path.read_text().replace("    ratio = total_macs", slow))
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "quick.ipynb").write_bytes(submission(prepared.released))
    settings, before = settings_for(course, tmp_path / "ws"), []

    def look(_: Course) -> None:
        before.extend((settings.workspace / "runs").glob("*/*"))

    results = graded_class(tmp_path / "class", settings, 1, watcher=Watcher(prepared=look))

    assert len(before) == 2  # of the solutions and of the submission
    assert results.grades[0].score == 4


@pytest.mark.slow
def test_when_the_solutions_change_while_they_run_then_grades_are_not_named_after_the_new_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = make_course(tmp_path / "course")
    settings = settings_for(course, tmp_path / "ws")
    real = pipeline.answer_key

    def meanwhile(*words):  # type: ignore[no-untyped-def]
        text = settings.solutions_notebook.read_text()
        settings.solutions_notebook.write_text(text.replace("# A small course", "# Another course"))
        return real(*words)

    monkeypatch.setattr(pipeline, "answer_key", meanwhile)
    made = prepared_with(settings, 1)
    made.runner.close()

    assert made.basis.key != basis_of(settings, 1).key


@pytest.mark.slow
def test_when_recording_breaks_off_then_no_box_is_waited_for(prepared: Course, tmp_path: Path) -> None:
    handed_in = tmp_path / "in"
    handed_in.mkdir()
    (handed_in / "ann.ipynb").write_bytes(submission(prepared.released))
    (handed_in / "bob.ipynb").write_bytes(submission(prepared.released, mac_ratio="import time\ntime.sleep(600)"))
    settings = dataclasses.replace(prepared.settings, workspace=tmp_path / "ws")

    def breaks(grade: object) -> None:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        graded_class(handed_in, settings, watcher=Watcher(graded=breaks))
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("box_")] == []


@pytest.mark.slow
def test_when_grading_with_another_seed_refuses_then_results_and_seed_stay(
    prepared: Course, small_course: Path, tmp_path: Path
) -> None:
    handed_in, course = tmp_path / "in", make_course(tmp_path / "course")
    handed_in.mkdir()
    (handed_in / "ann.ipynb").write_bytes(submission(prepared.released))
    settings = settings_for(course, tmp_path / "ws")
    graded_class(handed_in, settings, seed=11)
    before = load_results(settings.workspace, "small")
    notebook = json.loads(settings.solutions_notebook.read_text())
    notebook["cells"][1]["source"] = "raise RuntimeError('broken key')"
    settings.solutions_notebook.write_text(json.dumps(notebook))

    with open_class(handed_in, settings, 12) as opened:
        assert not opened.unchanged
    with pytest.raises(GraderError, match="does not run cleanly"):
        graded_class(handed_in, settings, seed=12)
    assert load_results(settings.workspace, "small") == before
    assert (settings.workspace / "small" / "seed").read_text() == "11\n"


def test_when_the_seed_file_holds_no_number_then_it_says_so(small_course: Path, tmp_path: Path) -> None:
    (tmp_path / "seed").write_text("seven")

    with pytest.raises(UsageError, match="holds no number"):
        basis_of(settings_for(small_course, tmp_path))


def test_when_the_workspace_is_in_use_then_it_says_so(tmp_path: Path) -> None:
    with (
        workspace.locked(tmp_path),
        pytest.raises(UsageError, match="Another grading is running"),
        workspace.locked(tmp_path),
    ):
        pass


def test_when_the_workspace_cannot_be_written_then_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(UsageError, match="cannot be written"), workspace.locked(tmp_path / "file"):
        pass


@pytest.mark.slow
def test_when_a_hand_in_is_replaced_then_the_old_one_is_gone_and_its_grade_is_kept_in_its_round(
    prepared: Course, tmp_path: Path
) -> None:
    handed_in = tmp_path / "in"
    handed_in.mkdir()
    settings = dataclasses.replace(prepared.settings, workspace=tmp_path / "ws")
    (handed_in / "ann.ipynb").write_bytes(submission(prepared.released))
    graded_class(handed_in, settings, seed=1)
    (handed_in / "ann.ipynb").write_bytes(b"")
    again = graded_class(handed_in, settings, seed=2)

    assert [(grade.verdict, grade.score) for grade in again.grades] == [(Verdict.EMPTY, 0.0)]
    assert (tmp_path / "ws" / "submitted" / "ann" / "small" / "small.ipynb").read_bytes() == b""
    kept = json.loads((tmp_path / "ws" / "small" / "rounds" / "0001.json").read_text())
    assert (kept["seed"], kept["submissions"][0]["score"]) == (1, 4.0)


@pytest.mark.slow
def test_when_the_solutions_fail_on_hidden_inputs_then_grading_refuses_with_the_reason(tmp_path: Path) -> None:
    course = make_course(tmp_path / "course")
    path = course / "solutions" / "small" / "small.ipynb"
    broken = json.loads(path.read_text())
    for cell in broken["cells"]:
        if cell["id"] == "mac-ratio":
            cell["source"] = cell["source"].replace("ratio = total_macs / total_early_macs", "ratio = {}[total_macs]")
        if cell["id"] in ("check-mac-ratio", "use-ratio"):
            cell["source"] = ""
    path.write_text(json.dumps(broken))

    with pytest.raises(
        GraderError,
        match="The hidden case two_totals of mac_ratio fails on the solutions notebook",
    ):
        prepared_with(settings_for(course, tmp_path / "ws"), 1)


@pytest.mark.slow
def test_when_the_checks_refuse_the_solutions_then_grading_refuses(
    small_course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_checks(monkeypatch, tmp_path / "checks", "raise Failure('never')")

    with pytest.raises(GraderError, match="do not accept the solutions"):
        prepared_with(settings_for(small_course, tmp_path / "ws"), 1)


def test_when_a_graded_cell_has_no_check_then_it_is_named_before_anything_runs(
    small_course: Path, tmp_path: Path
) -> None:
    shutil.copytree(small_course, tmp_path / "course", symlinks=True)
    notebook = tmp_path / "course" / "solutions" / "small" / "small.ipynb"
    content = json.loads(notebook.read_text())
    content["cells"].append(small_course_cell("code", "test_mac_ratio", "assert mac_ratio(3, 1) == 3", points=2))
    notebook.write_text(json.dumps(content))

    with pytest.raises(UsageError, match="The cell 'test_mac_ratio' carries 2 automatic points, but nothing checks it"):
        prepared_with(settings_for(tmp_path / "course", tmp_path / "workspace"), 1)


def test_when_a_task_carries_no_points_any_more_then_the_others_are_graded(tmp_path: Path) -> None:
    course = make_course(tmp_path / "course")
    path = course / "solutions" / "small" / "small.ipynb"
    notebook = json.loads(path.read_text())
    (check,) = (one for one in notebook["cells"] if one["id"] == "check-choose-tolerance")
    check["metadata"]["nbgrader"]["points"] = 0
    path.write_text(json.dumps(notebook))
    made = prepared_with(settings_for(course, tmp_path / "ws"), 1)
    made.runner.close()

    assert made.cases == (("mac_ratio", "two_totals"),)
    assert made.judge.points == {"mac_ratio": 1.0}


@pytest.mark.slow
def test_when_a_graded_task_loses_its_points_then_the_gradebook_loses_them_too(
    prepared: Course, tmp_path: Path
) -> None:
    course = make_course(tmp_path / "course")
    path = course / "solutions" / "small" / "small.ipynb"
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "ann.ipynb").write_bytes(submission(prepared.released))
    settings = settings_for(course, tmp_path / "ws")
    graded_class(tmp_path / "in", settings, 1)
    notebook = json.loads(path.read_text())
    (check,) = (one for one in notebook["cells"] if one["id"] == "check-choose-tolerance")
    check["metadata"]["nbgrader"]["points"] = 0
    path.write_text(json.dumps(notebook))
    graded_class(tmp_path / "in", settings, 1)
    with sqlite3.connect(tmp_path / "ws" / "gradebook.db") as book:
        query = "SELECT base_cell.name, auto_score FROM grade JOIN base_cell ON cell_id = base_cell.id"
        scores = dict(book.execute(query))

    assert (scores["check_mac_ratio"], scores["check_choose_tolerance"]) == (1.0, 0.0)
