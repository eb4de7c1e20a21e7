"""What several self-checks ask of an answer: its logits, loss, accuracy and MACs, and the mode of the network.

Each function counts what holds, and raises SelfCheckFailure at what does not.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from course_lib._spy import Spy
from course_lib.macs import exit_macs
from course_lib.model import IMAGE_SHAPE, EarlyExitResNet18
from course_lib.selfcheck.known import CLASSES
from course_lib.selfcheck.student import SelfCheckFailure, Student, describe, number, recognised

PLACES = "write each image's answer back at its original place in the input"


def values(student: Student, found: Tensor, wanted: Tensor, meaning: str, *, otherwise: str) -> None:
    """Require the values of logits `(N, C)`, and show the first row that is another."""
    found = found.detach().to(torch.float32)
    wrong = (found - wanted).abs().amax(dim=1) > 1e-3 * wanted.abs().max().clamp(min=1)
    wrong |= found.isnan().any(dim=1)
    if not wrong.any():
        student.passed += 1
        return
    row = int(wrong.nonzero()[0])
    hint = otherwise
    unlike, like = (logits - logits.mean(dim=1, keepdim=True) for logits in (found, wanted))
    if bool((torch.cosine_similarity(unlike, like, dim=1) > 0.999).all()):
        hint = "the right answers, but not the logits as they are: no scaling, no normalising, nothing after the head"
    if torch.allclose(found, wanted.softmax(dim=1), atol=1e-3):
        hint = "logits as they are, no softmax"
    elif bool((found[wrong] == 0).all() or found[wrong].isnan().all()):
        hint = "these have no logits: write answers down before a break; exit 3 takes whoever is left"
    elif torch.allclose(found.sort(dim=0).values, wanted.sort(dim=0).values, atol=1e-3):
        hint = f"the answers are right, but in another order: {PLACES}"
    texts = [[round(value, 2) for value in rows[row].tolist()] for rows in (wanted, found)]
    student.require(False, f"{meaning}: {texts[0]} in row {row}", f"{texts[1]} in row {row}", hint=hint)


def logits(student: Student, name: str, logits: Any, rows: int) -> None:
    """Require a tensor of logits `(rows, CLASSES)`, whatever their values."""
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


def loss(student: Student, loss: Any) -> None:
    """Require one finite number that has a gradient."""
    hint = "no .item(), no detach() and no torch.no_grad() here: the training loop wants the gradient"
    single = isinstance(loss, Tensor) and loss.numel() == 1
    student.require(single, "loss: a tensor with one number", describe(loss), hint=hint)
    student.require(loss.requires_grad, "a loss that has a gradient", "it has none", hint=hint)
    hint = "plain logits first, labels second, no logarithm before the criterion"
    student.require(math.isfinite(loss.item()), "a finite loss", describe(loss), hint=hint)


def training_mode(student: Student, model: nn.Module, spy: Spy, images: Tensor) -> None:
    """Require that the network is still in training mode and has seen `images` `(N, 3, 32, 32)` as they were."""
    hint = "a training step leaves the mode alone: in eval mode BatchNorm does not learn"
    student.require(model.training, "the network still in training mode", "it is in eval mode", hint=hint)
    as_given = bool(spy.images) and torch.equal(spy.images[0], images)
    hint = "they lie in [0, 1] already: no scaling"
    if not spy.images or spy.images[0].shape != images.shape:
        hint = "the whole batch goes through the model at once, in the shape in which it comes"
    student.require(as_given, "the images as they were given", "others", hint=hint)


def evaluation_mode(student: Student, spy: Spy) -> None:
    """Require that the network ran in eval mode and without a graph."""
    hint = "model.eval() comes first: in training mode BatchNorm uses the batch at hand and changes its statistics"
    student.require(not spy.training, "the network in eval mode", "it ran in training mode", hint=hint)
    hint = "evaluation goes under torch.no_grad()"
    student.require(not spy.graph, "no graph is built", "it ran with gradients switched on", hint=hint)


def backward(student: Student, loss: Tensor, called: bool = False) -> None:
    """Call `backward()`, and require that nobody has called it before."""
    hint = "the training loop calls backward(): called twice, it doubles the gradient"
    try:
        loss.sum().backward()
    except RuntimeError:
        called = True  # the graph is gone
    student.require(not called, "a loss on which nobody has called backward()", "one on which it was called", hint=hint)


def first_layer_learns(student: Student, model: EarlyExitResNet18) -> None:
    """Require that a gradient came from exit 3 to the first layer."""
    pull = next(model.stem.parameters()).grad
    whole = pull is not None and bool(pull.abs().max() > 0)
    hint = "nothing may be detached between the stages, nor run under no_grad: later exits teach the earlier ones"
    student.require(whole, "a gradient from exit 3 at the first layer", "none", hint=hint)


def accuracy(
    student: Student,
    accuracy: Any,
    hits: Sequence[int],
    sizes: Sequence[int],
    meaning: str,
    *others: tuple[float, str],
) -> None:
    """Require the share, in [0, 1], of right answers: `hits` of the `sizes` images of each batch.

    Args:
        others: Accuracies that this check's own mistakes lead to, with hints.
    """
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
    hint = "count the images whose argmax is their label; divide once"
    if number(accuracy) is None:
        hint = "one number, for all batches together"
    hint = recognised(accuracy, mistakes, hint)
    student.same_number(accuracy, right / images, meaning, hint=hint)


def macs(
    student: Student, macs: Any, model: nn.Module, sizes: Sequence[int], exits: Sequence[int], meaning: str
) -> None:
    """Require the MACs, an int, of batches of such sizes that left at such exits."""
    whole = isinstance(macs, int | np.integer) and not isinstance(macs, bool)
    hint = "MACs are counted: whole numbers, undivided"
    if isinstance(macs, list | tuple):
        hint = "one number: of the table that exit_macs gives, each image costs one entry"
    student.require(whole, "total_macs: an int", describe(macs), hint=hint)
    table, heads = exit_macs(model, IMAGE_SHAPE), exit_macs(model, IMAGE_SHAPE, all_heads=True)
    batches = list(zip(sizes, exits, strict=True))
    right, images = sum(size * table[k] for size, k in batches), sum(sizes)
    ways, short = sum(table[k] for k in exits), "the last batch is short"
    mistakes = [
        (sum(size * heads[k] for size, k in batches), "MACs here are torchprofile's count, without all_heads"),
        (images * heads[3], "MACs here are torchprofile's count, without all_heads"),
        (images * table[3], "all images are counted to the last exit: each costs the way to the exit taken"),
        (len(sizes) * table[3], "a batch costs its number of images times the MACs of one image"),
        (images * table[0], "all images are counted to exit 0: without early exit each goes to the last one"),
        (ways, "a batch costs its number of images times the MACs of one image"),
        (ways * sizes[-1], f"{short}: multiply by each batch's own number of images, not by the last one's"),
        (
            sum(size * (table[k] - (table[k - 1] if k else 0)) for size, k in batches),
            "an image costs the whole way to its exit, not the last stage alone: exit_macs has the sums already",
        ),
        (ways * images / len(sizes), "each batch costs its own number of images, not the mean of them"),
        (ways * sizes[0], f"{short}: multiply by each batch's own number of images"),
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
