"""The visible checks of the notebook: one call behind each task, an answer at once, a hint when it is wrong.

A check feeds the student's function small inputs whose outcome is known beforehand: heads that always give the
same answer, a network that names colours, logits of which the entropy is in every textbook. Where the outcome is that
of a known mistake, the hint names it. A check holds no solution, may be looser than the grading, and knows nothing of
points. `show(task)` gives the inputs of the last call, `overview()` says what is done and what is missing,
`name_unfilled()` says which TODO an error comes from.
"""

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from course_lib import _known as known
from course_lib import ready
from course_lib._known import CLASSES
from course_lib._spy import Spy
from course_lib._student import (
    SelfCheckFailure,
    Student,
    asked,
    close,
    describe,
    number,
    recognised,
    says,
    self_check,
    show,
)
from course_lib._unfilled import name_unfilled
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
    "name_unfilled",
    "overview",
    "show",
]

LN_C = math.log(CLASSES)  # nats: the entropy, and the cross entropy, of six equally likely classes
ABOVE_ANY_ENTROPY = LN_C + 0.2  # a tolerance at which everything leaves at once
CPU = torch.device("cpu")
IMAGE = (3, 32, 32)


@self_check("model, images, labels, criterion")
def check_baseline_step(student: Student) -> None:
    """The plain network's logits, and their loss."""
    images, labels = known.noise(8), torch.arange(8) % CLASSES
    model = known.network()
    known.always_answer(model.heads[0], label=1, sharpness=50)  # so sure that a batch that may leave does
    for head in list(model.heads)[1:]:
        known.always_answer(head, label=2)
    with known.watched(model) as spy:
        outputs, loss = student.call_for("outputs, loss", model, images, labels, nn.CrossEntropyLoss())
        _require_training_mode(student, model, spy, images)
    _require_logits(student, "outputs", outputs, rows=8)
    hint = "the logits of the plain network as it returns them: nothing after the head"
    if bool((outputs.argmax(dim=1) == 1).all()):
        hint = "this is exit 0, and the last exit alone is wanted: an argument of forward switches early exit off"
    _require_values(student, outputs, known.answers([2] * 8, 4.0), "the logits of exit 3", otherwise=hint)
    _require_loss(student, loss)
    right = known.loss_of(4, right=1 / 8)
    mistakes = [
        (right / 8, "the criterion takes the mean over the batch already: do not divide by the batch size"),
        (right * 8, "the mean over the batch is wanted, as the criterion gives it: do not multiply"),
        (known.loss_of(known.after_softmax(4), 1 / 8), "the criterion takes the logits as they are: no softmax before"),
        (known.loss_of(50, 2 / 8) + 0.9 * right, "this is the joint loss: the plain network has the last exit alone"),
        (known.loss_of(50, 2 / 8) + 3 * right, "this trains all exits: the plain network has the last exit alone"),
    ]
    hint = recognised(loss, mistakes, "hand the logits as they are and the labels to the criterion")
    student.same_number(loss, right, "when one image of 8 is right", hint=hint)
    model = known.network()
    _, loss = student.call_for("outputs, loss", model, images, labels, nn.CrossEntropyLoss())
    _require_backward(student, loss)
    reached = [index for index in range(4) if known.linear_of(model.heads[index]).weight.grad is not None]
    student.same_list(reached, [3], "the only head with a gradient", hint="this is the plain network: exit 3 alone")


@self_check("model, loader, device")
def check_evaluate_baseline(student: Student) -> None:
    """Accuracy per image, MACs per image, eval mode, no graph."""
    model = known.colour_network((4.0, 4.0, 4.0, 4.0))
    known.always_answer(model.heads[0], label=5, sharpness=50)  # for a batch that may leave
    sizes, hits = (5, 5, 2), (3, 1, 1)
    brightness = [
        0.5,
        0.6,
        0.9,
        0.7,
        0.6,
        0.5,
        1.0,
        0.6,
        0.7,
        0.8,
        0.5,
        0.9,
    ]  # the first of a batch is not the brightest
    images = known.coloured([0, 1, 2, 1, 0, 2, 1, 0, 1, 2, 0, 1], brightness)
    wanted = torch.tensor([known.colour_answer(3, c) for c in (0, 1, 2, 1, 0, 2, 1, 0, 1, 2, 0, 1)])
    right = torch.tensor([1, 1, 1, 0, 0, 1, 0, 0, 0, 0, 1, 0], dtype=torch.bool)
    labels = torch.where(right, wanted, torch.tensor([3, 3, 3, 5, 3, 3, 5, 4, 3, 3, 3, 4]))
    loader = known.batches(images, labels, batch_size=5)
    with known.watched(model) as spy:
        accuracy, macs = student.call_for("accuracy, total_macs", model, loader, CPU)
    _require_evaluation_mode(student, spy)
    early = (2 / 12, "these are the answers of exit 0: early_exit=False gives those of the last exit")
    meaning = "for a network that is right about 5 of 12 images"
    _require_accuracy(student, accuracy, hits, sizes, meaning, early)
    _require_macs(student, macs, model, sizes, (3, 3, 3), "MACs for 12 images, all to the last exit")


