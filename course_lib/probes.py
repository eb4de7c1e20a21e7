"""Prediction depth: from which stage on the network's mind is made up about an image.

After each stage comes a probe without weights, a k-nearest-neighbour vote among the features of images whose
classes are known. Knows nothing of exits, tolerances or grading.

References:
    [1] Baldock, Maennel and Neyshabur 2021, "Deep Learning Through the Lens of Example Difficulty",
        https://arxiv.org/abs/2106.09647, section 2.1 (definition) and appendix (k = 30)
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.data import ImageSet

GRID = 4  # features are averaged over a grid of 4 x 4 places: whole feature maps would be eight times slower
BATCH = 256  # images at a time


def knn_predictions(model: Any, images: Tensor, known: ImageSet, *, neighbours: int = 30) -> Tensor:
    """The class that the nearest neighbours vote for, for each image after each stage.

    Distances are Euclidean, between the stage's outputs averaged over 4x4 places; a tie goes to the lower class. The
    model is run in eval mode, and left in the mode it was in.

    Args:
        model: A module with `stem` and `stages`, as EarlyExitResNet18 has them.
        images: `(N, 3, 32, 32)`, float32.
        known: M images with their classes, best from those that the model was trained on.
        neighbours: k, at most M.

    Returns:
        The class voted for after each stage, `(stages, N)`, int64, on the CPU.

    Raises:
        ValueError: There are fewer known images than neighbours.
    """
    if len(known) < neighbours:
        raise ValueError(f"{neighbours} neighbours are wanted, but only {len(known)} images are known. Give more.")
    votes = []
    for features, of_known in zip(_features(model, images), _features(model, known.images), strict=True):
        nearest = torch.cdist(features, of_known).topk(neighbours, largest=False).indices  # (N, k)
        ballots = F.one_hot(known.labels[nearest], int(known.labels.max()) + 1)  # (N, k, C)
        votes.append(ballots.sum(dim=1).argmax(dim=1))
    return torch.stack(votes)


def prediction_depth(votes: Tensor, answers: Tensor) -> Tensor:
    """From which stage on all probes agree with the network's answer.

    Args:
        votes: What the probes say, `(stages, N)`, as `knn_predictions` returns it.
        answers: The network's own answer, `(N,)`.

    Returns:
        `(N,)` int64: 0 if the probes after all stages agree with it, k if those from stage k on do, and the
        number of stages if even the last one does not.
    """
    agree = (votes == answers).long()
    return len(votes) - agree.flip(0).cumprod(dim=0).sum(dim=0)


def _features(model: Any, images: Tensor) -> list[Tensor]:
    """The outputs of each stage, averaged over a grid: for each stage `(N, channels * GRID * GRID)`."""
    parameter = next(model.parameters())
    was_training = model.training
    model.eval()
    batches = []
    with torch.no_grad():
        for batch in images.split(BATCH):
            x = model.stem(batch.to(parameter.device))
            stages = []
            for stage in model.stages:
                x = stage(x)
                stages.append(F.adaptive_avg_pool2d(x, GRID).flatten(1).cpu())
            batches.append(stages)
    model.train(was_training)
    return [torch.cat(parts) for parts in zip(*batches, strict=True)]
