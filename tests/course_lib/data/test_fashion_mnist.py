"""Finding and reading Fashion-MNIST: small files of its format, and the real ones where installed."""

import gzip
import re
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision

from course_lib.data import fashion_mnist, load_data
from course_lib.data.fashion_mnist import FILES, find_folder, load_splits, read_idx
from course_lib.profiles import PROFILES

PROFILE = replace(PROFILES["smoke"], train_images=8, validation_images=4, test_images=5)


def _idx(array: np.ndarray) -> bytes:
    """An array of bytes as an IDX file."""
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.fixture(name="photographs")
def _photographs() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        FILES[0]: rng.integers(0, 256, (20, 28, 28), dtype=np.uint8),
        FILES[1]: (np.arange(20) % 10).astype(np.uint8),
        FILES[2]: rng.integers(0, 256, (10, 28, 28), dtype=np.uint8),
        FILES[3]: (np.arange(10) % 10).astype(np.uint8),
    }


@pytest.fixture(name="folder")
def _folder(tmp_path, photographs) -> Path:
    """A folder with 20 training and 10 test images; one pair of files compressed, the other plain."""
    folder = tmp_path / "files"
    folder.mkdir()
    for name in FILES[:2]:
        (folder / f"{name}.gz").write_bytes(gzip.compress(_idx(photographs[name])))
    for name in FILES[2:]:
        (folder / name).write_bytes(_idx(photographs[name]))
    return folder


def test_when_loaded_then_photographs_are_scaled_and_stand_in_a_black_margin(folder, photographs):
    splits = load_data("fashion-mnist", PROFILE, path=folder)
    images = splits.test.images

    assert images.shape == (5, 3, 32, 32)
    assert images.dtype == torch.float32
    photograph = torch.from_numpy(photographs[FILES[2]][:5]) / 255
    assert torch.allclose(images[:, 1, 2:30, 2:30], photograph)
    margin = images.clone()
    margin[:, :, 2:30, 2:30] = 0
    assert margin.count_nonzero() == 0
    assert torch.equal(splits.test.labels, torch.arange(5))
    assert splits.num_classes == len(splits.class_names) == 10
    assert splits.train.factors == {}


def test_when_loaded_then_validation_is_the_tail_of_the_training_file(folder, photographs):
    splits = load_splits(PROFILE, path=folder)

    assert (len(splits.train), len(splits.validation), len(splits.test)) == (8, 4, 5)
    assert splits.train.labels.tolist() == photographs[FILES[1]][:8].tolist()
    assert splits.validation.labels.tolist() == photographs[FILES[1]][-4:].tolist()


def test_when_the_file_is_smaller_than_the_profile_then_all_but_the_tail_is_trained_on(folder):
    splits = load_splits(replace(PROFILE, train_images=1000, test_images=1000), path=folder)

    assert (len(splits.train), len(splits.validation), len(splits.test)) == (16, 4, 10)


def test_when_the_profile_is_full_then_the_whole_data_set_is_used(folder):
    splits = load_splits(replace(PROFILE, name="full"), path=folder)

    assert (len(splits.train), len(splits.validation), len(splits.test)) == (16, 4, 10)


def test_when_validation_leaves_no_training_image_then_the_sentence_gives_both_numbers(folder):
    with pytest.raises(ValueError, match="holds 20 training images, of which profile 'smoke' wants 20"):
        load_splits(replace(PROFILE, validation_images=20), path=folder)