@self_check("exit_outputs, labels, criterion")
def check_early_exit_loss(student: Student) -> None:
    """The weighted sum over four exits, seen from its value and its gradients."""
    labels = torch.tensor([0, 3, 5, 1])
    sharpness = (1.0, 2.0, 3.0, 4.0)
    sure = [known.answers([0] * 4, sharp).requires_grad_() for sharp in sharpness]  # class 0: right about one of 4
    losses = np.array([known.loss_of(sharp, 1 / 4) for sharp in sharpness])
    loss = student.call(list(sure), labels, nn.CrossEntropyLoss())
    right = 1.6 * losses[0] + 0.3 * (losses[1:].sum() - 2 * losses[0])
    hint = recognised(loss, _wrong_sums(losses, right, sharpness), "") or _weights_found(loss, sure, losses, labels)
    meaning = f"for exits with the losses {', '.join(f'{one:.3f}' for one in losses)}"
    student.same_number(loss, right, meaning, hint=hint)
    exit_outputs = [torch.zeros(4, CLASSES, requires_grad=True) for _ in range(4)]
    given = list(exit_outputs)
    loss = student.call(given, labels, nn.CrossEntropyLoss())
    kept = len(given) == 4
    hint = "do not pop from the list: the caller goes on using it"
    student.require(kept, "the list of four exits as it was", f"{len(given)} in it", hint=hint)
    _require_loss(student, loss)
    hint = "a second call gave another sum: keep nothing from the call before"
    student.same_number(loss, 1.9 * LN_C, "= 1.9 ln 6, when no exit knows anything", hint=hint)
    called = any(logits.grad is not None for logits in exit_outputs)
    _require_backward(student, loss, called)
    pulls = [0.0 if logits.grad is None else float(logits.grad.norm()) for logits in exit_outputs]
    found = "gradients of size " + ", ".join(f"{pull:.3f}" for pull in pulls)
    hint = "each exit's loss belongs to the sum as a tensor: .item(), detach() and no_grad cut its gradient off"
    student.require(min(pulls) > 0, "a gradient at every exit", found, hint=hint)
    equal = close(pulls[1], pulls[2]) and close(pulls[2], pulls[3])
    student.require(equal, "equal gradients at exits 1, 2 and 3", found, hint="the last three weights are equal")
    hint = "exit_outputs begins with the first exit, and the first weight is the large one"
    student.require(pulls[0] > 2 * pulls[1], "the largest gradient at exit 0", found, hint=hint)


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
    all_four = "each exit's own logits, first exit first: the model has a method that returns all exits"
    hint = all_four if not isinstance(exit_outputs, Tensor) or exit_outputs.ndim else _ORDER
    student.require(four, "a list of four exits' logits", describe(exit_outputs), hint=hint)
    for index, logits in enumerate(exit_outputs):
        _require_logits(student, f"exit_outputs[{index}]", logits, rows=8)
        meaning = f"the logits of exit {index} at place {index}"
        _require_values(student, logits, known.answers([index] * 8, 4.0), meaning, otherwise=all_four)
    _require_loss(student, loss)
    # A wrong early_exit_loss has its own check: here it is enough that it is the one in use.
    own_loss = getattr(student.function, "__globals__", {}).get("early_exit_loss")
    as_own = callable(own_loss) and close(loss, number(own_loss(exit_outputs, labels, criterion)) or math.nan)
    if not as_own:
        right = known.loss_of(4, 2 / 8) * 1.3 + known.loss_of(4, 1 / 8) * 0.6
        hint = "hand all four exits to your early_exit_loss, and return what it gives"
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
    """Accuracy, counts, entropies and MACs of networks that name colours, each exit in its own way."""
    names = "accuracy, exiting_points, entropies, total_macs"
    sharpness = (0.1, 4.0, 8.0, 16.0)  # entropies 1.79, 0.42, 0.02 and 0.00 nats
    model = known.colour_network(sharpness)
    sizes, colours = (4, 4, 2), [0, 1, 2, 1, 2, 2, 0, 1, 1, 0]
    at_exit = {k: [known.colour_answer(k, colour) for colour in colours] for k in range(4)}
    # Exit 1 is right about 3, 2 and 1 images of the three batches, exit 3 about 0, 1 and 0.
    labels = torch.tensor([*at_exit[1][:3], 5, *at_exit[1][4:6], at_exit[3][6], 4, 3, at_exit[1][9]])
    brightness = [0.9, 1.0, 0.9, 0.9, 0.9, 0.9, 1.0, 0.9, 0.9, 1.0]  # the first of a batch is not the brightest
    loader = known.batches(known.coloured(colours, brightness), labels, batch_size=4)
    for tolerance, leaves_at, hits in ((0.8, 1, (3, 2, 1)), (0.0, 3, (0, 1, 0))):
        at = f"at tolerance {tolerance}, where exit {leaves_at} answers"
        with known.watched(model) as spy:
            accuracy, counts, entropies, macs = student.call_for(names, model, loader, tolerance, CPU)
        _require_evaluation_mode(student, spy)
        _require_counts(student, counts, leaves_at, sizes, at)
        end = (1 / 10, "these are the answers of the last exit: take the logits of the exit taken")
        _require_accuracy(student, accuracy, hits, sizes, at, end)
        _require_macs(student, macs, model, sizes, (leaves_at,) * 3, f"MACs for 10 images {at}")
        if leaves_at < 3:  # a run that only counts MACs goes the whole way, or leaves as well
            gone = spy.samples[leaves_at] - spy.samples[leaves_at + 1]
            hint = "let the model leave: given the tolerance, it stops at the exit that it returns"
            student.require(gone >= 10, f"10 images gone behind exit {leaves_at}", f"{gone} are gone", hint=hint)
        left_with = [known.entropy_of(sharpness[leaves_at] * bright) for bright in brightness]
        means = [sum(left_with[part]) / len(left_with[part]) for part in (slice(0, 4), slice(4, 8), slice(8, 10))]
        _require_entropies(student, entropies, means)
    # Batches of different brightness have different entropies: now their order shows.
    model = known.colour_network((4.0, 4.0, 4.0, 4.0))
    brightness = [0.5] * 4 + [1.0] * 4 + [0.25] * 4
    loader = known.batches(known.coloured([0, 1, 2] * 4, brightness), torch.zeros(12, dtype=torch.int64), batch_size=4)
    _, counts, entropies, macs = student.call_for(names, model, loader, ABOVE_ANY_ENTROPY, CPU)
    _require_counts(student, counts, 0, (4, 4, 4), "at a tolerance above ln 6")
    _require_macs(student, macs, model, (4, 4, 4), (0, 0, 0), "MACs for 12 images that leave at exit 0")
    _require_entropies(student, entropies, [known.entropy_of(4 * bright) for bright in (0.5, 1.0, 0.25)])
    # Bright batches leave at once, a dim one stays to the end, and the short one is bright.
    model = known.colour_network((8.0, 8.0, 8.0, 8.0))
    images = known.coloured([0, 1, 2, 0, 1, 2, 0, 1, 2, 0], [1.0] * 4 + [0.25] * 4 + [1.0] * 2)
    loader = known.batches(images, torch.zeros(10, dtype=torch.int64), batch_size=4)
    _, _, _, macs = student.call_for(names, model, loader, 0.5, CPU)
    _require_macs(
        student, macs, model, (4, 4, 2), (0, 3, 0), "MACs for batches of 4, 4 and 2 images at exits 0, 3 and 0"
    )
    model = known.colour_network((4.0, 4.0, 4.0, 4.0))
    # A dim image among bright ones: it leaves with its batch, and would not leave alone.
    images = known.coloured([0, 1, 2, 0], [0.1, 1.0, 1.0, 1.0])
    loader = known.batches(images, torch.zeros(4, dtype=torch.int64), batch_size=4)
    _, _, _, macs = student.call_for(names, model, loader, 1.0, CPU)
    _require_macs(student, macs, model, (4,), (0,), "MACs for a batch of 4 images that leaves at exit 0 as a whole")


