"""The visible checks, asked about the solutions, about untouched TODOs and about mistakes that students make."""

import json
import random
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from course_lib import selfcheck

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "solutions" / "early_exit" / "early_exit.ipynb"
REGION = re.compile(r" *### BEGIN SOLUTION\n(.*?) *### END SOLUTION\n", re.DOTALL)
IMPORTS = "import torch\nfrom torch import nn\nfrom course_lib.macs import exit_macs, get_model_macs\n"


def _solution_cells() -> dict[str, str]:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    tagged = {cell["metadata"]["nbgrader"]["grade_id"]: cell for cell in cells}
    return {
        name: "".join(cell["source"]) + "\n"
        for name, cell in tagged.items()
        if cell["cell_type"] == "code" and cell["metadata"]["nbgrader"]["solution"]
    }


CELLS = _solution_cells()


def check(task, source=None):
    """Run the self-check of a task on a cell: the solution's, or `source` in its place."""
    namespace = {}
    for code in (IMPORTS, CELLS["early_exit_loss"], CELLS[task] if source is None else source):
        exec(code, namespace)
    getattr(selfcheck, f"check_{task}")(namespace[task])


def message_of(task, source):
    with pytest.raises(selfcheck.SelfCheckFailure) as caught:
        check(task, source)
    return str(caught.value)


def test_when_a_task_is_in_the_notebook_then_it_has_a_check():
    checks = {name.removeprefix("check_") for name in vars(selfcheck) if name.startswith("check_")}
    assert checks == set(CELLS)
    assert len(checks) == 9


@pytest.mark.parametrize("task", CELLS)
def test_when_the_solution_is_checked_then_one_line_says_that_it_looks_right(task, capsys):
    check(task)
    assert re.fullmatch(rf"{task}: looks right \(\d+ checks\)\n", capsys.readouterr().out)


@pytest.mark.parametrize("task", CELLS)
def test_when_the_todo_is_untouched_then_the_check_points_at_it(task):
    message = message_of(task, REGION.sub("", CELLS[task]))
    assert "it still returns ..." in message
    assert "fill in the TODO" in message