def test_when_a_path_is_given_then_only_it_is_searched(folder, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()

    assert find_folder(folder, system_folder=empty) == folder
    with pytest.raises(FileNotFoundError, match=re.escape(f"Looked in {empty}.")):
        find_folder(empty, system_folder=folder)


def test_when_no_path_is_given_then_the_system_comes_before_the_cache(folder, tmp_path):
    cache = tmp_path / "cache"
    downloaded = cache / "FashionMNIST" / "raw"
    downloaded.parent.mkdir(parents=True)
    folder.rename(downloaded)

    assert find_folder(system_folder=downloaded, cache_folder=tmp_path / "none") == downloaded
    assert find_folder(system_folder=tmp_path / "none", cache_folder=cache) == downloaded


def test_when_one_file_is_missing_then_the_folder_does_not_count(folder, tmp_path):
    (folder / FILES[3]).unlink()

    with pytest.raises(FileNotFoundError):
        find_folder(folder)


def test_when_nothing_is_found_then_the_error_names_all_three_ways(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"path=FOLDER .* dataset-fashion-mnist.* download=True"):
        find_folder(system_folder=tmp_path / "a", cache_folder=tmp_path / "b")


def test_when_download_is_not_asked_for_then_nothing_is_written(tmp_path):
    with pytest.raises(FileNotFoundError):
        find_folder(system_folder=tmp_path / "a", cache_folder=tmp_path / "b")

    assert list(tmp_path.iterdir()) == []


def test_when_the_download_fails_then_the_error_says_so_and_names_all_three_ways(tmp_path, monkeypatch):
    mirror = (tmp_path / "no_such_mirror").as_uri() + "/"
    monkeypatch.setattr(torchvision.datasets.FashionMNIST, "mirrors", [mirror])  # no network in a test

    with pytest.raises(FileNotFoundError, match=r"path=FOLDER .* download=True.* The download failed"):
        find_folder(download=True, system_folder=tmp_path / "a", cache_folder=tmp_path / "b")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "opens with nothing"),
        (b"\x00\x00\x0d\x01\x00\x00\x00\x00", "opens with 00 00 0d"),
        (b"\x00\x00\x08\x03\x00\x00", "holds 6 bytes"),
        (_idx(np.zeros((2, 3), dtype=np.uint8))[:-1], r"shape \(2, 3\), 18 bytes in all, but holds 17"),
        (_idx(np.zeros((2, 3), dtype=np.uint8)) + b"x", "but holds 19"),
    ],
)
def test_when_an_idx_file_is_damaged_then_the_sentence_says_how(tmp_path, content, found):
    file = tmp_path / "idx"
    file.write_bytes(content)

    with pytest.raises(ValueError, match=found):
        read_idx(file)


@pytest.mark.parametrize("damage", ["not gzip", "cut off", "flipped"])
def test_when_a_gzip_file_is_damaged_then_the_sentence_names_the_file(tmp_path, damage):
    good = gzip.compress(_idx(np.arange(200, dtype=np.uint8)))
    flipped = bytearray(good)
    flipped[10] ^= 0xFF
    file = tmp_path / "idx.gz"
    file.write_bytes({"not gzip": b"hello", "cut off": good[:-20], "flipped": bytes(flipped)}[damage])

    with pytest.raises(ValueError, match=re.escape(f"{file} should be a gzip file")):
        read_idx(file)


def test_when_images_and_labels_do_not_match_then_the_sentence_gives_both_shapes(folder):
    (folder / FILES[3]).write_bytes(_idx(np.zeros(9, dtype=np.uint8)))

    with pytest.raises(ValueError, match=r"hold \(10, 28, 28\) and \(9,\)"):
        load_splits(PROFILE, path=folder)


@pytest.mark.parametrize(("count", "label", "found"), [(10, 10, "goes up to 10"), (0, 0, "is empty")])
def test_when_labels_are_out_of_range_or_absent_then_they_are_refused(folder, count, label, found):
    (folder / FILES[2]).write_bytes(_idx(np.zeros((count, 28, 28), dtype=np.uint8)))
    (folder / FILES[3]).write_bytes(_idx(np.full(count, label, dtype=np.uint8)))

    with pytest.raises(ValueError, match=found):
        load_splits(PROFILE, path=folder)


@pytest.mark.slow
def test_when_the_real_files_are_installed_then_full_is_the_whole_data_set():
    """Where they are not, the contract is the error; both are checked, so that nothing is skipped."""
    if not fashion_mnist.SYSTEM_FOLDER.is_dir() and not fashion_mnist.CACHE_FOLDER.is_dir():
        with pytest.raises(FileNotFoundError):
            load_data("fashion-mnist", PROFILES["full"])
        return
    splits = load_data("fashion-mnist", PROFILES["full"])

    assert (len(splits.train), len(splits.validation), len(splits.test)) == (54_000, 6_000, 10_000)
    assert torch.bincount(splits.test.labels).tolist() == [1000] * 10