@self_check("total_macs, total_early_macs")
def check_mac_ratio(student: Student) -> None:
    """A ratio, the right way round."""
    for standard, early, ratio in ((300, 200, 1.5), (64, 64, 1.0), (4 * 10**12, 3 * 10**12, 4 / 3)):
        value = student.call(standard, early)
        mistakes = [
            (1 / ratio, "upside down: above 1 means that early exit computed less"),
            (100 * ratio, "a ratio, no percent: leave out the factor 100"),
            (1 - 1 / ratio, "this is the share that was saved; the ratio is one total divided by the other"),
            (100 - 100 / ratio, "this is the share that was saved, in percent; the ratio is one total over the other"),
            (ratio - 1, "a ratio of 1 means that nothing was saved: do not subtract 1"),
            (float(int(ratio)), "// drops the fraction: divide with /"),
            (round(ratio, 2), "do not round"),
            (standard - early, "this is the difference; the ratio is one total divided by the other"),
            (ratio / (ratio + 1), "divide by the early-exit total alone, not by the sum of both"),
            (1.4469415, "this is a constant: use the arguments"),
        ]
        hint = recognised(
            value, mistakes, "divide the standard total by the early-exit total, add nothing, do not round"
        )
        student.same_number(value, ratio, f"for {standard:,} against {early:,}", hint=hint)


@self_check("sweep, target")
def check_choose_tolerance(student: Student) -> None:
    """The cheapest tolerance that is good enough."""
    sweep = [(0.0, 0.92, 900), (0.3, 0.90, 500), (0.1, 0.91, 800), (0.6, 0.70, 300), (0.5, 0.90, 400), (0.8, 0.92, 850)]
    equally_cheap = [(0.7, 0.9, 400), (0.4, 0.8, 400), (0.6, 0.8, 400)]
    at_zero = [(0.0, 0.95, 300), (0.2, 0.96, 500), (0.4, 0.97, 400)]
    up_and_down = [(0.1, 0.950, 900), (0.2, 0.898, 700), (0.3, 0.940, 600), (0.4, 0.899, 500)]
    none = "no row reaches the target: return 0.0, which runs every image to the end"
    first = "first see which rows reach the target, by (tolerance, accuracy, total_macs); then look for the fewest MACs"
    fewest = "of the rows that reach the target the one with the fewest MACs"
    other = {0.8: f"{fewest}, not the largest tolerance", 0.0: f"{fewest}: look at all of them"}
    cases: list[tuple[list[tuple[float, float, int]], float, float, str, dict[float, str]]] = [
        (sweep, 0.905, 0.1, first, other),  # with what some other tolerances come from
        (sweep, 0.90, 0.5, "an accuracy equal to the target is good enough", {0.3: f"{fewest}, not the closest"}),
        (sweep, 0.50, 0.6, "when all rows reach the target, the MACs decide; the rows come in any order", {}),
        (sweep, 0.99, 0.0, none, {}),
        (equally_cheap, 0.8, 0.4, "among rows with equally few MACs the smaller tolerance wins", {}),
        (equally_cheap, 0.95, 0.0, none, {}),
        (at_zero, 0.9, 0.0, "a row's own tolerance may be 0.0; the fewest MACs decide", {}),
        (up_and_down, 0.9, 0.3, "look at every row, and compare without rounding: 0.899 is below 0.9", {}),
    ]
    for rows, target, tolerance, hint, others in cases:
        value = student.call(list(rows), target, hint=hint if hint is none else "")
        mistakes = [*others.items(), *_other_columns(rows)]
        hint = recognised(value, [] if hint is none else mistakes, hint)
        if isinstance(value, list | tuple):
            hint = "return the tolerance of the row, one number, not the row"
        student.same_number(value, tolerance, f"for the target {target} and the rows {rows}", hint=hint)


@self_check("exit_outputs, tolerance")
def check_per_sample_exits(student: Student) -> None:
    """Each sample by itself, at the first exit that is sure."""
    _require_textbook_entropies(student)
    unsure, sure, surest = [0.0] * CLASSES, [8.0] + [0.0] * (CLASSES - 1), [200.0] + [0.0] * (CLASSES - 1)
    samples = (  # at the four exits
        (unsure, sure, unsure, unsure),
        (sure, unsure, surest, surest),
        (unsure, unsure, unsure, unsure),
        (unsure, unsure, sure, surest),
        (unsure, unsure, unsure, sure),
    )
    exit_outputs = [torch.tensor([sample[index] for sample in samples]) for index in range(4)]
    before = [logits.clone() for logits in exit_outputs]
    exits = student.call(exit_outputs, 0.1)
    _require_exits(student, exits, rows=5)
    hint = _WRONG_CHOICES.get(tuple(exits.tolist()), "the first exit below the tolerance, else the last")
    if "else" in hint and all(one >= wanted for one, wanted in zip(exits.tolist(), (1, 0, 3, 2, 3), strict=True)):
        hint = (
            "too late: the first exit below the tolerance counts; each exit's own logits and the tolerance, as they are"
        )
    student.same_list(exits.tolist(), [1, 0, 3, 2, 3], "at tolerance 0.10", hint=hint)
    intact = len(exit_outputs) == 4 and all(map(torch.equal, exit_outputs, before))
    hint = "do not change exit_outputs in place: a second call would work on what was written there"
    student.require(intact, "the logits as they were", "others after the call", hint=hint)
    for tolerance, right, hint in (
        (ABOVE_ANY_ENTROPY, 0, "all entropies are below this tolerance: all leave at the first exit"),
        (0.0, 3, "below means strictly below, < and not <=: no entropy is below 0"),
    ):
        found = student.call(exit_outputs, tolerance).tolist()
        student.same_list(found, [right] * 5, f"at tolerance {tolerance:.2f}", hint=hint)
    exit_outputs = [spread * torch.randn(50, CLASSES) for spread in (0.5, 1.0, 2.0, 4.0)]
    exits = student.call(exit_outputs, 1.2)
    alone = torch.cat([student.call([logits[i : i + 1] for logits in exit_outputs], 1.2) for i in range(50)])
    found = f"{int((exits != alone).sum())} of 50 samples leave elsewhere when they are alone"
    hint = "no mean over the batch: decide sample by sample, by each sample's own entropy"
    student.require(torch.equal(exits, alone), "the same exit whoever else is in the batch", found, hint=hint)
    later = int((student.call(exit_outputs, 1.5) > exits).sum())
    hint = "is the comparison the right way round?"
    student.require(later == 0, "no sample leaves later at a larger tolerance", f"{later} do", hint=hint)