# (task, what the solution says, what the student wrote, a piece of the message)
MISTAKES = [
    (
        "baseline_step",
        "model(images, 0.0, early_exit=False)",
        "model.early_train(images)[0]",
        "switches early exit off",
    ),
    ("baseline_step", "model(images, 0.0, early_exit=False)", "sum(model.early_train(images))", "logits of exit 3"),
    ("baseline_step", "return outputs, loss", "return outputs.argmax(1), loss", "no argmax"),
    ("baseline_step", "criterion(outputs, labels)", "criterion(outputs, labels).item()", "no .item()"),
    ("baseline_step", "criterion(outputs, labels)", "criterion(outputs.detach(), labels)", "has a gradient"),
    ("baseline_step", "criterion(outputs, labels)", "criterion(outputs / 0, labels)", "a finite loss"),
    ("baseline_step", "criterion(outputs, labels)", "criterion(outputs.softmax(1), labels)", "as they are"),
    (
        "baseline_step",
        "criterion(outputs, labels)",
        "criterion(sum(model.early_train(images)), labels)",
        "one image of 8",
    ),
    ("baseline_step", "    return outputs, loss", "    model.eval()\n    return outputs, loss", "in training mode"),
    ("baseline_step", "model(images,", "model(images / 255,", "no scaling"),
    ("baseline_step", "return outputs, loss", "return loss", "2 results: outputs, loss"),
    ("baseline_step", "return outputs, loss", "print('done')", "end in a return"),
    ("baseline_step", "(model, images, labels, criterion):", "(model, images):", "keep the arguments"),
    ("evaluate_baseline", "model.eval()", "model.train()", "eval mode"),
    ("evaluate_baseline", "torch.no_grad()", "torch.enable_grad()", "no_grad"),
    ("evaluate_baseline", "correct / images_seen", "100 * correct / images_seen", "no percent"),
    ("evaluate_baseline", "correct / images_seen", "correct / (3 * 4)", "divide once"),
    ("evaluate_baseline", "correct / images_seen", "[correct]", "0.454545 for a network"),
    ("evaluate_baseline", "images_seen * exit", "1.0 * images_seen * exit", "an int"),
    ("evaluate_baseline", "images_seen * exit", "3 * 4 * exit", "short batch"),
    ("early_exit_loss", "(1.0, 0.3, 0.3, 0.3)", "(1.0, 1.0, 1.0, 1.0)", "1.9 ln 6"),
    ("early_exit_loss", "(1.0, 0.3, 0.3, 0.3)", "(0.3, 0.3, 0.3, 1.0)", "equal gradients"),
    ("early_exit_loss", "(1.0, 0.3, 0.3, 0.3)", "(0.475, 0.475, 0.475, 0.475)", "the first weight is the large one"),
    ("early_exit_loss", "(1.0, 0.3, 0.3, 0.3)", "(1.9, 0.0, 0.0, 0.0)", "a gradient at every exit"),
    ("early_exit_loss", "criterion(outputs", "criterion(outputs.softmax(1)", "no softmax"),
    ("early_exit_loss", "    return loss", "    loss.backward(retain_graph=True)\n    return loss", "called twice"),
    (
        "early_exit_step",
        "early_exit_loss(exit_outputs, labels, criterion)",
        "criterion(exit_outputs[3], labels)",
        "hand all four exits",
    ),
    ("early_exit_step", "return exit_outputs,", "return exit_outputs[:3],", "a list of four"),
    ("early_exit_step", "loss(exit_outputs,", "loss([*exit_outputs[:3], exit_outputs[3].detach()],", "not from copies"),
    ("evaluate_early_exit", "model.eval()", "model.train()", "eval mode"),
    ("evaluate_early_exit", "torch.no_grad()", "torch.enable_grad()", "no_grad"),
    ("evaluate_early_exit", "tolerance)\n", "0.5)\n", "does it get the tolerance"),
    ("evaluate_early_exit", "+= 1\n", "+= len(labels)\n", "count batches"),
    ("evaluate_early_exit", "{0: 0, 1: 0, 2: 0, 3: 0}", "__import__('collections').Counter()", "keys 0, 1, 2, 3"),
    ("evaluate_early_exit", "entropies.append(entropy)", "entropies = [entropy]", "a list of 3 entropies"),
    ("evaluate_early_exit", "entropies.append(entropy)", "entropies = sorted([*entropies, entropy])", "not sorted"),
    ("evaluate_early_exit", "macs_to_exit[exit_index]", "macs_to_exit[3]", "and no more"),
    ("mac_ratio", "total_macs / total_early_macs", "total_early_macs / total_macs", "1.5 for 300 against 200"),
    ("mac_ratio", "total_macs / total_early_macs", "float('nan')", "nan"),
    ("choose_tolerance", "accuracy >= target", "accuracy > target", "equal to the target"),
    ("choose_tolerance", "if accuracy >= target", "", "which rows reach the target"),
    ("choose_tolerance", "else 0.0", "else 2.0", "no row reaches the target"),
    (
        "choose_tolerance",
        "tolerance = min(good_enough)[1]",
        "tolerance = -max((-m, t) for m, t in good_enough)[1] * -1",
        "smaller tolerance wins",
    ),
    ("per_sample_exits", "entropy < tolerance", "entropy <= tolerance", "strictly below"),
    ("per_sample_exits", "entropy < tolerance", "entropy > tolerance", "the first exit below"),
    ("per_sample_exits", "reversed(range(last))", "range(last)", "the first exit below"),
    ("per_sample_exits", "entropy < tolerance", "entropy < entropy.mean() + tolerance", "the first exit below"),
    ("per_sample_exits", "last, dtype=torch.int64", "last", "int64"),
    ("predict_with_compaction", "model.eval()", "model.train()", "eval mode"),
    ("predict_with_compaction", "torch.no_grad()", "torch.enable_grad()", "no_grad"),
    (
        "predict_with_compaction",
        "exits = torch.cat(taken)[back]",
        "exits = torch.cat(taken)",
        "at its place in the input",
    ),
    (
        "predict_with_compaction",
        "logits = torch.cat(answers)[back]",
        "logits = torch.cat(answers)",
        "logits of the exit",
    ),
    ("predict_with_compaction", "done[:] = True", "pass", "shape (16, 6)"),
]


@pytest.mark.parametrize(("task", "right", "wrong", "message"), MISTAKES)
def test_when_a_student_makes_a_mistake_then_the_message_names_it(task, right, wrong, message):
    assert right in CELLS[task]
    assert message in message_of(task, CELLS[task].replace(right, wrong))


NO_COMPACTION = """
def predict_with_compaction(model, images, tolerance):
    model.eval()
    with torch.no_grad():
        outputs = model.early_train(images)
    exits = per_sample_exits(outputs, tolerance)
    return torch.stack(outputs)[exits, torch.arange(len(images))], exits
"""

