"""The visible checks of the notebook: one call behind each task, an answer at once, a hint when it is wrong.

A check feeds the student's function small inputs whose outcome is known beforehand: heads that always give the
same answer, logits without any information, a network that runs one image at a time. It holds no solution, may
be looser than the grading, and knows nothing of points.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from course_lib import _known as known
from course_lib._known import CLASSES
from course_lib._spy import Spy
from course_lib._student import SelfCheckFailure, Student, close, describe, number, self_check
from course_lib.macs import exit_macs
from course_lib.model import EarlyExitResNet18

__all__ = [
    "SelfCheckFailure",
    "check_baseline_step",
    "check_choose_tolerance",
    "check_early_exit_loss",
    "check_early_exit_step",
    "check_evaluate_baseline",
    "check_evaluate_early_exit",
    "check_mac_ratio",
    "check_per_sample_exits",
    "check_predict_with_compaction",
]

LN_C = math.log(CLASSES)  # nats: the entropy, and the cross entropy, of six equally likely classes
ABOVE_ANY_ENTROPY = LN_C + 0.2  # a tolerance at which everything leaves at once
CPU = torch.device("cpu")


@self_check("model, images, labels, criterion")
def check_baseline_step(student: Student) -> None:
    """The plain network's logits, and their loss."""
    images, labels = known.noise(8), torch.arange(8) % CLASSES
    model = known.network()
    known.always_answer(model.heads[0], label=1, sharpness=50)  # so sure that a batch that may leave does
    known.always_answer(model.heads[3], label=2)
    with known.watched(model) as spy:
        outputs, loss = student.call_for("outputs, loss", model, images, labels, nn.CrossEntropyLoss())
        _require_training_mode(student, model, spy, images)
    _require_logits(student, "outputs", outputs, rows=8)
    hint = "this is the plain network: an argument of its forward switches early exit off; no softmax"
    last = bool((outputs.detach() - 4 * torch.eye(CLASSES)[2]).abs().max() < 1e-4)
    student.require(last, "the logits of exit 3, for each image 4 at class 2 and 0 elsewhere", "others", hint=hint)
    _require_loss(student, loss)
    hint = "hand the logits as they are and the labels to the criterion"
    student.same_number(loss, known.loss_of(4, right=1 / 8), "when one image of 8 is right", hint=hint)
    model = known.network()
    _, loss = student.call_for("outputs, loss", model, images, labels, nn.CrossEntropyLoss())
    _require_backward(student, loss)
    reached = [index for index in range(4) if known.linear_of(model.heads[index]).weight.grad is not None]
    student.same_list(reached, [3], "the only head with a gradient", hint="this is the plain network: exit 3 alone")


@self_check("model, loader, device")
def check_evaluate_baseline(student: Student) -> None:
    """Accuracy per image, MACs per image, eval mode, no graph."""
    model = known.network()
    known.always_answer(model.heads[0], label=0, sharpness=50)  # for a batch that may leave
    known.always_answer(model.heads[3], label=2)
    labels = torch.tensor([2, 2, 2, 2, 2, 1, 3, 4, 5, 0, 1])  # 5 of the 11 are class 2: 4 of 4, 1 of 4, 0 of 3
    loader = known.batches(known.noise(11), labels, batch_size=4)
    with known.watched(model) as spy:
        accuracy, macs = student.call_for("accuracy, total_macs", model, loader, CPU)
    _require_accuracy(student, accuracy, 5 / 11, "for a network that is right about 5 of 11 images")
    _require_evaluation_mode(student, spy)
    _require_macs(student, macs, 11 * exit_macs(model, (3, 32, 32))[3], "for 11 images, all to the last exit")


