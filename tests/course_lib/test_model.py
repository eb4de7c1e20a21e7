"""The network's shapes, sizes and exits, with torch and hand-made logits as the oracle."""

import math

import pytest
import torch
from torch import Tensor, nn

from course_lib.model import EarlyExitResNet18


class ConstantHead(nn.Module):
    """A head that answers every image with the same logits, so that its entropy is known by hand."""

    def __init__(self, logits: list[float]) -> None:
        super().__init__()
        self.logits = torch.tensor(logits)
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.logits.expand(len(x), -1)


UNIFORM = [0.0] * 6  # entropy ln 6
HALF_HALF = [0.0, 0.0] + [-200.0] * 4  # entropy ln 2
CERTAIN = [200.0] + [0.0] * 5  # entropy 0


@pytest.fixture(name="model")
def _model() -> EarlyExitResNet18:
    torch.manual_seed(0)
    return EarlyExitResNet18(width=4).eval()


@pytest.fixture(name="images")
def _images() -> Tensor:
    return torch.rand(5, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def with_heads(model: EarlyExitResNet18, *logits: list[float]) -> EarlyExitResNet18:
    model.heads = nn.ModuleList(ConstantHead(values) for values in logits)
    return model


def test_the_full_network_has_the_published_number_of_parameters():
    model = EarlyExitResNet18(num_classes=6, width=64)

    early_heads = (65536 * 6 + 6) + (32768 * 6 + 6) + (16384 * 6 + 6)
    assert sum(p.numel() for p in model.heads[:3].parameters()) == early_heads
    assert sum(p.numel() for p in model.parameters()) == 11_860_056


@pytest.mark.parametrize("width", [4, 6])
def test_the_stages_double_the_channels_and_halve_the_image(width: int, images: Tensor):
    model = EarlyExitResNet18(width=width).eval()
    shapes = []
    x = model.stem(images)
    for stage in model.stages:
        x = stage(x)
        shapes.append(tuple(x.shape))

    assert shapes == [
        (5, width, 32, 32),
        (5, 2 * width, 16, 16),
        (5, 4 * width, 8, 8),
        (5, 8 * width, 4, 4),
    ]


@pytest.mark.parametrize("num_classes", [6, 10])
def test_every_exit_gives_one_logit_per_class(num_classes: int, images: Tensor):
    exit_outputs = EarlyExitResNet18(num_classes=num_classes, width=4).early_train(images)

    assert [tuple(logits.shape) for logits in exit_outputs] == [(5, num_classes)] * 4
    assert {logits.dtype for logits in exit_outputs} == {torch.float32}


def test_early_train_gives_what_the_public_parts_give(model: EarlyExitResNet18, images: Tensor):
    by_hand = []
    x = model.stem(images)
    for stage, head in zip(model.stages, model.heads, strict=True):
        x = stage(x)
        by_hand.append(head(x))

    assert all(torch.equal(a, b) for a, b in zip(model.early_train(images), by_hand, strict=True))


def test_without_early_exit_the_last_exit_answers(model: EarlyExitResNet18, images: Tensor):
    logits = model(images, 0.0, early_exit=False)

    assert torch.equal(logits, model.early_train(images)[3])


def test_without_early_exit_no_other_head_runs(model: EarlyExitResNet18, images: Tensor):
    with_heads(model, CERTAIN, CERTAIN, CERTAIN, UNIFORM)

    model(images, 100.0, False)

    assert [head.calls for head in model.heads] == [0, 0, 0, 1]


def test_when_the_tolerance_is_zero_then_the_batch_runs_to_the_end(model: EarlyExitResNet18, images: Tensor):
    logits, exit_index, _ = model(images, 0.0)

    assert exit_index == 3
    assert torch.equal(logits, model.early_train(images)[3])


def test_when_the_tolerance_is_above_ln_c_then_the_batch_leaves_at_exit_0(model: EarlyExitResNet18, images: Tensor):
    logits, exit_index, _ = model(images, math.log(6) + 0.01)

    assert exit_index == 0
    assert torch.equal(logits, model.early_train(images)[0])


def test_the_first_exit_below_the_tolerance_answers_and_no_later_head_runs(model: EarlyExitResNet18, images: Tensor):
    with_heads(model, UNIFORM, HALF_HALF, CERTAIN, CERTAIN)

    _, exit_index, entropy = model(images, 1.0)

    assert exit_index == 1
    assert entropy == pytest.approx(math.log(2))
    assert [head.calls for head in model.heads] == [1, 1, 0, 0]


def test_an_entropy_equal_to_the_tolerance_does_not_leave(model: EarlyExitResNet18, images: Tensor):
    with_heads(model, HALF_HALF, UNIFORM, UNIFORM, UNIFORM)
    _, _, entropy = model(images, 100.0)

    assert model(images, entropy)[1] == 3
    assert model(images, math.nextafter(entropy, math.inf))[1] == 0


def test_the_last_exit_reports_its_entropy_however_unsure_it_is(model: EarlyExitResNet18, images: Tensor):
    with_heads(model, UNIFORM, UNIFORM, UNIFORM, UNIFORM)

    _, exit_index, entropy = model(images, 0.5)

    assert exit_index == 3
    assert entropy == pytest.approx(math.log(6))


def test_the_entropy_of_certain_logits_is_zero_and_not_nan(model: EarlyExitResNet18, images: Tensor):
    with_heads(model, CERTAIN, UNIFORM, UNIFORM, UNIFORM)

    _, exit_index, entropy = model(images, 0.05)

    assert exit_index == 0
    assert entropy == 0.0
    assert math.copysign(1.0, entropy) == 1.0  # -0.0 would be printed with its sign


def test_the_entropy_is_the_mean_over_the_batch_as_torch_counts_it(model: EarlyExitResNet18, images: Tensor):
    logits, _, entropy = model(images, 100.0)

    by_torch = torch.distributions.Categorical(logits=logits.double()).entropy()
    assert by_torch.std() > 1e-4  # the images differ, so that a maximum or a first value would not pass
    assert entropy == pytest.approx(by_torch.mean().item(), abs=1e-6)
    assert type(entropy) is float


def test_early_exit_works_with_gradients_on(model: EarlyExitResNet18, images: Tensor):
    logits, _, _ = model(images, 100.0)
    logits.sum().backward()

    assert all(parameter.grad is not None for parameter in model.heads[0].parameters())
    assert all(parameter.grad is None for parameter in model.heads[1].parameters())


def test_training_reaches_every_parameter_through_the_four_exits(model: EarlyExitResNet18, images: Tensor):
    torch.stack(model.early_train(images)).square().sum().backward()

    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


@pytest.mark.parametrize("shape", [(5, 32, 32), (5, 1, 32, 32), (5, 3, 28, 28), (3, 32, 32)])
def test_when_images_have_another_shape_then_the_error_names_both(model: EarlyExitResNet18, shape: tuple):
    images = torch.rand(shape)

    with pytest.raises(ValueError, match=r"shape \(N, 3, 32, 32\), but got") as error:
        model(images, 0.0)
    assert str(shape) in str(error.value)
    with pytest.raises(ValueError, match=r"shape \(N, 3, 32, 32\), but got"):
        model.early_train(images)
