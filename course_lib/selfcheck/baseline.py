"""The self-checks of the plain network: one training step, and its evaluation."""

import torch
from torch import nn

from course_lib.selfcheck import known, require
from course_lib.selfcheck.known import CLASSES, CPU
from course_lib.selfcheck.registry import self_check
from course_lib.selfcheck.student import Student, recognised


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
        require.training_mode(student, model, spy, images)
    require.logits(student, "outputs", outputs, rows=8)
    hint = "the logits of the plain network as it returns them: nothing after the head"
    if bool((outputs.argmax(dim=1) == 1).all()):
        hint = "this is exit 0, and the last exit alone is wanted: an argument of forward switches early exit off"
    require.values(student, outputs, known.answers([2] * 8, 4.0), "the logits of exit 3", otherwise=hint)
    require.loss(student, loss)
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
    require.backward(student, loss)
    reached = [index for index in range(4) if known.linear_of(model.heads[index]).weight.grad is not None]
    student.same_list(reached, [3], "the only head with a gradient", hint="this is the plain network: exit 3 alone")
    require.first_layer_learns(student, model)


@self_check("model, loader, device")
def check_evaluate_baseline(student: Student) -> None:
    """Accuracy per image, MACs per image, eval mode, no graph."""
    model = known.colour_network((4.0, 4.0, 4.0, 4.0))
    known.always_answer(model.heads[0], label=5, sharpness=50)  # for a batch that may leave
    sizes, hits = (5, 5, 2), (3, 1, 1)
    # The first of a batch is not the brightest.
    brightness = [0.5, 0.6, 0.9, 0.7, 0.6, 0.5, 1.0, 0.6, 0.7, 0.8, 0.5, 0.9]
    images = known.coloured([0, 1, 2, 1, 0, 2, 1, 0, 1, 2, 0, 1], brightness)
    wanted = torch.tensor([known.colour_answer(3, c) for c in (0, 1, 2, 1, 0, 2, 1, 0, 1, 2, 0, 1)])
    right = torch.tensor([1, 1, 1, 0, 0, 1, 0, 0, 0, 0, 1, 0], dtype=torch.bool)
    labels = torch.where(right, wanted, torch.tensor([3, 3, 3, 5, 3, 3, 5, 4, 3, 3, 3, 4]))
    loader = known.batches(images, labels, batch_size=5)
    with known.watched(model) as spy:
        accuracy, macs = student.call_for("accuracy, total_macs", model, loader, CPU)
    require.evaluation_mode(student, spy)
    early = (2 / 12, "these are the answers of exit 0: early_exit=False gives those of the last exit")
    meaning = "for a network that is right about 5 of 12 images"
    require.accuracy(student, accuracy, hits, sizes, meaning, early)
    require.macs(student, macs, model, sizes, (3, 3, 3), "MACs for 12 images, all to the last exit")