@self_check("exit_outputs, labels, criterion")
def check_early_exit_loss(student: Student) -> None:
    """The weighted sum over four exits, seen from its value and its gradients."""
    labels = torch.tensor([0, 3, 5, 1])
    exit_outputs = [torch.zeros(4, CLASSES, requires_grad=True) for _ in range(4)]
    loss = student.call(exit_outputs, labels, nn.CrossEntropyLoss())
    kept = len(exit_outputs) == 4
    hint = "do not pop from the list: the caller goes on using it"
    student.require(kept, "the list of four exits as it was", f"{len(exit_outputs)} in it", hint=hint)
    _require_loss(student, loss)
    hint = "the four weights are 1, 0.3, 0.3 and 0.3, and nothing is averaged"
    student.same_number(loss, 1.9 * LN_C, "= 1.9 ln 6, when no exit knows anything", hint=hint)
    called = any(logits.grad is not None for logits in exit_outputs)
    _require_backward(student, loss, called)
    pulls = [0.0 if logits.grad is None else float(logits.grad.norm()) for logits in exit_outputs]
    found = "gradients of size " + ", ".join(f"{pull:.3f}" for pull in pulls)
    student.require(min(pulls) > 0, "a gradient at every exit", found, hint="all four exits belong to the sum")
    equal = close(pulls[1], pulls[2]) and close(pulls[2], pulls[3])
    student.require(equal, "equal gradients at exits 1, 2 and 3", found, hint="the last three weights are equal")
    hint = "exit_outputs begins with the first exit, and the first weight is the large one"
    student.require(pulls[0] > 2 * pulls[1], "the largest gradient at exit 0", found, hint=hint)
    sure = [4 * torch.eye(CLASSES)[torch.full((4,), label)] for label in range(4)]  # right about 1, 1, 0 and 1 of 4
    loss = student.call(sure, labels, nn.CrossEntropyLoss())
    right = known.loss_of(4, 1 / 4) * 1.6 + known.loss_of(4, 0) * 0.3
    hint = "the criterion takes the logits as they are: no softmax before it"
    student.same_number(loss, right, "for exits that are sure and mostly wrong", hint=hint)


@self_check("model, images, labels, criterion")
def check_early_exit_step(student: Student) -> None:
    """All four exits' logits, and their joint loss."""
    images, labels, criterion = known.noise(8), torch.arange(8) % CLASSES, nn.CrossEntropyLoss()
    model = known.network()
    for index in range(4):
        known.always_answer(model.heads[index], label=index)
    with known.watched(model) as spy:
        exit_outputs, loss = student.call_for("exit_outputs, loss", model, images, labels, criterion)
        _require_training_mode(student, model, spy, images)
    four = isinstance(exit_outputs, list | tuple) and len(exit_outputs) == 4
    hint = "the model has a method for training that returns all of them"
    student.require(four, "a list of four exits' logits", describe(exit_outputs), hint=hint)
    for index, logits in enumerate(exit_outputs):
        _require_logits(student, f"exit_outputs[{index}]", logits, rows=8)
        there = bool((logits.detach() - 4 * torch.eye(CLASSES)[index]).abs().max() < 1e-4)
        hint = "first exit first, and logits as they are, without a softmax"
        student.require(there, f"the logits of exit {index} at place {index}", "others", hint=hint)
    _require_loss(student, loss)
    # A wrong early_exit_loss has its own check: here it is enough that it is the one in use.
    own_loss = getattr(student.function, "__globals__", {}).get("early_exit_loss")
    as_own = callable(own_loss) and close(loss, number(own_loss(exit_outputs, labels, criterion)) or math.nan)
    if not as_own:
        right = known.loss_of(4, 2 / 8) * 1.3 + known.loss_of(4, 1 / 8) * 0.6
        hint = "hand all four exits to your early_exit_loss"
        student.same_number(loss, right, "for exits that answer 0, 1, 2 and 3", hint=hint)
    # Heads 0 to 2 listen to nothing: what reaches the first layer comes from exit 3, through all stages.
    model = known.silent_network()
    nn.init.normal_(known.linear_of(model.heads[3]).weight)
    _, loss = student.call_for("exit_outputs, loss", model, images, labels, criterion)
    _require_backward(student, loss)
    reached = [index for index in range(4) if known.linear_of(model.heads[index]).bias.grad is not None]
    hint = "the loss has to be computed from all outputs of the model, not from copies"
    student.same_list(reached, [0, 1, 2, 3], "the heads with a gradient", hint=hint)
    pull = next(model.stem.parameters()).grad
    whole = pull is not None and bool(pull.abs().max() > 0)
    hint = "nothing may be detached between the stages: later exits teach the earlier ones"
    student.require(whole, "a gradient from exit 3 at the first layer", "none", hint=hint)