ONE_BY_ONE = """
def predict_with_compaction(model, images, tolerance):
    model.eval()
    with torch.no_grad():
        answers = [model(image[None], tolerance) for image in images]
    return torch.cat([logits for logits, _, _ in answers]), torch.tensor([index for _, index, _ in answers])
"""


def test_when_nothing_leaves_the_batch_then_the_work_gives_it_away():
    message = message_of("predict_with_compaction", CELLS["per_sample_exits"] + NO_COMPACTION)
    assert "remove the finished images" in message


def test_when_images_run_one_by_one_then_the_number_of_calls_gives_it_away():
    assert "keep the unfinished images together" in message_of("predict_with_compaction", ONE_BY_ONE)


LOOPED_STAGES = """
@torch.no_grad()
def predict_with_compaction(model, images, tolerance):
    model.eval()
    logits, exits = None, torch.full((len(images),), 3)
    alive, x = torch.arange(len(images)), model.stem(images)
    for k in range(4):
        for block in model.stages[k]:
            x = block(x)
        out = model.heads[k](x)
        logits = torch.zeros(len(images), out.shape[1]) if logits is None else logits
        H = torch.distributions.Categorical(logits=out).entropy()
        go = (H < tolerance) if k < 3 else torch.ones(len(out), dtype=torch.bool)
        logits[alive[go]], exits[alive[go]] = out[go], k
        x, alive = x[~go], alive[~go]
        if len(alive) == 0:
            break
    return logits, exits
"""

LOOPED_STEM = """
def baseline_step(model, images, labels, criterion):
    outputs = images
    for layer in [*model.stem, *model.stages, model.heads[3]]:
        outputs = layer(outputs)
    return outputs, criterion(outputs, labels)
"""


@pytest.mark.parametrize(
    ("task", "source"), [("predict_with_compaction", LOOPED_STAGES), ("baseline_step", LOOPED_STEM)]
)
def test_when_the_parts_of_a_stage_are_called_one_by_one_then_the_answer_is_right(task, source, capsys):
    check(task, source)
    assert "looks right" in capsys.readouterr().out


def test_when_the_loss_is_wrong_then_the_step_that_uses_it_is_still_right(capsys):
    namespace = {}
    wrong_loss = CELLS["early_exit_loss"].replace("(1.0, 0.3, 0.3, 0.3)", "(1.0, 1.0, 1.0, 1.0)")
    for source in (IMPORTS, wrong_loss, CELLS["early_exit_step"]):
        exec(source, namespace)

    selfcheck.check_early_exit_step(namespace["early_exit_step"])

    assert "looks right" in capsys.readouterr().out


def test_when_macs_are_counted_by_running_again_then_the_evaluations_are_right_too(capsys):
    by_trace = CELLS["evaluate_baseline"].replace(
        "images_seen += len(labels)",
        "images_seen += len(labels); total_macs += get_model_macs(model, (images, 0.0, False))",
    )
    by_trace = by_trace.replace("correct = images_seen = 0", "correct = images_seen = total_macs = 0")
    by_trace = by_trace.replace("total_macs = images_seen * exit_macs(model, (3, 32, 32))[3]", "pass")
    check("evaluate_baseline", by_trace)
    by_trace = CELLS["evaluate_early_exit"].replace(
        "len(labels) * macs_to_exit[exit_index]", "get_model_macs(model, (images, tolerance))"
    )
    check("evaluate_early_exit", by_trace)
    assert capsys.readouterr().out.count("looks right") == 2


def test_when_the_students_code_raises_then_its_own_exception_comes_out_with_a_note():
    with pytest.raises(ZeroDivisionError) as caught:
        check("mac_ratio", "def mac_ratio(total_macs, total_early_macs):\n    return 1 / 0\n")
    assert caught.value.__notes__ == ["Self-check of mac_ratio: your function raised this."]


def test_when_no_function_is_handed_over_then_the_check_asks_for_it():
    with pytest.raises(selfcheck.SelfCheckFailure, match="run the cell that defines it"):
        selfcheck.check_mac_ratio(1.447)


def test_when_a_check_fails_then_the_message_is_three_lines_and_so_is_what_a_notebook_shows():
    message = message_of("mac_ratio", "def mac_ratio(total_macs, total_early_macs):\n    return 2.0\n")
    labels = [line.split(":")[0] for line in message.splitlines()]
    assert labels == ["expected", "found", "hint"]
    shown = selfcheck.SelfCheckFailure("a", "b", "c")._render_traceback_()
    assert shown == ["SelfCheckFailure\nexpected: a\nfound:    b\nhint:     c"]


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
