"""The self-checks of exits taken image by image: which exit each takes, and a batch that shrinks."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from course_lib.model import EarlyExitResNet18
from course_lib.selfcheck import known, require
from course_lib.selfcheck.known import ABOVE_ANY_ENTROPY, CLASSES, LN_C
from course_lib.selfcheck.registry import self_check
from course_lib.selfcheck.require import PLACES
from course_lib.selfcheck.student import Student, describe

# Entropies in nats of logits with six equal, two large, one large, and one that is larger by 2. They are typed, because
# a formula would be the answer.
_TEXTBOOK = (1.7918, 0.6931, 0.0, 1.3240)

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
        hint = "too late: the first exit below the tolerance counts"
        hint += "; each exit's own logits and the tolerance, as they are"
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
    require.logits(student, "logits", logits, rows=12)
    _require_exits(student, exits, rows=12)
    require.evaluation_mode(student, spy)
    student.same_list(exits.tolist(), right, "are the exits", hint=_wrong_exits(exits.tolist(), right))
    taken = [known.colour_answer(k, colour) for k, colour in zip(right, colours, strict=True)]
    wanted = known.answers(taken, torch.tensor(logit))
    require.values(student, logits, wanted, "for each image the logits of the exit it took", otherwise=PLACES)
    reaching = [sum(index <= leaves_at for leaves_at in right) for index in range(4)]
    hint = "keep the unfinished images together, so that each stage runs once: one image at a time is no batch"
    if max(spy.calls) < max(reaching):
        once = "each stage runs once, for all together, on what the stage before returned"
        hint = f"{once}: no second pass over the images"
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
        wanted = model.early_train(images)[leaves_at].detach()
        require.values(student, logits, wanted, meaning, otherwise="write the answers down before the loop ends")
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


def _wrong_exits(found: Sequence[int], right: Sequence[int]) -> str:
    """What is wrong with the exits of check_predict_with_compaction."""
    if sorted(found) == sorted(right):
        return f"the exits are right, but in another order: {PLACES}"
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


def _require_exits(student: Student, exits: Any, rows: int) -> None:
    fits = isinstance(exits, Tensor) and exits.dtype == torch.int64 and tuple(exits.shape) == (rows,)
    hint = "one exit index for each image"
    if isinstance(exits, Tensor) and tuple(exits.shape) == (rows,):
        hint = "exits are used as indices: make the tensor with dtype=torch.int64"
    student.require(fits, f"exits: an int64 tensor of shape ({rows},)", describe(exits), hint=hint)