@self_check("model, loader, tolerance, device")
def check_evaluate_early_exit(student: Student) -> None:
    """Accuracy, counts, entropies and MACs of networks whose heads give known answers."""
    names = "accuracy, exiting_points, entropies, total_macs"
    model = known.network()
    sharpnesses = (0.1, 4.0, 8.0, 16.0)  # entropies 1.79, 0.42, 0.02 and 0.00 nats
    for index, sharpness in enumerate(sharpnesses):
        known.always_answer(model.heads[index], label=index, sharpness=sharpness)
    macs_to = exit_macs(model, (3, 32, 32))
    labels = torch.tensor([0, 0, 1, 0, 1, 0, 1, 2, 3, 3])  # 3 of class 1, 2 of class 3
    loader = known.batches(known.noise(10), labels, batch_size=4)
    for tolerance, leaves_at, share in ((0.8, 1, 0.3), (0.0, 3, 0.2)):
        at = f"at tolerance {tolerance}, where exit {leaves_at} answers"
        with known.watched(model) as spy:
            accuracy, counts, entropies, macs = student.call_for(names, model, loader, tolerance, CPU)
        _require_counts(student, counts, leaves_at, at)
        _require_accuracy(student, accuracy, share, at)
        _require_evaluation_mode(student, spy)
        _require_macs(student, macs, 10 * macs_to[leaves_at], f"for 10 images {at}")
        if leaves_at < 3:  # a run that only counts MACs goes the whole way, or leaves as well
            gone = spy.samples[leaves_at] - spy.samples[leaves_at + 1]
            hint = "let the model leave: given the tolerance, it stops at the exit that it returns"
            student.require(gone >= 10, f"10 images gone behind exit {leaves_at}", f"{gone} are gone", hint=hint)
        _require_entropies(student, entropies, [known.entropy_of(sharpnesses[leaves_at])] * 3)
    # Batches of different brightness, for heads that listen, have different entropies: now their order shows.
    model = known.listening_network()
    images = known.brightened(torch.tensor([1.0, 3.0, 0.3]).repeat_interleave(4))
    loader = known.batches(images, torch.zeros(12, dtype=torch.int64), batch_size=4)
    alone = [model(batch, ABOVE_ANY_ENTROPY)[2] for batch in images.split(4)]
    _, counts, entropies, macs = student.call_for(names, model, loader, ABOVE_ANY_ENTROPY, CPU)
    _require_counts(student, counts, 0, "at a tolerance above ln 6")
    _require_macs(student, macs, 12 * macs_to[0], "for 12 images that leave at exit 0")
    _require_entropies(student, entropies, alone)
    # A dim image among bright ones: it leaves with its batch, and would not leave alone.
    images = known.brightened(torch.tensor([0.1, 3.0, 3.0, 3.0]))
    together, first = (model(part, ABOVE_ANY_ENTROPY)[2] for part in (images, images[:1]))
    loader = known.batches(images, torch.zeros(4, dtype=torch.int64), batch_size=4)
    _, _, _, macs = student.call_for(names, model, loader, (together + first) / 2, CPU)
    _require_macs(student, macs, 4 * macs_to[0], "for a batch of 4 images that leaves at exit 0")


@self_check("total_macs, total_early_macs")
def check_mac_ratio(student: Student) -> None:
    """A ratio, the right way round."""
    hint = "above 1 means that early exit computed less"
    for standard, early, ratio in ((300, 200, 1.5), (64, 64, 1.0), (4 * 10**12, 3 * 10**12, 4 / 3)):
        value = student.call(standard, early)
        student.same_number(value, ratio, f"for {standard:,} against {early:,}", hint=hint)


