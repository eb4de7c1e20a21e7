"""Seeds repeat a run, and the device is one that torch can use."""

import random

import numpy as np
import pytest
import torch

from course_lib import environment
from course_lib.environment import pick_device, seed_everything


def draws() -> tuple[float, float, float]:
    return random.random(), np.random.rand(), torch.rand(()).item()


def test_the_same_seed_repeats_every_generator():
    seed_everything(7)
    first = draws()
    seed_everything(7)

    assert draws() == first


def test_another_seed_changes_every_generator():
    seed_everything(7)
    first = draws()
    seed_everything(8)

    assert all(a != b for a, b in zip(draws(), first, strict=True))


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_when_the_seed_is_out_of_range_then_no_generator_moves(seed: int):
    seed_everything(7)
    first = draws()
    seed_everything(7)

    with pytest.raises(ValueError, match="Seed must be between 0 and"):
        seed_everything(seed)
    assert draws() == first


def test_the_picked_device_is_the_fastest_that_torch_reports_and_it_computes():
    device = pick_device()

    if torch.cuda.is_available():
        expected = "cuda"
    elif torch.backends.mps.is_available():
        expected = "mps"
    else:
        expected = "cpu"
    assert device.type == expected
    assert torch.ones(3, device=device).sum().item() == 3.0


@pytest.mark.parametrize(("load", "share", "threads"), [(0.1, 4.0, 4), (0.1, 2.0, 2), (3.0, 4.0, 1), (90.0, 4.0, 1)])
def test_torch_uses_the_processors_that_are_free(monkeypatch, load, share, threads):
    before = torch.get_num_threads()
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(environment.os, "getloadavg", lambda: (load, 0, 0))
    monkeypatch.setattr(environment, "_processors", lambda: share)
    try:
        torch.set_num_threads(8)
        assert environment.use_free_processors() == torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


def test_when_the_number_of_threads_was_set_then_it_stays(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(environment.os, "getloadavg", lambda: (90.0, 0, 0))
    assert environment.use_free_processors() == torch.get_num_threads()


def test_this_machine_has_a_processor():
    assert environment._processors() > 0
