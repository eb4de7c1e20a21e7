"""The drawn data set: what decides an image, what its factors mean, and how hard the images are."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from course_lib.data import shapes
from course_lib.data.shapes import BLOCK, CLASS_NAMES, CORNERS, draw_split, load_splits
from course_lib.profiles import PROFILES

RANGES = {
    "size": (shapes.SIZE.hard, shapes.SIZE.easy),
    "rotation": (-shapes.ROTATION.hard, shapes.ROTATION.hard),
    "contrast": (shapes.CONTRAST.hard, shapes.CONTRAST.easy),
    "noise": (shapes.NOISE.easy, shapes.NOISE.hard),
    "occlusion": (shapes.OCCLUSION.easy, shapes.OCCLUSION.hard),
}


@pytest.fixture(name="train", scope="module")
def _train():
    return draw_split("train", 6 * BLOCK)


def test_when_drawn_then_images_are_grey_in_range_and_typed(train):
    assert train.images.shape == (6 * BLOCK, 3, 32, 32)
    assert train.images.dtype == torch.float32
    assert 0.0 <= train.images.min() < train.images.max() <= 1.0
    assert torch.equal(train.images[:, 0], train.images[:, 2])


def test_when_drawn_then_every_class_is_equally_frequent(train):
    assert torch.bincount(train.labels).tolist() == [BLOCK] * len(CLASS_NAMES)


def test_when_drawn_then_every_factor_is_in_its_range_and_varies(train):
    assert train.factors.keys() == RANGES.keys()
    for name, (low, high) in RANGES.items():
        values = train.factors[name]
        assert values.shape == (len(train),)
        assert low <= values.min() < values.max() <= high
        assert np.ptp(values) > 0.8 * (high - low)  # 720 draws reach nearly all of it


def test_when_drawn_again_then_the_images_are_the_same(train):
    again = draw_split("train", len(train))

    assert torch.equal(train.images, again.images)
    assert torch.equal(train.labels, again.labels)


@pytest.mark.parametrize("count", [1, BLOCK - 1, BLOCK, BLOCK + 1])
def test_when_fewer_are_drawn_then_they_are_the_first_of_the_many(train, count):
    few = draw_split("train", count)

    assert len(few) == count
    assert torch.equal(few.images, train.images[:count])
    assert torch.equal(few.labels, train.labels[:count])
    for name, values in few.factors.items():
        assert np.array_equal(values, train.factors[name][:count])


def test_when_the_split_or_the_seed_differs_then_no_image_is_shared(train):
    others = [draw_split("validation", 100), draw_split("test", 100), draw_split("train", 100, seed=1)]
    every = torch.cat([train.images[:, 0], *(other.images[:, 0] for other in others)])

    assert len(torch.unique(every, dim=0)) == len(every)


def test_when_drawn_then_the_global_random_states_stay():
    numpy_before, torch_before = np.random.get_state(), torch.random.get_rng_state()
    draw_split("test", 10)

    assert np.array_equal(numpy_before[1], np.random.get_state()[1])
    assert torch.equal(torch_before, torch.random.get_rng_state())


def test_when_a_profile_is_given_then_splits_have_its_sizes():
    splits = load_splits(replace(PROFILES["smoke"], train_images=7, validation_images=5, test_images=3), seed=2)

    assert (len(splits.train), len(splits.validation), len(splits.test)) == (7, 5, 3)
    assert splits.class_names == CLASS_NAMES


def test_when_the_split_is_unknown_then_the_three_are_named():
    with pytest.raises(ValueError, match=r"no split 'dev'\. Choose one of train, validation, test"):
        draw_split("dev", 1)


def test_when_no_image_is_asked_for_then_it_is_refused():
    with pytest.raises(ValueError, match="at least 1 image, but 0"):
        draw_split("train", 0)


def _plain(name: str, **changes: float) -> np.ndarray:
    """The share of each pixel that a clean, centred, upright, filled shape of 9 pixels shows, (32, 32)."""
    factors = {"size": 9.0, "rotation": 0.0, "occlusion": 0.0, "outlined": 0.0, "right": 0.0, "side": 0.0} | changes
    shape, cover = shapes._render(
        np.array([CLASS_NAMES.index(name)]),
        {key: np.array([factors[key]]) for key in ("size", "rotation", "occlusion")},
        np.array([bool(factors["outlined"])]),
        np.array([[factors["right"]], [0.0]]),
        np.array([factors["side"]]),
    )
    return (shape * (1.0 - cover))[0]


@pytest.mark.parametrize("name", CLASS_NAMES)
def test_when_a_shape_is_drawn_then_it_has_the_area_of_the_disc_that_size_names(name):
    """2 %: the pixels on a corner are only as exact as one straight edge."""
    assert _plain(name).sum() == pytest.approx(math.pi * 9.0**2, rel=0.02)


@pytest.mark.parametrize("name", CLASS_NAMES)
def test_when_a_shape_turns_by_its_own_symmetry_then_it_looks_the_same(name):
    corners, _ = CORNERS[name]

    assert np.allclose(_plain(name), _plain(name, rotation=360 / corners), atol=1e-3)


@pytest.mark.parametrize("name", [name for name in CLASS_NAMES if name != "circle"])
def test_when_a_shape_turns_by_half_its_symmetry_then_it_looks_different(name):
    corners, _ = CORNERS[name]

    assert np.abs(_plain(name) - _plain(name, rotation=180 / corners)).sum() > 10  # pixels


def test_when_a_square_stands_on_its_corner_then_turning_it_by_45_degrees_fills_an_upright_square():
    side = math.sqrt(math.pi) * 9.0  # of the square with the disc's area
    upright = _plain("square", rotation=45.0)
    distance = np.abs(np.arange(32) - 15.5)
    covered = np.clip(side / 2 + 0.5 - distance, 0.0, 1.0)

    assert np.allclose(upright, covered[:, None] * covered[None, :], atol=0.1)  # the four corners are rounded


def test_when_a_shape_is_shifted_by_whole_pixels_then_the_picture_moves():
    assert np.allclose(_plain("star", right=2.0)[:, 2:], _plain("star")[:, :-2], atol=1e-4)


def test_when_a_shape_is_outlined_then_its_inside_is_empty_and_its_contour_stays():
    filled, outlined = _plain("square"), _plain("square", outlined=1.0)

    assert filled[16, 16] == 1.0
    assert outlined[16, 16] == 0.0
    assert outlined.max() == 1.0
    assert np.all(outlined <= filled + 1e-6)


@pytest.mark.parametrize("hidden", [0.25, 0.5, 0.75])
def test_when_part_of_the_width_is_hidden_then_nothing_shows_beyond_the_edge(hidden):
    """A disc of radius 9, hidden from the right."""
    seen = _plain("circle", occlusion=hidden, side=0.0)
    edge = 15.5 + 9.0 * (1.0 - 2.0 * hidden)  # pixel column

    assert seen[:, math.ceil(edge + 1) :].sum() == 0.0
    assert np.allclose(seen[:, : int(edge - 1)], _plain("circle")[:, : int(edge - 1)])


def test_when_noise_is_low_then_the_brightness_difference_is_the_contrast(train):
    """Among filled, large, unhidden shapes, brightest minus darkest part is `contrast`, up to the noise."""
    factors = train.factors
    clear = (factors["noise"] < 0.04) & (factors["occlusion"] == 0.0) & (factors["size"] > 5.0)
    assert clear.sum() > 20
    for image, contrast in zip(train.images[clear, 0], factors["contrast"][clear], strict=True):
        shape, ground = 0.5 + contrast / 2, 0.5 - contrast / 2
        near = torch.minimum((image - shape).abs(), (image - ground).abs()) < 4 * 0.04 + 0.01
        assert near.float().mean() > 0.85  # the rest are pixels on the contour, of any grey between


def test_when_noise_is_named_then_pixels_scatter_by_it(train):
    """Far corners show ground or cover only, so neighbouring pixels there differ by the noise times sqrt(2)."""
    factors = train.factors
    some = (factors["noise"] < 0.1) & (factors["contrast"] < 0.5)  # neither end of the grey range cuts it off
    corner = train.images[some, 0, :4, :4].numpy()
    scatter = np.diff(corner, axis=2).std(axis=(1, 2)) / math.sqrt(2)

    assert np.median(scatter / factors["noise"][some]) == pytest.approx(1.0, abs=0.1)  # 12 differences an image


def test_when_image_0_of_test_is_drawn_then_it_is_the_one_that_was_published():
    """Published numbers hold for these very images; whoever changes them has to publish new numbers."""
    first = draw_split("test", 12)

    assert first.labels.tolist() == [4, 2, 4, 1, 2, 2, 3, 2, 0, 3, 3, 2]
    expected = {
        "size": 9.485219,
        "rotation": -149.850165,
        "contrast": 0.781345,
        "noise": 0.038106,
        "occlusion": 0.012284,
    }
    assert {name: values[0] for name, values in first.factors.items()} == pytest.approx(expected, abs=1e-5)
    assert first.images[0].mean().item() == pytest.approx(0.356489, abs=1e-4)


def test_when_many_are_drawn_then_most_are_plain_and_some_are_beyond_anyone():
    """What early exits live on. Contrast below the noise of one pixel is where a small shape is lost."""
    factors = draw_split("test", 6_000).factors
    clarity = factors["contrast"] / factors["noise"]

    assert np.mean(clarity > 4.0) > 0.5
    assert 0.02 < np.mean(clarity < 1.0) < 0.10
