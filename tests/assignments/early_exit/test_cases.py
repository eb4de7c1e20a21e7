"""The hidden cases: named on both sides alike, the same for the same seed, and telling right from wrong apart."""

import numpy as np
import pytest
import torch
from in_process import ASSIGNMENT, CASES, inputs
from inside.observe import generator

SEEDS = (0, 7, 2**40 + 3)


def test_both_sides_name_the_same_cases_in_the_same_order() -> None:
    assert CASES.names() == ASSIGNMENT.cases


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_seed_gives_the_same_network_and_images(seed: int) -> None:
    networks, batches = [], []
    for _ in range(2):
        rng = generator(seed, "case")
        networks.append(inputs.model(rng))
        batches.append(inputs.loader(rng, networks[-1], (4, 4, 3)))

    for (images, labels), (same_images, same_labels) in zip(*batches, strict=True):
        assert torch.equal(images, same_images)
        assert torch.equal(labels, same_labels)


@pytest.mark.parametrize("seed", SEEDS)
def test_another_case_of_the_same_seed_has_other_inputs(seed: int) -> None:
    one, other = (inputs.logits(generator(seed, name), 5) for name in ("a", "b"))

    assert not torch.equal(one[0], other[0])


@pytest.mark.parametrize("seed", SEEDS)
def test_train_and_eval_mode_give_different_answers(seed: int) -> None:
    rng = generator(seed, "mode")
    network = inputs.model(rng)
    (images, _), *_ = inputs.loader(rng, network, (16, 16))
    with torch.no_grad():
        evaluated = network(images, 0.0, early_exit=False)
        trained = network.train()(images, 0.0, early_exit=False)

    assert not torch.allclose(evaluated, trained, atol=0.1)


@pytest.mark.parametrize("seed", SEEDS)
def test_making_a_loader_leaves_the_network_in_its_mode(seed: int) -> None:
    rng = generator(seed, "loader")
    network = inputs.model(rng, training=True)
    inputs.loader(rng, network, (4, 2))

    assert all(part.training for part in network.modules())


def test_over_many_seeds_batches_leave_at_every_exit() -> None:
    taken = set()
    for seed in range(6):
        rng = generator(seed, "exits")
        network = inputs.model(rng)
        with torch.no_grad():
            taken |= {network(images, 1.0)[1] for images, _ in inputs.loader(rng, network, (12,) * 5 + (5,))}

    assert taken == {0, 1, 2, 3}


@pytest.mark.parametrize("seed", SEEDS)
def test_sweeps_have_no_two_rows_of_equal_cost(seed: int) -> None:
    rows = inputs.sweep(np.random.default_rng(seed), 12)

    assert len({macs for _, _, macs in rows}) == len({tolerance for tolerance, _, _ in rows}) == 12
