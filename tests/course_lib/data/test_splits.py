"""What an image set promises, and how it is cut into batches."""

import numpy as np
import pytest
import torch

from course_lib.data import ImageSet, make_loader


@pytest.fixture(name="seven_images")
def _seven_images() -> ImageSet:
    """Seven images whose every pixel is the image's own number."""
    grey = np.arange(7, dtype=np.float32)[:, None, None] * np.ones((1, 32, 32), dtype=np.float32)
    return ImageSet.from_grey(grey, np.arange(7) % 3)


def test_when_grey_images_come_in_then_three_channels_share_one_memory(seven_images):
    images = seven_images.images

    assert images.shape == (7, 3, 32, 32)
    assert images.dtype == torch.float32
    assert seven_images.labels.dtype == torch.int64
    assert images.stride(1) == 0
    assert images.untyped_storage().nbytes() == 7 * 32 * 32 * 4
    assert len(seven_images) == 7
    assert seven_images.factors == {}


def test_when_not_shuffled_then_batches_come_in_order_and_the_last_is_short(seven_images):
    batches = list(make_loader(seven_images, 3))

    assert [len(labels) for _, labels in batches] == [3, 3, 1]
    assert torch.equal(torch.cat([labels for _, labels in batches]), seven_images.labels)
    assert torch.equal(torch.cat([images for images, _ in batches]), seven_images.images)


def _orders(image_set: ImageSet, seed: int) -> list[list[float]]:
    """The image numbers in the order of two epochs."""
    loader = make_loader(image_set, 3, shuffle=True, seed=seed)
    return [[number for images, _ in loader for number in images[:, 0, 0, 0].tolist()] for _ in range(2)]


def test_when_shuffled_then_the_seed_alone_decides_the_order(seven_images):
    torch.manual_seed(1)
    once = _orders(seven_images, seed=5)
    torch.manual_seed(2)
    again = _orders(seven_images, seed=5)

    assert once == again
    assert once != _orders(seven_images, seed=6)


def test_when_shuffled_then_every_epoch_has_each_image_once_in_a_new_order(seven_images):
    first, second = _orders(seven_images, seed=5)

    assert sorted(first) == sorted(second) == list(range(7))
    assert first != second


def test_when_batches_are_drawn_then_the_global_random_state_stays(seven_images):
    before = torch.random.get_rng_state()
    _orders(seven_images, seed=0)

    assert torch.equal(before, torch.random.get_rng_state())


def test_when_shuffled_then_images_keep_their_labels(seven_images):
    for images, labels in make_loader(seven_images, 3, shuffle=True):
        assert torch.equal(images[:, 0, 0, 0].long() % 3, labels)


def test_when_the_batch_size_is_not_positive_then_it_is_refused(seven_images):
    with pytest.raises(ValueError, match="batch_size must be at least 1, but is 0"):
        make_loader(seven_images, 0)