@self_check("model, images, tolerance")
def check_predict_with_compaction(student: Student) -> None:
    """Each image at its own exit, at the work of a shrinking batch."""
    # An image as bright as 7 / sharpness[k] is sure at exit k, and only half as sure at the exit before it.
    sharpness, tolerance = (7.0, 14.0, 28.0, 56.0), known.entropy_of(6.2)
    model = known.colour_network(sharpness)
    right = [2, 0, 3, 1, 0, 3, 1, 0, 2, 0, 3, 1]
    colours = [0, 1, 2, 0, 2, 1, 1, 0, 0, 2, 0, 2]
    logit = [6.4, 6.6, 6.8, 7.0, 6.4, 1.0, 6.8, 7.0, 10.0, 6.7, 6.9, 6.6]  # the sixth is sure at no exit
    images = known.coloured(colours, [high / sharpness[k] for high, k in zip(logit, right, strict=True)])
    with known.watched(model) as spy:
        logits, exits = student.call_for("logits, exits", model, images, tolerance)
    _require_logits(student, "logits", logits, rows=12)
    _require_exits(student, exits, rows=12)
    _require_evaluation_mode(student, spy)
    student.same_list(exits.tolist(), right, "are the exits", hint=_wrong_exits(exits.tolist(), right))
    taken = [known.colour_answer(k, colour) for k, colour in zip(right, colours, strict=True)]
    wanted = known.answers(taken, torch.tensor(logit))
    _require_values(student, logits, wanted, "for each image the logits of the exit it took", otherwise=_PLACES)
    reaching = [sum(index <= leaves_at for leaves_at in right) for index in range(4)]
    hint = "keep the unfinished images together, so that each stage runs once: one image at a time is no batch"
    if max(spy.calls) < max(reaching):
        hint = (
            "each stage runs once, for all together, on what the stage before returned: no second pass over the images"
        )
    student.require(max(spy.calls) <= 1, "one call for each stage", f"calls: {spy.calls}", hint=hint)
    hint = "remove the finished images from the batch before the next stage"
    student.same_list(spy.samples, reaching, "images go through the four stages", hint=hint)
    for tolerance, leaves_at, hint in (
        (ABOVE_ANY_ENTROPY, 0, "what happens when the batch is empty after exit 0?"),
        (0.0, 3, "the last exit answers for whoever is left"),
    ):
        logits, exits = student.call_for("logits, exits", model, images, tolerance, hint=hint)
        student.same_list(exits.tolist(), [leaves_at] * 12, f"at tolerance {tolerance:.2f}", hint=hint)
        meaning = f"the logits of exit {leaves_at} at tolerance {tolerance:.2f}"
        otherwise = "write the answers down before the loop ends"
        _require_values(student, logits, model.early_train(images)[leaves_at].detach(), meaning, otherwise=otherwise)
    _, exits = student.call_for("logits, exits", model, images[:1], 0.0)
    hint = "one image is a batch too: squeeze() would take its axis away"
    student.same_list(exits.tolist(), [3], "for a batch of one image at tolerance 0", hint=hint)
    for_ten = EarlyExitResNet18(num_classes=10, width=known.WIDTH).eval()
    hint = "take the number of classes from the logits, not from this data set"
    logits, _ = student.call_for("logits, exits", for_ten, images[:2], 3.0, hint=hint)
    fits = isinstance(logits, Tensor) and tuple(logits.shape) == (2, 10)
    student.require(fits, "logits of shape (2, 10) from a network of ten classes", describe(logits), hint=hint)
    for head in model.heads:
        known.always_answer(head, label=0, sharpness=200)
    _, exits = student.call_for("logits, exits", model, images, 0.01)
    hint = "0 * ln 0 is 0 in an entropy, but NaN for torch, and NaN is below nothing"
    student.same_list(exits.tolist(), [0] * 12, "for entropies of exactly 0 at tolerance 0.01", hint=hint)
    _, exits = student.call_for("logits, exits", model, images, 0.0)
    hint = "below means strictly below, < and not <=: no entropy is below 0"
    student.same_list(exits.tolist(), [3] * 12, "for entropies of exactly 0 at tolerance 0", hint=hint)


def overview() -> None:
    """Print which tasks look right now, the points they carry, and how to hand in.

    Points, and which questions have an answer, come from the saved file of the notebook.
    """
    names = vars(sys.modules["__main__"])
    now = {task: says(task, names[task]) if task in names else "not defined yet" for task in asked}
    file = ready.here(names)
    try:
        notebook = ready.read(file) if file else None
    except ready.NotReady as error:
        print(f"{error}\n")
        notebook = None
    print(ready.summary(notebook, now))


# --- what known mistakes lead to ---


