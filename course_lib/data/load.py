"""`load_data`: one name and one profile in, three splits out.

Knows which data sets exist. How each is made or read is in its own module.
"""

from __future__ import annotations

from pathlib import Path

from course_lib.data import fashion_mnist, shapes
from course_lib.data.splits import Splits
from course_lib.profiles import Profile


def load_data(
    name: str, profile: Profile, *, path: Path | None = None, seed: int = 0, download: bool = False
) -> Splits:
    """Loads a data set at the size of a profile.

    Args:
        name: "shapes" (drawn on the spot, six classes) or "fashion-mnist" (real photographs, ten classes).
        profile: Says how many images each split holds.
        path: fashion-mnist: the folder with its four files. None looks in the usual places.
        seed: shapes: another seed draws other images of the same kind. fashion-mnist ignores it.
        download: fashion-mnist: whether the network may be used when no copy is found.

    Returns:
        The three splits; the same arguments give the same images.

    Raises:
        ValueError: If the name is unknown, a path is given for the drawn data set, or a file is damaged.
        FileNotFoundError: If no copy of fashion-mnist is found.
    """
    if name == "shapes":
        if path is not None:
            raise ValueError(f"shapes are drawn, not read, but path={str(path)!r} was given. Leave path out.")
        return shapes.load_splits(profile, seed)
    if name == "fashion-mnist":
        return fashion_mnist.load_splits(profile, path=path, download=download)
    raise ValueError(f"There is no data set named {name!r}. Choose 'shapes' or 'fashion-mnist'.")
