"""Fashion-MNIST, the real data set of the course: 70,000 photographs of clothes in ten classes.

Finds the four files, reads them with numpy, and pads 28x28 to the 32x32 of the course. Nothing is fetched
from the network unless asked for.

Source: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine
Learning Algorithms", arXiv:1708.07747. The file format, IDX, is that of MNIST.
"""

from __future__ import annotations

import gzip
import math
import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from course_lib.data.splits import ImageSet, Splits

if TYPE_CHECKING:
    from course_lib.profiles import Profile

CLASS_NAMES = (
    "t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip
FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
SYSTEM_FOLDER = Path("/usr/share/datasets/fashion-mnist")  # where Debian's dataset-fashion-mnist puts them
CACHE_FOLDER = Path(os.path.expanduser("~/.cache/course_lib"))  # where a download goes
_DOWNLOADED = Path("FashionMNIST", "raw")  # torchvision's own folders below the one it is given

PHOTO_PX = 28  # side of a stored photograph, pixels
MARGIN_PX = 2  # black margin on each side: 28 + 2 * 2 = 32


def load_splits(profile: Profile, *, path: Path | None = None, download: bool = False) -> Splits:
    """Reads the three splits at the size of a profile.

    Validation is the tail of the training file. Profile "full" means the whole data set, 54,000 / 6,000 /
    10,000 images; every other profile takes as many as it asks for, or what there is.

    Args:
        profile: Gives the sizes.
        path: Folder with the four files, plain or `.gz`; None looks in the usual places.
        download: Whether torchvision may fetch the files.

    Raises:
        FileNotFoundError: If no folder holds the four files.
        ValueError: If a file is damaged, or too short to leave a training image.
    """
    folder = find_folder(path, download=download)
    images, labels = _read_pair(folder, *FILES[:2])
    test_images, test_labels = _read_pair(folder, *FILES[2:])

    tail = len(labels) - profile.validation_images
    if tail < 1:
        raise ValueError(
            f"{folder} holds {len(labels)} training images, of which profile {profile.name!r} wants "
            f"{profile.validation_images} for validation alone. Use the complete files or a smaller profile."
        )
    whole = profile.name == "full"
    train = slice(0, tail if whole else min(profile.train_images, tail))
    validation = slice(tail, None)
    test = slice(0, None if whole else profile.test_images)
    return Splits(
        name="fashion-mnist",
        class_names=CLASS_NAMES,
        train=_image_set(images[train], labels[train]),
        validation=_image_set(images[validation], labels[validation]),
        test=_image_set(test_images[test], test_labels[test]),
    )


def find_folder(
    path: Path | None = None,
    *,
    download: bool = False,
    system_folder: Path = SYSTEM_FOLDER,
    cache_folder: Path = CACHE_FOLDER,
) -> Path:
    """Finds the folder with the four files: the given one, else the system's, else a download's.

    Args:
        path: The only folder to look in; None tries the other two.
        download: Whether torchvision may fetch the files when neither has them.
        system_folder: Where a system package would put them.
        cache_folder: Where a download goes, and is found again.

    Raises:
        FileNotFoundError: If no folder holds all four files.
    """
    downloaded = cache_folder / _DOWNLOADED
    candidates = [Path(path)] if path is not None else [system_folder, downloaded]
    for folder in candidates:
        if all(_stored(folder, name).is_file() for name in FILES):
            return folder

    reason = f"Looked in {' and '.join(str(folder) for folder in candidates)}."
    if path is None and download:
        # Imported here, because it takes a second and is rarely needed.
        from torchvision.datasets import FashionMNIST

        try:
            FashionMNIST(str(cache_folder), download=True)
            return downloaded
        except (OSError, RuntimeError) as error:  # no network, a dead mirror, a file that fails its checksum
            reason += f" The download failed: {error}"
    raise FileNotFoundError(
        f"Fashion-MNIST was not found. Give one of: (1) path=FOLDER with the files {', '.join(FILES)}, "
        "plain or .gz; (2) the system package, `apt install dataset-fashion-mnist`, "
        f"which fills {system_folder}; (3) download=True, which lets torchvision fetch 30 MB "
        f"into {cache_folder}. {reason}"
    )


def _stored(folder: Path, name: str) -> Path:
    """The plain file of that name, or where its compressed form would be."""
    plain = folder / name
    return plain if plain.is_file() else folder / f"{name}.gz"


def _read_pair(folder: Path, images_name: str, labels_name: str) -> tuple[np.ndarray, np.ndarray]:
    """Reads images (N, 28, 28) and labels (N,), both uint8, that belong together."""
    images, labels = read_idx(_stored(folder, images_name)), read_idx(_stored(folder, labels_name))
    if images.shape != (len(labels), PHOTO_PX, PHOTO_PX) or labels.ndim != 1:
        raise ValueError(
            f"{images_name} and {labels_name} in {folder} should hold (N, {PHOTO_PX}, {PHOTO_PX}) images "
            f"and (N,) labels, but hold {images.shape} and {labels.shape}. Fetch the data set again."
        )
    if len(labels) == 0 or labels.max() >= len(CLASS_NAMES):
        found = f"goes up to {labels.max()}" if len(labels) else "is empty"
        raise ValueError(
            f"{labels_name} in {folder} should hold labels from 0 to {len(CLASS_NAMES) - 1}, but {found}. "
            "Fetch the data set again."
        )
    return images, labels


def read_idx(file: Path) -> np.ndarray:
    """Reads one IDX file of unsigned bytes, plain or gzip-compressed.

    The file opens with two zero bytes, the type code 8 for unsigned bytes, and the number of dimensions; then
    follow the dimensions as big-endian 32-bit numbers, then the bytes.

    Raises:
        ValueError: If the file is not of that form.
    """
    try:
        content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{file} should be a gzip file, but cannot be unpacked ({error}). Fetch it again.") from error
    if len(content) < 4 or content[:3] != b"\x00\x00\x08":
        raise ValueError(
            f"{file} should open with the bytes 00 00 08 of an IDX file, "
            f"but opens with {content[:3].hex(' ') or 'nothing'}. Fetch it again."
        )
    dimensions = content[3]
    header_bytes = 4 + 4 * dimensions
    if len(content) < header_bytes:
        raise ValueError(
            f"{file} should open with {header_bytes} bytes of header, but holds {len(content)} bytes. Fetch it again."
        )
    shape = tuple(int(size) for size in np.frombuffer(content, dtype=">u4", count=dimensions, offset=4))
    if len(content) != header_bytes + math.prod(shape):
        raise ValueError(
            f"{file} announces an array of shape {shape}, {header_bytes + math.prod(shape)} bytes in all, "
            f"but holds {len(content)} bytes. Fetch it again."
        )
    return np.frombuffer(content, dtype=np.uint8, offset=header_bytes).reshape(shape)


def _image_set(photographs: np.ndarray, labels: np.ndarray) -> ImageSet:
    """Scales (N, 28, 28) bytes to [0, 1] and pads them with black to 32x32."""
    margin = (MARGIN_PX, MARGIN_PX)
    grey = np.pad(photographs, ((0, 0), margin, margin)).astype(np.float32) / 255.0
    return ImageSet.from_grey(grey, labels)
