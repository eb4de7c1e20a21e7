"""The self-checks of a network with exits: joint loss, training step, evaluation at a tolerance, and what to choose."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.selfcheck import known, require
from course_lib.selfcheck.known import ABOVE_ANY_ENTROPY, CLASSES, CPU, LN_C
from course_lib.selfcheck.registry import self_check
from course_lib.selfcheck.student import Student, close, describe, number, recognised

_OF_EACH = "each exit's logits go to the criterion; the four losses weigh 1, 0.3, 0.3 and 0.3, and are added up"


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
    hint = "do not pop from the list: the caller goes on using it"
    student.require(len(given) == 4, "the list of four exits as it was", f"{len(given)} in it", hint=hint)
    require.loss(student, loss)
    hint = "a second call gave another sum: keep nothing from the call before"
    student.same_number(loss, 1.9 * LN_C, "= 1.9 ln 6, when no exit knows anything", hint=hint)
    require.backward(student, loss, called=any(logits.grad is not None for logits in exit_outputs))
    pulls = [0.0 if logits.grad is None else float(logits.grad.norm()) for logits in exit_outputs]
    found = "gradients of size " + ", ".join(f"{pull:.3f}" for pull in pulls)
    hint = "each exit's loss belongs to the sum as a tensor: .item(), detach() and no_grad cut its gradient off"
    student.require(min(pulls) > 0, "a gradient at every exit", found, hint=hint)
    equal = close(pulls[1], pulls[2]) and close(pulls[2], pulls[3])
    student.require(equal, "equal gradients at exits 1, 2 and 3", found, hint="the last three weights are equal")
    hint = "exit_outputs begins with the first exit, and the first weight is the large one"
    student.require(pulls[0] > 2 * pulls[1], "the largest gradient at exit 0", found, hint=hint)


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


@self_check("model, images, labels, criterion")
def check_early_exit_step(student: Student) -> None:
    """All four exits' logits, and their joint loss."""
    images, labels, criterion = known.noise(8), torch.arange(8) % CLASSES, nn.CrossEntropyLoss()
    model = known.network()
    for index in range(4):
        known.always_answer(model.heads[index], label=index)
    with known.watched(model) as spy:
        exit_outputs, loss = student.call_for("exit_outputs, loss", model, images, labels, criterion)
        require.training_mode(student, model, spy, images)
    four = isinstance(exit_outputs, list | tuple) and len(exit_outputs) == 4
    all_four = "each exit's own logits, first exit first: the model has a method that returns all exits"
    hint = all_four
    if isinstance(exit_outputs, Tensor) and exit_outputs.ndim == 0:
        hint = "mind the order of the return statement: exit_outputs first, loss second"
    student.require(four, "a list of four exits' logits", describe(exit_outputs), hint=hint)
    for index, logits in enumerate(exit_outputs):
        require.logits(student, f"exit_outputs[{index}]", logits, rows=8)
        meaning = f"the logits of exit {index} at place {index}"
        require.values(student, logits, known.answers([index] * 8, 4.0), meaning, otherwise=all_four)
    require.loss(student, loss)
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
    exit_outputs, loss = student.call_for("exit_outputs, loss", model, images, labels, criterion)
    with torch.no_grad():
        wanted = model.early_train(images)[3]
    meaning = "the logits of exit 3, from images through the whole network"
    require.values(student, exit_outputs[3], wanted, meaning, otherwise=f"{all_four}; leave out no part of it")
    require.backward(student, loss)
    reached = [index for index in range(4) if known.linear_of(model.heads[index]).bias.grad is not None]
    hint = "the loss has to be computed from all outputs of the model, not from copies"
    student.same_list(reached, [0, 1, 2, 3], "the heads with a gradient", hint=hint)
    require.first_layer_learns(student, model)