def _wrong_sums(losses: np.ndarray, right: float, sharpness: Sequence[float]) -> list[tuple[float, str]]:
    """Losses of known mistakes, with hints."""
    of_logits = known.loss_of(sharpness[0] + 0.3 * sum(sharpness[1:]), 1 / 4)
    softened = np.array([known.loss_of(known.after_softmax(sharp), 1 / 4) for sharp in sharpness])
    first = "the first exit weighs 1, each other 0.3"
    return [
        (right / 1.9, "nothing is averaged: the sum is not divided by the sum of the weights"),
        (right / 4, "nothing is averaged: the sum of the four is wanted, not the mean"),
        (losses.sum(), f"the weights are not all equal: {first}"),
        (losses.mean(), f"a weighted sum, no mean: {first}"),
        (0.3 * losses.sum(), f"here every exit weighs 0.3: {first}"),
        (1.9 / 4 * losses.sum(), f"here the weights are all equal: {first}, and the first weight is the large one"),
        (np.dot([0.3, 0.3, 0.3, 1], losses), f"the weights are reversed: {first}"),
        (np.dot([0.3, 1, 1, 1], losses), f"the weights are exchanged: {first}"),
        (np.dot([1, 0.3, 0.09, 0.027], losses), f"no powers of 0.3: {first}"),
        (np.dot([1.3, 0.3, 0.3, 0.3], losses), "the first exit is counted twice: the others begin at exit 1"),
        (np.dot([1, 0.3, 0.3, 0], losses), "the last exit is left out: all four belong to the sum"),
        (losses[0], "this is the first exit's loss alone: all four belong to the sum"),
        (0.3 * losses[3], "this is the last exit's loss alone: add up over all exits"),
        (losses[3], "this is the last exit's loss alone: all four belong to the sum"),
        (np.dot([1, 0.3, 0.3, 0.3], softened), "the criterion takes the logits as they are: no softmax before it"),
        (of_logits, "weigh the losses, not the logits: the criterion is called once for each exit"),
        (right * 4, "the criterion takes the mean over the batch already: do not multiply by the batch size"),
    ]


def _weights_found(loss: Any, exit_outputs: Sequence[Tensor], losses: np.ndarray, labels: Tensor) -> str:
    """The weights that a sum of the exits' losses was made with: each exit's gradient grows with its own."""
    if not isinstance(loss, Tensor) or loss.numel() != 1 or not loss.requires_grad:
        return _OF_EACH
    try:
        pulls = torch.autograd.grad(loss.sum(), exit_outputs, allow_unused=True, retain_graph=True)
    except RuntimeError:  # backward() was called: the graph is gone
        return _OF_EACH
    weights = []
    for logits, pull in zip(exit_outputs, pulls, strict=True):
        (own,) = torch.autograd.grad(nn.functional.cross_entropy(logits, labels), [logits])
        weights.append(0.0 if pull is None else float((pull * own).sum() / own.square().sum()))
    if not close(loss, float(np.dot(weights, losses))):
        return _OF_EACH
    said = ", ".join(f"{weight:.3g}" for weight in weights)
    return f"here the exits weigh {said}: the first exit weighs 1, each other 0.3"


_ORDER = "mind the order of the return statement: exit_outputs first, loss second"
_OF_EACH = "each exit's logits go to the criterion; the four losses weigh 1, 0.3, 0.3 and 0.3, and are added up"


def _other_columns(rows: Sequence[tuple[float, float, int]]) -> list[tuple[float, str]]:
    """What is no tolerance of the sweep, but something else of it."""
    tolerances = [row[0] for row in rows]
    found: list[tuple[float, str]] = []
    for index, (_, accuracy, macs) in enumerate(rows):
        found += [
            (macs, "these are a row's MACs: return that row's tolerance"),
            (accuracy, "this is a row's accuracy: return that row's tolerance"),
            (index, "this is a row's place in the list: return that row's tolerance"),
        ]
    return [(value, hint) for value, hint in found if not any(close(value, tolerance) for tolerance in tolerances)]


_WRONG_CHOICES = {  # the exits of the five samples of check_per_sample_exits -> what is wrong
    (1, 3, 3, 3, 3): "the first exit that is sure counts; here a later one overrules it",
    (1, 3, 0, 3, 3): "the first exit below the tolerance, not the surest of all",
    (1, 2, 3, 3, 3): "the first exit below the tolerance, not the surest of all",
    (1, 2, 0, 3, 3): "the first exit below the tolerance, not the surest of all",
    (1, 0, 0, 2, 3): "no exit is sure of the third sample, so it leaves at the last exit, and not at exit 0",
    (1, 0, -1, 2, 3): "no exit is sure of the third sample, so it leaves at the last exit, which is 3 and not -1",
    (1, 0, 4, 2, 3): "no exit is sure of the third sample, so it leaves at the last exit, which is 3",
    (2, 1, 4, 3, 4): "exits are numbered from 0, not from 1",
    (2, 1, 3, 3, 3): "exits are numbered from 0, not from 1",
    (3, 1, 4, 2, 3): "the first exit that is sure, not the number of unsure ones",
    (2, 1, 3, 2, 3): "the first exit that is sure, not the number of unsure ones",
    (3, 1, 3, 2, 3): "the first exit that is sure, not the number of unsure ones",
    (1, 2, 3, 2, 3): "nothing stays at exit 0: a later exit overrules none; and is 0 taken for not yet assigned?",
    (3, 0, 3, 3, 3): "each exit's own entropy decides: no mean over exits, and no waiting until all of them are sure",
    (1, 0, 2, 2, 2): "no sample is at the last exit, 3: is it left out?",
    (2, 0, 3, 0, 0): "exit_outputs begins with the first exit, exit 0; here the last one was asked first",
    (3, 3, 3, 3, 3): "nothing leaves early: compare each sample's own entropy with the tolerance; NaN is below nothing",
}


