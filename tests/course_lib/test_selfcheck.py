"""The visible checks, asked about the solutions, about untouched TODOs and about mistakes that students make."""

import json
import random
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from in_process import namespace
from rubric import answers
from sample_class import SOLUTION, solution_cells

from course_lib import selfcheck
from course_lib.selfcheck import registry, student

ROOT = Path(__file__).parents[2]
REGION = re.compile(r" *### BEGIN SOLUTION\n(.*?) *### END SOLUTION\n", re.DOTALL)
CELLS = {
    name: "".join(cell["source"]) + "\n"
    for name, cell in solution_cells(json.loads(SOLUTION.read_text(encoding="utf-8"))).items()
    if cell["cell_type"] == "code"
}


def check(task, source, **other_cells):
    """Run the self-check of a task on a cell; the other cells are the solution's, but for those that are given."""
    getattr(selfcheck, f"check_{task}")(namespace(**{task: source}, **other_cells)[task])


def message_of(task, source):
    with pytest.raises(selfcheck.SelfCheckFailure) as caught:
        check(task, source)
    return str(caught.value)


def test_when_a_task_is_in_the_notebook_then_it_has_a_check():
    checks = {name.removeprefix("check_") for name in vars(selfcheck) if name.startswith("check_")}
    assert checks == set(CELLS)
    assert len(checks) == 9
    assert list(registry.asked) == list(CELLS)  # in the order of the notebook, in which overview() lists them


@pytest.mark.parametrize("task", CELLS)
def test_when_the_solution_is_checked_then_one_line_says_that_it_looks_right(task, capsys):
    check(task, CELLS[task])
    assert re.fullmatch(rf"{task}: looks right \(\d+ checks\)\n", capsys.readouterr().out)


@pytest.mark.parametrize("task", CELLS)
def test_when_the_todo_is_untouched_then_the_check_points_at_it(task):
    message = message_of(task, REGION.sub("", CELLS[task]))
    assert "it still returns ..." in message
    assert "fill in the TODO" in message


MISTAKES = [answer for answer in answers("wrong") if answer.says]


@pytest.mark.parametrize("answer", MISTAKES, ids=lambda answer: f"{answer.task}-{answer.name}")
def test_when_a_student_makes_a_mistake_then_the_message_names_it(answer):
    message = message_of(answer.task, answer.source)
    assert [words for words in answer.says if words not in message] == []


def test_when_a_task_is_in_the_notebook_then_some_mistakes_in_it_have_their_message_looked_at():
    assert {answer.task for answer in MISTAKES} == set(CELLS)


WALKS = [answer for answer in answers("right") if answer.name in ("block_by_block", "layer_by_layer")]


@pytest.mark.parametrize("answer", WALKS, ids=lambda answer: f"{answer.task}-{answer.name}")
def test_when_the_parts_of_a_stage_are_called_one_by_one_then_the_answer_is_right(answer, capsys):
    check(answer.task, answer.source)
    assert "looks right" in capsys.readouterr().out


def test_when_the_loss_is_wrong_then_the_step_that_uses_it_is_still_right(capsys):
    wrong_loss = CELLS["early_exit_loss"].replace("(1.0, 0.3, 0.3, 0.3)", "(1.0, 1.0, 1.0, 1.0)")

    check("early_exit_step", CELLS["early_exit_step"], early_exit_loss=wrong_loss)

    assert "looks right" in capsys.readouterr().out


RAISING = [
    ("mac_ratio", "total_macs / total_early_macs", "total_mac / total_early_macs", "NameError", "spelt as"),
    ("baseline_step", ", early_exit=False", "", "not tuple", "unless early exit is switched off"),
    ("baseline_step", "0.0, early_exit", "early_exit", "entropy_tolerance", "the model takes a tolerance too"),
    ("baseline_step", "criterion(outputs, labels)", "criterion(labels, outputs)", "Error", "the logits first"),
    (
        "early_exit_step",
        "early_exit_loss(exit_outputs, labels, criterion)",
        "criterion(exit_outputs, labels)",
        "not list",
        "one tensor",
    ),
    ("evaluate_baseline", "argmax(dim=1)", "argmax(dim=0)", "size of tensor a", "argmax(dim=1)"),
    ("evaluate_baseline", "exit_macs(model, (3, 32, 32))[3]", "get_model_macs(model, images)", "Error", "as one tuple"),
    ("choose_tolerance", "min(good_enough)[1] if good_enough else 0.0", "min(good_enough)[1]", "empty", "return 0.0"),
]


@pytest.mark.parametrize(("task", "old", "new", "raised", "hint"), RAISING)
def test_when_the_students_code_raises_then_three_lines_say_what_where_and_the_likely_cause(
    task, old, new, raised, hint
):
    assert old in CELLS[task]
    lines = message_of(task, CELLS[task].replace(old, new)).splitlines()

    assert [line.split(":")[0] for line in lines] == ["raised", "where", "hint"]
    assert raised in lines[0]
    assert "your line" in lines[1] and f"in {task}" in lines[1]
    assert hint in lines[2]