@self_check("model, loader, tolerance, device")
def check_evaluate_early_exit(student: Student) -> None:
    """Accuracy, counts, entropies and MACs of networks that name colours, each exit in its own way."""
    names = "accuracy, exiting_points, entropies, total_macs"
    # Entropies of about 1.4, 0.65, 0.02 and 0.00 nats. A tolerance of 0.8 times ln 6, or over ln 6, takes another exit.
    sharpness = (2.0, 3.5, 8.0, 16.0)
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
        require.evaluation_mode(student, spy)
        _require_counts(student, counts, leaves_at, sizes, at)
        end = (1 / 10, "these are the answers of the last exit: take the logits of the exit taken")
        require.accuracy(student, accuracy, hits, sizes, at, end)
        require.macs(student, macs, model, sizes, (leaves_at,) * 3, f"MACs for 10 images {at}")
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
    require.macs(student, macs, model, (4, 4, 4), (0, 0, 0), "MACs for 12 images that leave at exit 0")
    _require_entropies(student, entropies, [known.entropy_of(4 * bright) for bright in (0.5, 1.0, 0.25)])
    # Bright batches leave at once, a dim one stays to the end, and the short one is bright.
    model = known.colour_network((8.0, 8.0, 8.0, 8.0))
    images = known.coloured([0, 1, 2, 0, 1, 2, 0, 1, 2, 0], [1.0] * 4 + [0.25] * 4 + [1.0] * 2)
    loader = known.batches(images, torch.zeros(10, dtype=torch.int64), batch_size=4)
    _, _, _, macs = student.call_for(names, model, loader, 0.5, CPU)
    meaning = "MACs for batches of 4, 4 and 2 images at exits 0, 3 and 0"
    require.macs(student, macs, model, (4, 4, 2), (0, 3, 0), meaning)
    model = known.colour_network((4.0, 4.0, 4.0, 4.0))
    # A dim image among bright ones: it leaves with its batch, and would not leave alone.
    images = known.coloured([0, 1, 2, 0], [0.1, 1.0, 1.0, 1.0])
    loader = known.batches(images, torch.zeros(4, dtype=torch.int64), batch_size=4)
    _, _, _, macs = student.call_for(names, model, loader, 1.0, CPU)
    require.macs(student, macs, model, (4,), (0,), "MACs for a batch of 4 images that leaves at exit 0 as a whole")


def _require_counts(student: Student, counts: Any, leaves_at: int, sizes: Sequence[int], at: str) -> None:
    """Require a dict of exit -> batches, where the batches of such sizes all leave at one exit."""
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
    """Require the entropies, in nats, of the batches in their order."""
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
        otherwise = "divide the standard total by the early-exit total, add nothing, do not round"
        hint = recognised(value, mistakes, otherwise)
        student.same_number(value, ratio, f"for {standard:,} against {early:,}", hint=hint)


@self_check("sweep, target")
def check_choose_tolerance(student: Student) -> None:
    """The cheapest tolerance that is good enough."""
    sweep = [(0.0, 0.92, 900), (0.3, 0.90, 500), (0.1, 0.91, 800), (0.6, 0.70, 300), (0.5, 0.90, 400), (0.8, 0.92, 850)]
    equally_cheap = [(0.7, 0.9, 400), (0.4, 0.8, 400), (0.6, 0.8, 400)]
    at_zero = [(0.0, 0.95, 300), (0.2, 0.96, 500), (0.4, 0.97, 400)]
    up_and_down = [(0.1, 0.950, 9 * 10**9), (0.2, 0.898, 7 * 10**9), (0.3, 0.940, 6 * 10**9), (0.4, 0.899, 5 * 10**9)]
    large = {0.0: 'a search for the fewest MACs starts at float("inf"): a fixed number may be too small'}
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
        (up_and_down, 0.9, 0.3, "look at every row, and compare without rounding: 0.899 is below 0.9", large),
    ]
    for rows, target, tolerance, hint, others in cases:
        value = student.call(list(rows), target, hint=hint if hint is none else "")
        mistakes = [*others.items(), *_other_columns(rows)]
        hint = recognised(value, [] if hint is none else mistakes, hint)
        if isinstance(value, list | tuple):
            hint = "return the tolerance of the row, one number, not the row"
        student.same_number(value, tolerance, f"for the target {target} and the rows {rows}", hint=hint)


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