def _require_textbook_entropies(student: Student) -> None:
    """Measure the student's entropies of four known rows: the tolerances from which on each row leaves at once."""
    rest = [1.0] * (CLASSES - 1)
    # The last row has no part in it: as many rows as exits would let a tensor along the exits pass.
    rows = torch.tensor([[1.0, *rest], [201.0, 201.0, *rest[1:]], [201.0, *rest], [3.0, *rest], [1.0, *rest]])

    def leaves(tolerance: float) -> list[bool]:
        exits = student.call([rows.clone() for _ in range(4)], tolerance)
        _require_exits(student, exits, rows=5)
        return [index == 0 for index in exits.tolist()[:4]]

    expected = "nats: 1.792 (six equal logits), 0.693 (two large ones), 0.000 (one large one), 1.324 (one larger by 2)"
    at_least, at_most, ever = leaves(-20.0), leaves(20.0), leaves(1e6)
    if not any(at_least) and not any(at_most):
        return  # the exits are wrong, or all entropies are NaN: what follows tells
    hint = ""
    if all(at_least) and all(at_most) and not any(leaves(0.0)):
        hint = "the tolerance is compared as it is: not squared, and without abs()"
    elif all(at_least) and all(at_most):
        hint = "where no exit is sure, the last exit answers; argmax gives 0 there. Or is the mask turned round?"
    elif ever != at_most:
        hint = "no entropy is that large: softmax first, then the sum of -p ln p"
    elif all(at_least):
        hint = "a sample leaves where its entropy is below the tolerance, not above it"
    elif any(at_least):
        hint = "these are logits: the entropy is one of probabilities, so softmax first"
    if hint:
        found = f"at tolerance -20 the rows leave at exit 0: {at_least}; at 20: {at_most}"
        student.require(False, "no row below -20 nats, and every row below 20", found, hint=hint)
    low, high = [-20.0] * 4, [20.0] * 4
    for _ in range(21):  # to 0.00002 nats
        for row in range(4):
            middle = (low[row] + high[row]) / 2
            if at_most[row] and leaves(middle)[row]:
                high[row] = middle
            else:
                low[row] = middle
    entropies = [(a + b) / 2 if known_row else math.nan for a, b, known_row in zip(low, high, at_most, strict=True)]
    fits = all(abs(value - wanted) < 1e-3 for value, wanted in zip(entropies, _TEXTBOOK, strict=True))
    found = ", ".join("NaN or infinity" if math.isnan(value) else f"{value + 0.0:.3f}" for value in entropies)
    hint = _of_entropies(entropies)
    student.require(fits, expected, f"rows that leave as if their entropies were {found}", hint=hint)


# Entropies in nats of logits with six equal, two large, one large, and one that is larger by 2. They are typed, because
# a formula would be the answer.
_TEXTBOOK = (1.7918, 0.6931, 0.0, 1.3240)


def _of_entropies(found: Sequence[float]) -> str:
    """What is wrong with the entropies of the textbook's rows."""
    if any(map(math.isnan, found)):
        return "0 * ln 0 is 0 in an entropy, but NaN for torch: log_softmax takes no logarithm of 0"
    scaled = (
        (1 / LN_C, "nothing is divided by ln C: the entropy in nats is not normalised"),
        (1 / CLASSES, "the sum over the classes, not their mean"),
        (-1, "where is the minus sign? The logarithm of a probability is negative"),
        (1 / math.log(2), "these are bits: the logarithm is the natural one, ln, not log2"),
        (found[0] / LN_C, f"each is {found[0] / LN_C:.3g} times the entropy in nats: take ln, and multiply by nothing"),
    )
    no_entropy = "the rule asks for the entropy"
    others = (
        ((1.7918, 1.7616, 1.6914, 1.7689), "these are probabilities already: take the softmax once"),
        ((0.8333, 0.5, 0.0, 0.4036), f"this is 1 minus the largest probability; {no_entropy}"),
        ((0.1667, 0.5, 1.0, 0.5964), f"this is the largest probability; {no_entropy}"),
        ((-0.1667, -0.5, -1.0, -0.5964), f"this is the largest probability; {no_entropy}"),
        (
            (1.7918, 0.6931, 0.0, 0.5168),
            f"this looks at the largest probability alone; {no_entropy}, a sum over all classes",
        ),
        ((0.8333, 0.5, 0.0, 0.6117), f"this is 1 minus the sum of squares; {no_entropy}"),
    )
    known_mistakes = [
        (tuple(factor * value for value in _TEXTBOOK), hint) for factor, hint in scaled if abs(factor) > 0.01
    ]
    for values, hint in [*known_mistakes, *others]:
        if all(abs(value - one) < 1e-3 for value, one in zip(found, values, strict=True)):
            return hint
    if max(found) - min(found) < 1e-3:
        return "all rows have the same: each sample has an entropy of its own, no mean, max or sum over the batch"
    if any(abs(found[0] - one) < 1e-3 for one in (math.log(5), 0.8 * math.log(5))):
        return "the softmax is over the classes, dim=1, and so is the sum; here it is over the samples"
    return "softmax of the logits as they are (dim=1), then the sum of -p ln p; nothing added inside the logarithm"


_PLACES = "write each image's answer back at its original place in the input"


def _wrong_exits(found: Sequence[int], right: Sequence[int]) -> str:
    """What is wrong with the exits of check_predict_with_compaction."""
    if sorted(found) == sorted(right):
        return f"the exits are right, but in another order: {_PLACES}"
    if list(found) == [min(one, 2) for one in right]:
        return "no image is at the last exit, 3: is the last stage left out?"
    if list(found) == [one + 1 for one in right]:
        return "exits are numbered from 0, not from 1"
    if list(found) == [3 - one for one in right]:
        return "exits are numbered from the front: the first exit is 0, the last one 3"
    at_the_end = [one for one, wanted in zip(found, right, strict=True) if wanted == 3]
    if [one for one, wanted in zip(found, right, strict=True) if wanted < 3] == [one for one in right if one < 3]:
        return f"who is left after the last stage leaves at exit 3, sure or not; here at {at_the_end}"
    if set(found) == {3}:
        return "each image leaves by its own entropy, no mean; the finished leave, and the undecided go on (~done)"
    if len(set(found)) == 1:
        return "all leave at one exit: decide by each image's own entropy, not by a mean over the batch"
    places = "; an exit goes to the image's place in the input, not in the batch left"
    if all(one <= wanted for one, wanted in zip(found, right, strict=True)):
        return "images leave too early: the entropy is a sum over the classes, no mean; is the tolerance the argument?"
    if [one == 0 for one in found] == [one == 0 for one in right]:  # there the batch is still whole, and in order
        return f"exit 0 is right, later ones are not: entropies in nats, one tolerance for all{places}"
    return f"exit 0 is wrong already: done is whose own entropy, in nats, is below the tolerance{places}"


# --- what several checks ask ---