@self_check("sweep, target")
def check_choose_tolerance(student: Student) -> None:
    """The cheapest tolerance that is good enough."""
    sweep = [(0.0, 0.92, 900), (0.3, 0.90, 500), (0.1, 0.91, 800), (0.6, 0.70, 300), (0.5, 0.90, 400)]
    equally_cheap = [(0.7, 0.9, 400), (0.4, 0.8, 400), (0.6, 0.8, 400)]
    at_zero = [(0.0, 0.95, 300), (0.2, 0.96, 500), (0.4, 0.97, 400)]
    up_and_down = [(0.1, 0.950, 900), (0.2, 0.898, 700), (0.3, 0.940, 600), (0.4, 0.899, 500)]
    cases = (
        (sweep, 0.905, 0.1, "first see which rows reach the target, then look for the fewest MACs"),
        (sweep, 0.90, 0.5, "an accuracy equal to the target is good enough"),
        (sweep, 0.50, 0.6, "when all rows reach the target, the MACs decide; the rows come in any order"),
        (sweep, 0.99, 0.0, "no row reaches the target: run every image to the end"),
        (equally_cheap, 0.8, 0.4, "among rows with equally few MACs the smaller tolerance wins"),
        (equally_cheap, 0.95, 0.0, "no row reaches the target: run every image to the end"),
        (at_zero, 0.9, 0.0, "a row's own tolerance may be 0.0; the fewest MACs decide"),
        (up_and_down, 0.9, 0.3, "look at every row, and compare without rounding: 0.899 is below 0.9"),
    )
    for rows, target, tolerance, hint in cases:
        value = student.call(list(rows), target)
        student.same_number(value, tolerance, f"for the target {target} and the rows {rows}", hint=hint)


@self_check("exit_outputs, tolerance")
def check_per_sample_exits(student: Student) -> None:
    """Each sample by itself, at the first exit that is sure."""
    unsure, sure = [0.0] * CLASSES, [200.0] + [0.0] * (CLASSES - 1)
    by_exit = ([unsure, sure, unsure, unsure], [unsure, unsure, unsure, sure], [unsure] * 4, [sure] * 4)
    exit_outputs = [torch.tensor(rows) for rows in by_exit]
    for tolerance, right, hint in (
        (0.1, [3, 0, 3, 1], "the first exit below the tolerance, else the last; mind that 0 ln 0 is 0, not NaN"),
        (ABOVE_ANY_ENTROPY, [0, 0, 0, 0], "the first exit below the tolerance, and all entropies are below this one"),
        (0.0, [3, 3, 3, 3], "below means strictly below, and no entropy is below 0"),
    ):
        exits = student.call(exit_outputs, tolerance)
        _require_exits(student, exits, rows=4)
        student.same_list(exits.tolist(), right, f"at tolerance {tolerance:.2f}", hint=hint)
    torn = [torch.tensor([[200.0, 200.0] + [0.0] * (CLASSES - 2)])] * 4
    for tolerance, right in ((0.71, [0]), (0.68, [3])):
        meaning = f"at tolerance {tolerance} for two equally likely classes, whose entropy is ln 2 = 0.693 nats"
        hint = "the sum of -p ln p over the classes, where 0 ln 0 is 0: the natural logarithm, not divided by anything"
        student.same_list(student.call(torn, tolerance).tolist(), right, meaning, hint=hint)
    exit_outputs = [spread * torch.randn(50, CLASSES) for spread in (0.5, 1.0, 2.0, 4.0)]
    exits = student.call(exit_outputs, 1.2)
    alone = torch.cat([student.call([logits[i : i + 1] for logits in exit_outputs], 1.2) for i in range(50)])
    found = f"{int((exits != alone).sum())} of 50 samples leave elsewhere when they are alone"
    hint = "no mean over the batch: decide sample by sample"
    student.require(torch.equal(exits, alone), "the same exit whoever else is in the batch", found, hint=hint)
    later = int((student.call(exit_outputs, 1.5) > exits).sum())
    hint = "is the comparison the right way round?"
    student.require(later == 0, "no sample leaves later at a larger tolerance", f"{later} do", hint=hint)


