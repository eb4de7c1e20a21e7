"""The trained network: what is loaded answers as what was saved, and a wrong file is told."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from course_lib.model import EarlyExitResNet18
from course_lib.pretrained import FILE, load_pretrained


def saved(model: torch.nn.Module, file: Path, dtype: torch.dtype) -> Path:
    weights = {
        name: value.to(dtype) if value.is_floating_point() else value for name, value in model.state_dict().items()
    }
    save_file(weights, file)
    return file


def test_it_answers_as_the_network_that_was_saved(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = EarlyExitResNet18(num_classes=10, width=4).eval()
    images = torch.rand(5, 3, 32, 32)
    exact = load_pretrained(saved(model, tmp_path / "exact.safetensors", torch.float32))
    half = load_pretrained(saved(model, tmp_path / "half.safetensors", torch.float16))

    with torch.no_grad():
        for own, same, near in zip(*(net.early_train(images) for net in (model, exact, half)), strict=True):
            assert torch.equal(own, same)
            assert near.dtype == torch.float32
            assert torch.allclose(own, near, atol=1e-2)  # half precision has eleven bits
    assert not exact.training


def test_the_networks_state_is_none_of_the_random_generators_business(tmp_path: Path) -> None:
    file = saved(EarlyExitResNet18(width=4), tmp_path / "it.safetensors", torch.float16)
    before = torch.get_rng_state()
    load_pretrained(file)

    assert torch.equal(torch.get_rng_state(), before)


def test_when_there_is_no_file_then_it_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"There are no weights at .*nowhere"):
        load_pretrained(tmp_path / "nowhere")


@pytest.mark.parametrize("content", [b"", b"not weights", b"\x80\x04."])
def test_when_the_file_is_another_then_it_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "it").write_bytes(content)
    with pytest.raises(ValueError, match="should hold the weights of an EarlyExitResNet18"):
        load_pretrained(tmp_path / "it")


def test_when_the_weights_are_of_another_network_then_it_is_told(tmp_path: Path) -> None:
    file = saved(torch.nn.Linear(3, 2), tmp_path / "it", torch.float32)
    with pytest.raises(ValueError, match="should hold the weights of an EarlyExitResNet18"):
        load_pretrained(file)


def test_the_network_of_the_course_is_of_full_width_and_small_enough_to_hand_out() -> None:
    model = load_pretrained()

    assert sum(parameter.numel() for parameter in model.parameters()) == 11_860_056
    assert FILE.stat().st_size <= 25_000_000