def test_when_the_students_code_raises_then_the_whole_traceback_is_kept_and_folded_away(monkeypatch):
    shown = []
    shell = SimpleNamespace(get_ipython=object, display=SimpleNamespace(display=lambda data, raw: shown.append(data)))
    monkeypatch.setitem(sys.modules, "IPython", shell)
    with pytest.raises(selfcheck.SelfCheckFailure) as caught:
        check("mac_ratio", "def mac_ratio(a, b):\n    raise KeyError('<b>')\n")

    assert isinstance(caught.value.__cause__, KeyError)
    assert shown[0]["text/html"].startswith("<details><summary>The whole traceback</summary>")
    assert "KeyError: &#x27;&lt;b&gt;&#x27;" in shown[0]["text/html"]  # what a student's code raises is text, no markup


def test_when_a_check_has_failed_then_show_gives_the_inputs_at_which_it_did():
    wrong = CELLS["per_sample_exits"].replace(
        "exits[entropy < tolerance] = index", "exits[entropy <= tolerance] = index"
    )
    with pytest.raises(selfcheck.SelfCheckFailure, match="strictly below"):
        check("per_sample_exits", wrong)
    inputs = selfcheck.show("per_sample_exits")

    function = namespace(per_sample_exits=wrong)["per_sample_exits"]
    assert function(*inputs).tolist() == [3, 2, 3, 3, 3]  # what the check found
    first, *others, last = repr(inputs).splitlines()
    assert first == "the last call was per_sample_exits(exit_outputs, tolerance) with"
    assert len(others) == 4  # a line for each exit
    assert last == "  tolerance = 0.0"
    inputs[0][2].zero_()
    assert selfcheck.show("per_sample_exits")[0][2].any()  # a copy each time


def test_when_its_check_has_not_run_then_show_runs_it_in_silence(monkeypatch, capsys):
    # A grader runs the cells that a student added, and no self-check.
    monkeypatch.setattr(sys.modules["__main__"], "mac_ratio", lambda total, early: early / total, raising=False)
    monkeypatch.delitem(student.last_calls, "mac_ratio", raising=False)
    assert tuple(selfcheck.show("mac_ratio")) == (300, 200)
    assert capsys.readouterr().out == ""


def test_when_no_check_has_run_then_show_says_so():
    with pytest.raises(ValueError, match=r"self-check of 'never' has not called it yet\. Run the cell"):
        selfcheck.show("never")


def test_when_the_inputs_are_large_then_show_says_what_they_are():
    with pytest.raises(selfcheck.SelfCheckFailure):
        check("evaluate_baseline", "def evaluate_baseline(model, loader, device):\n    return 0.5, 1")
    lines = repr(selfcheck.show("evaluate_baseline")).splitlines()

    assert lines[0] == "the last call was evaluate_baseline(model, loader, device) with"
    assert lines[1] == "  model = an EarlyExitResNet18"
    assert lines[2].startswith("  loader = a loader of 3 batches, with the labels [0, 1,")


def test_when_no_function_is_handed_over_then_the_check_asks_for_it():
    with pytest.raises(selfcheck.SelfCheckFailure, match="run the cell that defines it"):
        selfcheck.check_mac_ratio(1.447)


def test_when_a_check_fails_then_the_message_is_three_lines_and_so_is_what_a_notebook_shows():
    message = message_of("mac_ratio", "def mac_ratio(total_macs, total_early_macs):\n    return 2.0\n")
    labels = [line.split(":")[0] for line in message.splitlines()]
    assert labels == ["expected", "found", "hint"]
    with pytest.raises(selfcheck.SelfCheckFailure) as caught:
        check("mac_ratio", "def mac_ratio(total_macs, total_early_macs):\n    return 2.0\n")
    (shown,) = caught.value._render_traceback_()
    on_three_lines = re.sub(r"\n {10}", " ", shown)
    assert on_three_lines == f'SelfCheckFailure\n{message}\n\nThe inputs: selfcheck.show("mac_ratio")'
    assert max(map(len, shown.splitlines())) <= 68  # JupyterLab cuts longer ones in the middle of a word


@pytest.mark.parametrize("task", ["evaluate_baseline", "predict_with_compaction", "mac_ratio"])
def test_when_a_check_has_run_then_the_random_states_are_as_before(task):
    def draw():
        return random.random(), float(np.random.rand()), float(torch.rand(()))

    def start():
        random.seed(1)
        np.random.seed(1)
        torch.manual_seed(1)

    start()
    undisturbed = draw()

    start()
    check(task, CELLS[task])

    assert draw() == undisturbed


def test_when_students_read_the_library_then_they_find_no_line_of_a_solution():
    library = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "course_lib").rglob("*.py"))
    lines = {line.strip() for cell in CELLS.values() for region in REGION.findall(cell) for line in region.splitlines()}
    telling = {line for line in lines if len(line) > 24}
    assert len(telling) > 20
    assert not [line for line in telling if line in library]
