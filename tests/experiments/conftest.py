"""What several tests of the study share."""

import pytest
import torch

from course_lib.model import EarlyExitResNet18


@pytest.fixture(scope="module")
def model() -> EarlyExitResNet18:
    """A network whose heads are unsure to different degrees, so that images leave everywhere."""
    torch.manual_seed(0)
    model = EarlyExitResNet18(width=8)
    model.early_train(torch.rand(64, 3, 32, 32))  # BatchNorm's statistics are no longer those it begins with
    return model.eval()