def _require_values(student: Student, found: Tensor, wanted: Tensor, meaning: str, *, otherwise: str) -> None:
    """Require logits, and show the first row that is another."""
    found = found.detach().to(torch.float32)
    wrong = (found - wanted).abs().amax(dim=1) > 1e-3 * wanted.abs().max().clamp(min=1)
    wrong |= found.isnan().any(dim=1)
    if not wrong.any():
        student.require(True, "", "", hint="")
        return
    row = int(wrong.nonzero()[0])
    hint = otherwise
    unlike = found - found.mean(dim=1, keepdim=True)
    like = wanted - wanted.mean(dim=1, keepdim=True)
    if bool((torch.cosine_similarity(unlike, like, dim=1) > 0.999).all()):
        hint = "the right answers, but not the logits as they are: no scaling, no normalising, nothing after the head"
    if torch.allclose(found, wanted.softmax(dim=1), atol=1e-3):
        hint = "logits as they are, no softmax"
    elif bool((found[wrong] == 0).all() or found[wrong].isnan().all()):
        hint = "these have no logits: write answers down before a break; exit 3 takes whoever is left"
    elif torch.allclose(found.sort(dim=0).values, wanted.sort(dim=0).values, atol=1e-3):
        hint = f"the answers are right, but in another order: {_PLACES}"
    texts = [[round(value, 2) for value in rows[row].tolist()] for rows in (wanted, found)]
    student.require(False, f"{meaning}: {texts[0]} in row {row}", f"{texts[1]} in row {row}", hint=hint)


def _require_logits(student: Student, name: str, logits: Any, rows: int) -> None:
    fits = isinstance(logits, Tensor) and tuple(logits.shape) == (rows, CLASSES)
    expected = f"{name}: a tensor of logits of shape ({rows}, {CLASSES})"
    hint = "one row for each image, one column for each class, no argmax"
    if isinstance(logits, list | tuple) or (isinstance(logits, Tensor) and logits.numel() == 1):
        hint = "mind the order of the return statement, outputs first"
    elif isinstance(logits, Tensor) and logits.ndim == 1 and name == "logits":
        hint = "no argmax; and mind the order of the return statement, logits first, exits second"
    elif isinstance(logits, Tensor) and logits.ndim == 2 and len(logits) < rows:
        hint = "a row for each image: whoever is left after the last stage leaves at exit 3"
    student.require(fits, expected, describe(logits), hint=hint)


def _require_loss(student: Student, loss: Any) -> None:
    hint = "no .item(), no detach() and no torch.no_grad() here: the training loop wants the gradient"
    single = isinstance(loss, Tensor) and loss.numel() == 1
    student.require(single, "loss: a tensor with one number", describe(loss), hint=hint)
    student.require(loss.requires_grad, "a loss that has a gradient", "it has none", hint=hint)
    finite = math.isfinite(loss.item())
    student.require(
        finite,
        "a finite loss",
        describe(loss),
        hint="plain logits first, labels second, no logarithm before the criterion",
    )


def _require_training_mode(student: Student, model: nn.Module, spy: Spy, images: Tensor) -> None:
    hint = "a training step leaves the mode alone: in eval mode BatchNorm does not learn"
    student.require(model.training, "the network still in training mode", "it is in eval mode", hint=hint)
    as_given = bool(spy.images) and torch.equal(spy.images[0], images)
    hint = "they lie in [0, 1] already: no scaling"
    if not spy.images or spy.images[0].shape != images.shape:
        hint = "the whole batch goes through the model at once, in the shape in which it comes"
    student.require(as_given, "the images as they were given", "others", hint=hint)


def _require_backward(student: Student, loss: Tensor, called: bool = False) -> None:
    """Call it for the student, who should not have."""
    hint = "the training loop calls backward(): called twice, it doubles the gradient"
    try:
        loss.sum().backward()
    except RuntimeError:
        called = True  # the graph is gone
    student.require(not called, "a loss on which nobody has called backward()", "one on which it was called", hint=hint)


def _require_accuracy(
    student: Student,
    accuracy: Any,
    hits: Sequence[int],
    sizes: Sequence[int],
    meaning: str,
    *others: tuple[float, str],
) -> None:
    """Require the share of right answers, of which each batch has `hits`."""
    if isinstance(accuracy, int) and accuracy > 10**6:
        raise SelfCheckFailure("accuracy first", describe(accuracy), "mind the order of the return statement")
    right, images, size = sum(hits), sum(sizes), sizes[0]
    shares = [hit / count for hit, count in zip(hits, sizes, strict=True)]
    short = "the last batch is short"
    mistakes = [
        (100 * right / images, "a fraction in [0, 1], no percent: leave out the factor 100"),
        (round(right / images, 2), "do not round"),
        (right, "this is the number of right answers: divide it by the number of images"),
        (right / len(sizes), "divide by the number of images, not by the number of batches"),
        (sum(shares) / len(sizes), f"no mean of the batches' accuracies: {short}. Count, and divide once"),
        (right / (size * len(sizes)), f"count the images: {short}, so they are not batches times batch size"),
        *others,
        (shares[0], "this is the first batch alone: does the function return inside the loop?"),
        (shares[-1], "this is the last batch alone: add up over all batches"),
        (sum(hits[:-1]) / sum(sizes[:-1]), f"the last batch is left out: {short}, but it counts"),
        (1 - right / images, "is this the share of wrong answers? Count those whose argmax is their label"),
        (0, "no answer is a label: argmax(dim=1) gives each image's class; argmax() alone gives one for the batch"),
    ]
    several = number(accuracy) is None
    hint = (
        "one number, for all batches together"
        if several
        else "count the images whose argmax is their label; divide once"
    )
    hint = recognised(accuracy, mistakes, hint)
    student.same_number(accuracy, right / images, meaning, hint=hint)


