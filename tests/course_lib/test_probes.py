"""Prediction depth: the definition, by hand, and the votes of neighbours on features that are known."""

import pytest
import torch
from torch import nn

from course_lib.data import ImageSet
from course_lib.probes import knn_predictions, prediction_depth


class Echo(nn.Module):
    """A network whose stages hand the image on, so that features are the pixels themselves."""

    def __init__(self, stages=2):
        super().__init__()
        self.stem = nn.BatchNorm2d(3, affine=True)  # in eval mode and untrained: the identity
        self.stages = nn.ModuleList(nn.Identity() for _ in range(stages))


def brightness_set(values, labels):
    images = torch.tensor(values).view(-1, 1, 1, 1).expand(-1, 3, 32, 32)
    return ImageSet(images, torch.tensor(labels))


def test_when_all_probes_from_a_stage_on_agree_with_the_answer_then_that_stage_is_the_depth():
    votes = torch.tensor([[1, 0, 1, 0, 1], [1, 1, 0, 0, 1], [1, 1, 1, 1, 0]])
    answers = torch.tensor([1, 1, 1, 1, 1])
    assert prediction_depth(votes, answers).tolist() == [0, 1, 2, 2, 3]


def test_when_images_are_near_known_ones_then_these_decide_after_every_stage():
    known = brightness_set([0.0, 0.1, 0.2, 0.8, 0.9, 1.0], [0, 0, 0, 1, 1, 1])
    votes = knn_predictions(Echo(), brightness_set([0.05, 0.95], [0, 0]).images, known, neighbours=3)
    assert votes.tolist() == [[0, 1], [0, 1]]


def test_when_votes_are_equal_then_the_lower_class_is_taken():
    known = brightness_set([0.0, 1.0], [1, 0])
    assert knn_predictions(Echo(1), brightness_set([0.2], [0]).images, known, neighbours=2).tolist() == [[0]]


@pytest.mark.parametrize("training", [True, False])
def test_when_the_model_was_in_a_mode_then_it_is_left_in_it_and_not_changed(training):
    model = Echo().train(training)
    known = brightness_set([0.0, 1.0], [0, 1])
    knn_predictions(model, known.images, known, neighbours=1)
    assert model.training is training
    assert model.stem.num_batches_tracked == 0


def test_when_there_are_fewer_known_images_than_neighbours_then_it_says_so():
    known = brightness_set([0.0, 1.0], [0, 1])
    with pytest.raises(ValueError, match="30 neighbours are wanted, but only 2 images"):
        knn_predictions(Echo(), known.images, known)
