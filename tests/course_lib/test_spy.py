"""The spy: it notes the same whichever way a network is used, and changes nothing."""

import copy

import pytest
import torch

from course_lib._spy import Spy
from course_lib.macs import get_model_macs
from course_lib.model import EarlyExitResNet18


@pytest.fixture(name="network")
def _network():
    return EarlyExitResNet18(num_classes=6, width=4).eval()


def as_a_whole(network, images):
    return network(images, 0.0, early_exit=False)


def stage_by_stage(network, images):
    for part in (network.stem, *network.stages):
        images = part(images)
    return network.heads[3](images)


def block_by_block(network, images):
    for part in (network.stem, *network.stages):
        for layer in part:
            images = layer(images)
    return network.heads[3](images)


def in_a_copy(network, images):
    return as_a_whole(copy.deepcopy(network), images)


def counted(network, images):
    return get_model_macs(network, (images, 0.0, False))


@pytest.mark.parametrize("use", [as_a_whole, stage_by_stage, block_by_block, in_a_copy, counted])
def test_when_a_batch_goes_through_then_every_stage_has_seen_it_once(network, use):
    images, spy = torch.rand(3, 3, 32, 32), Spy(network)
    with torch.no_grad():
        use(network, images)

    assert spy.seen() == {"samples": [3, 3, 3, 3], "calls": [1, 1, 1, 1], "training": False, "graph": False}
    assert [batch.shape for batch in spy.images] == [images.shape]
    assert torch.equal(spy.images[0], images)


def test_when_a_batch_leaves_early_then_the_later_stages_have_seen_nothing(network):
    spy = Spy(network)
    with torch.no_grad():
        for count in (2, 5):
            network(torch.rand(count, 3, 32, 32), 100.0)

    assert (spy.samples, spy.calls) == ([7, 0, 0, 0], [2, 0, 0, 0])


def test_when_a_batch_is_empty_then_it_is_no_call(network):
    spy = Spy(network)
    with torch.no_grad():
        stage_by_stage(network, torch.rand(0, 3, 32, 32))

    assert (spy.samples, spy.calls) == ([0, 0, 0, 0], [0, 0, 0, 0])


def test_when_one_stage_alone_ran_in_training_mode_then_it_is_noted(network):
    network.stages[2].train()
    spy = Spy(network)
    with torch.no_grad():
        as_a_whole(network, torch.rand(2, 3, 32, 32))

    assert spy.training


@pytest.mark.parametrize(
    ("frozen", "of_input", "graph"), [(False, False, True), (True, False, False), (True, True, True)]
)
def test_a_graph_is_noted_where_an_input_or_a_parameter_requires_one(network, frozen, of_input, graph):
    network.requires_grad_(not frozen)
    spy = Spy(network)
    as_a_whole(network, torch.rand(2, 3, 32, 32, requires_grad=of_input))

    assert spy.graph is graph


def test_when_the_hooks_are_removed_then_what_was_noted_stays_and_no_more_comes(network):
    spy = Spy(network)
    with torch.no_grad():
        as_a_whole(network, torch.rand(2, 3, 32, 32))
        noted = spy.seen()
        spy.remove()
        as_a_whole(network.train(), torch.rand(2, 3, 32, 32))

    assert spy.seen() == noted
    assert len(spy.images) == 1
    assert not [module for module in network.modules() if module._forward_pre_hooks]


def test_a_network_that_is_watched_answers_as_it_did(network):
    images = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        before = as_a_whole(network, images)
        Spy(network)

        assert torch.equal(as_a_whole(network, images), before)