def _require_macs(
    student: Student, macs: Any, model: nn.Module, sizes: Sequence[int], exits: Sequence[int], meaning: str
) -> None:
    """Require the MACs of batches of such sizes that left at such exits."""
    whole = isinstance(macs, int | np.integer) and not isinstance(macs, bool)
    hint = "MACs are counted: whole numbers, undivided"
    if isinstance(macs, list | tuple):
        hint = "one number: of the table that exit_macs gives, each image costs one entry"
    student.require(whole, "total_macs: an int", describe(macs), hint=hint)
    table, heads = exit_macs(model, IMAGE), exit_macs(model, IMAGE, all_heads=True)
    batches = list(zip(sizes, exits, strict=True))
    right, images = sum(size * table[k] for size, k in batches), sum(sizes)
    ways = sum(table[k] for k in exits)
    mistakes = [
        (sum(size * heads[k] for size, k in batches), "MACs here are torchprofile's count, without all_heads"),
        (images * heads[3], "MACs here are torchprofile's count, without all_heads"),
        (images * table[3], "all images are counted to the last exit: each costs the way to the exit taken"),
        (len(sizes) * table[3], "a batch costs its number of images times the MACs of one image"),
        (images * table[0], "all images are counted to exit 0: without early exit each goes to the last one"),
        (ways, "a batch costs its number of images times the MACs of one image"),
        (
            ways * sizes[-1],
            "the last batch is short: multiply by each batch's own number of images, not by the last one's",
        ),
        (
            sum(size * (table[k] - (table[k - 1] if k else 0)) for size, k in batches),
            "an image costs the whole way to its exit, not the last stage alone: exit_macs has the sums already",
        ),
        (ways * images / len(sizes), "each batch costs its own number of images, not the mean of them"),
        (ways * sizes[0], "the last batch is short: multiply by each batch's own number of images"),
        (right - sizes[-1] * table[exits[-1]], "the last batch is left out: it is short, but it counts"),
        (sizes[-1] * table[exits[-1]], "this is the last batch alone: add up over all batches"),
        (sizes[0] * table[exits[0]], "this is the first batch alone: add up over all batches"),
        (sum(size * size * table[k] for size, k in batches), "a batch's MACs are multiplied by its size once more"),
        (2 * right, "this is twice the MACs: one MAC is two floating-point operations"),
        (right // images, "the total over all images is wanted, not the mean of one"),
        (
            sum(size * table[3] * (k + 1) // 4 for size, k in batches),
            "a stage is not exactly a quarter of the network: exit_macs has the table",
        ),
        (images * sum(table), "each entry of exit_macs is the whole way to that exit: do not add them up"),
        (images * sum(table[: exits[0] + 1]), "each entry of exit_macs is the whole way to that exit: do not add up"),
    ]
    # Whole numbers: a mistake of one head is a small share of the total.
    hint = next((hint for value, hint in mistakes if macs == value != right), "")
    hint = hint or "every image costs the way to the exit it took and no more, those of a short batch too"
    student.require(macs == right, f"{right:,} {meaning}", f"{macs:,}", hint=hint)


def _require_counts(student: Student, counts: Any, leaves_at: int, sizes: Sequence[int], at: str) -> None:
    """All batches leave at one exit."""
    complete = isinstance(counts, Mapping) and set(counts) == {0, 1, 2, 3}
    hint = "start with a zero for each exit, so that one that nobody takes is listed too"
    if not isinstance(counts, Mapping):
        hint = "a dict; and mind the order of the return statement: accuracy, exiting_points, entropies, total_macs"
    student.require(complete, "exiting_points: a dict with the keys 0, 1, 2, 3", describe(counts), hint=hint)
    right = {index: len(sizes) * (index == leaves_at) for index in range(4)}
    total = sum(number(count) or 0 for count in counts.values())
    hint = "the model returns the exit it took: count 1 for each batch there"
    if total == sum(sizes):
        hint = "count batches, not images"
    elif total == 0:
        hint = "a batch that stays to the end counts too, at exit 3, sure or not"
    elif total < len(sizes):
        hint = "count every batch, also where an exit has its second one: add 1"
    elif leaves_at < 3 and counts[leaves_at + 1] == len(sizes):
        hint = "does the model get the function's tolerance? Exits are numbered from 0: count the index as it comes"
    elif total > len(sizes):
        hint = "count 1 for each batch, and start from zeros in every call"
    elif counts[leaves_at] != len(sizes):
        hint = "the model takes the exit by the tolerance: does it get the function's argument?"
    student.require(dict(counts) == right, f"{right} batches {at}", f"{dict(counts)}", hint=hint)


def _require_entropies(student: Student, entropies: Any, right: Sequence[float]) -> None:
    if isinstance(entropies, np.ndarray | Tensor) and entropies.ndim == 1:
        entropies = entropies.tolist()
    several = isinstance(entropies, list | tuple) and len(entropies) == len(right)
    hint = "append one for each batch: the entropy that the model returns beside the logits"
    student.require(several, f"a list of {len(right)} entropies, one for each batch", describe(entropies), hint=hint)
    found = [number(value) for value in entropies]
    fits = all(close(value, wanted) for value, wanted in zip(found, right, strict=True))
    values = np.array([math.nan if value is None else value for value in found])
    if np.allclose(np.sort(values), np.sort(right), atol=1e-3):
        hint = "keep the batches' order: no sorting"
    elif np.allclose(values * math.log(2), right, atol=1e-3):
        hint = "these are bits: the model returns nats"
    elif np.allclose(values * LN_C, right, atol=1e-3):
        hint = "nothing is divided by ln C: the entropy that the model returns is in nats"
    elif np.allclose(values, right, atol=0.06):
        hint = "do not round"
    else:
        hint = "append the entropy that the model returned for the batch, the mean of the images' own"
    student.require(fits, f"the entropies {[round(value, 4) for value in right]}", f"{found}", hint=hint)


def _require_exits(student: Student, exits: Any, rows: int) -> None:
    fits = isinstance(exits, Tensor) and exits.dtype == torch.int64 and tuple(exits.shape) == (rows,)
    hint = "one exit index for each image"
    if isinstance(exits, Tensor) and tuple(exits.shape) == (rows,):
        hint = "exits are used as indices: make the tensor with dtype=torch.int64"
    student.require(fits, f"exits: an int64 tensor of shape ({rows},)", describe(exits), hint=hint)


def _require_evaluation_mode(student: Student, spy: Spy) -> None:
    hint = "model.eval() comes first: in training mode BatchNorm uses the batch at hand and changes its statistics"
    student.require(not spy.training, "the network in eval mode", "it ran in training mode", hint=hint)
    hint = "evaluation goes under torch.no_grad()"
    student.require(not spy.graph, "no graph is built", "it ran with gradients switched on", hint=hint)