@self_check("model, images, tolerance")
def check_predict_with_compaction(student: Student) -> None:
    """The answers of one image at a time, at the work of a shrinking batch."""
    model, count = known.listening_network(), 16
    images = known.brightened(torch.linspace(0.1, 3, count)[torch.randperm(count)])
    # A batch of one has no neighbours: there the model's own rule is the rule of the single sample.
    tolerance = sorted(model(image[None], ABOVE_ANY_ENTROPY)[2] for image in images)[count // 2]
    alone = [model(image[None], tolerance) for image in images]
    right = [index for _, index, _ in alone]
    with known.watched(model) as spy:
        logits, exits = student.call_for("logits, exits", model, images, tolerance)
    _require_logits(student, "logits", logits, rows=count)
    _require_exits(student, exits, rows=count)
    _require_evaluation_mode(student, spy)
    hint = "each image leaves where it would leave alone, and is reported at its place in the input"
    student.same_list(exits.tolist(), right, "are the exits", hint=hint)
    same = torch.allclose(logits, torch.cat([answer for answer, _, _ in alone]), atol=1e-4)
    hint = "write the answers back by the images' places in the input"
    student.require(same, "for each image the logits of the exit that it took", "other logits", hint=hint)
    reaching = [sum(index <= leaves_at for leaves_at in right) for index in range(4)]
    hint = "remove the finished images from the batch before the next stage"
    student.same_list(spy.samples, reaching, "images go through the four stages", hint=hint)
    hint = "keep the unfinished images together, so that each stage runs once"
    student.require(max(spy.calls) <= 1, "one call for each stage", f"calls: {spy.calls}", hint=hint)
    for tolerance, leaves_at, hint in (
        (ABOVE_ANY_ENTROPY, 0, "what happens when the batch is empty after exit 0?"),
        (0.0, 3, "the last exit answers for whoever is left"),
    ):
        logits, exits = student.call_for("logits, exits", model, images, tolerance)
        student.same_list(exits.tolist(), [leaves_at] * count, f"at tolerance {tolerance:.2f}", hint=hint)
        same = torch.allclose(logits, model.early_train(images)[leaves_at], atol=1e-4)
        hint = "write the answers down before the loop ends"
        student.require(same, f"the logits of exit {leaves_at} at tolerance {tolerance:.2f}", "others", hint=hint)
    _, exits = student.call_for("logits, exits", model, images[:1], 0.0)
    student.same_list(exits.tolist(), [3], "for a batch of one image at tolerance 0", hint="one image is a batch too")
    for_ten = EarlyExitResNet18(num_classes=10, width=known.WIDTH).eval()
    logits, _ = student.call_for("logits, exits", for_ten, images[:2], 3.0)
    fits = isinstance(logits, Tensor) and tuple(logits.shape) == (2, 10)
    hint = "take the number of classes from the logits, not from this data set"
    student.require(fits, "logits of shape (2, 10) from a network of ten classes", describe(logits), hint=hint)
    for head in model.heads:
        known.always_answer(head, label=0, sharpness=200)
    _, exits = student.call_for("logits, exits", model, images, 0.01)
    hint = "0 * ln 0 is 0 in an entropy, but NaN for torch, and NaN is below nothing"
    student.same_list(exits.tolist(), [0] * count, "for entropies of exactly 0 at tolerance 0.01", hint=hint)


# --- what several checks ask ---


def _require_logits(student: Student, name: str, logits: Any, rows: int) -> None:
    fits = isinstance(logits, Tensor) and tuple(logits.shape) == (rows, CLASSES)
    expected = f"{name}: a tensor of logits of shape ({rows}, {CLASSES})"
    hint = "one row for each image, one column for each class, no argmax"
    student.require(fits, expected, describe(logits), hint=hint)


def _require_loss(student: Student, loss: Any) -> None:
    hint = "no .item() and no detach() here: the training loop wants the gradient"
    single = isinstance(loss, Tensor) and loss.numel() == 1
    student.require(single, "loss: a tensor with one number", describe(loss), hint=hint)
    student.require(loss.requires_grad, "a loss that has a gradient", "it has none", hint=hint)
    finite = math.isfinite(loss.item())
    student.require(finite, "a finite loss", describe(loss), hint="does the criterion get plain logits?")


def _require_training_mode(student: Student, model: nn.Module, spy: Spy, images: Tensor) -> None:
    hint = "a training step leaves the mode alone: in eval mode BatchNorm does not learn"
    student.require(model.training, "the network still in training mode", "it is in eval mode", hint=hint)
    as_given = bool(spy.images) and torch.equal(spy.images[0], images)
    student.require(as_given, "the images as they were given", "others", hint="they lie in [0, 1] already: no scaling")


def _require_backward(student: Student, loss: Tensor, called: bool = False) -> None:
    """Call it for the student, who should not have."""
    hint = "the training loop calls backward(): called twice, it doubles the gradient"
    try:
        loss.sum().backward()
    except RuntimeError:
        called = True  # the graph is gone
    student.require(not called, "a loss on which nobody has called backward()", "one on which it was called", hint=hint)


def _require_accuracy(student: Student, accuracy: Any, right: float, meaning: str) -> None:
    hint = "count right answers over all images and divide once, at the end; no percent here"
    student.same_number(accuracy, right, meaning, hint=hint)


def _require_macs(student: Student, macs: Any, right: int, meaning: str) -> None:
    whole = isinstance(macs, int | np.integer) and not isinstance(macs, bool)
    student.require(whole, "total_macs: an int", describe(macs), hint="MACs are counted: whole numbers")
    hint = "every image costs the way to the exit it took and no more, those of a short batch too"
    student.require(macs == right, f"{right:,} {meaning}", f"{macs:,}", hint=hint)


def _require_counts(student: Student, counts: Any, leaves_at: int, at: str) -> None:
    """All of three batches leave at one exit."""
    complete = isinstance(counts, Mapping) and set(counts) == {0, 1, 2, 3}
    hint = "start with a zero for each exit, so that one that nobody takes is listed too"
    student.require(complete, "exiting_points: a dict with the keys 0, 1, 2, 3", describe(counts), hint=hint)
    hint = "count batches, not images; the model returns the exit it took; does it get the tolerance?"
    right = {index: 3 * (index == leaves_at) for index in range(4)}
    student.require(dict(counts) == right, f"{right} batches {at}", f"{dict(counts)}", hint=hint)


def _require_entropies(student: Student, entropies: Any, right: Sequence[float]) -> None:
    if isinstance(entropies, np.ndarray | Tensor) and entropies.ndim == 1:
        entropies = entropies.tolist()
    several = isinstance(entropies, list | tuple) and len(entropies) == len(right)
    hint = "keep what the model returns beside the logits, batch after batch, not sorted"
    student.require(several, f"a list of {len(right)} entropies, one for each batch", describe(entropies), hint=hint)
    found = [number(value) for value in entropies]
    fits = all(close(value, wanted) for value, wanted in zip(found, right, strict=True))
    student.require(fits, f"the entropies {[round(value, 4) for value in right]}", f"{found}", hint=hint)


def _require_exits(student: Student, exits: Any, rows: int) -> None:
    fits = isinstance(exits, Tensor) and exits.dtype == torch.int64 and tuple(exits.shape) == (rows,)
    expected = f"exits: an int64 tensor of shape ({rows},)"
    student.require(fits, expected, describe(exits), hint="one exit index for each image")


def _require_evaluation_mode(student: Student, spy: Spy) -> None:
    hint = "in training mode BatchNorm uses the batch at hand and changes its statistics"
    student.require(not spy.training, "the network in eval mode", "it ran in training mode", hint=hint)
    hint = "evaluation goes under torch.no_grad()"
    student.require(not spy.graph, "no graph is built", "it ran with gradients switched on", hint=hint)
