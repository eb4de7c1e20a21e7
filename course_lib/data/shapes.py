"""The course's own data set: six shapes, drawn from numbers, so that the difficulty of every image is known.

An image is a grey shape on a darker ground, turned, shifted, partly hidden and covered with noise. How much of
each is drawn per image and kept as a factor. Image i of a split depends on (seed, split, i) alone: a larger
profile begins with the images of a smaller one. Knows nothing of models.

Geometry: every class is a star polygon, corners alternating between an outer and an inner radius. A regular
polygon is the star whose inner corners lie on its sides, and a circle is a polygon of many corners. Folding the
plane along the symmetry axes brings every pixel into one sector with one side. So its distance to the contour is
one dot product; half a pixel on either side of the contour is shaded, which smooths the edge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from course_lib.data.splits import ImageSet, Splits

if TYPE_CHECKING:
    from course_lib.profiles import Profile

# Class -> (outer corners, inner radius / outer radius); cos(pi / n) puts inner corners on a regular n-gon's sides.
CORNERS = {
    "circle": (48, math.cos(math.pi / 48)),
    "triangle": (3, math.cos(math.pi / 3)),
    "square": (4, math.cos(math.pi / 4)),
    "pentagon": (5, math.cos(math.pi / 5)),
    "star": (5, 0.50),
    "sparkle": (4, 0.38),
}
CLASS_NAMES = tuple(CORNERS)


@dataclass(frozen=True)
class Spread:
    """How one factor is spread over the images: easy + (hard - easy) * u**skew, u uniform in [0, 1).

    The larger `skew`, the more images crowd at the easy end: half of them stay below 2**-skew of the way, and
    a tenth goes beyond 0.9**skew of it.
    """

    easy: float
    hard: float
    skew: float

    def draw(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Draws `count` values between `easy` and `hard`, shape (count,)."""
        return self.easy + (self.hard - self.easy) * rng.random(count) ** self.skew


# --- The difficulty distribution ---------------------------------------------------------------------------
# Chosen together: most images are plain, so that early exits pay; some are small, turned, shifted or half hidden,
# which depth learns to see through; and a tail is noise that hardly anything can be read from. The aim is an accuracy
# of 0.89 to 0.93 for a network that is large and trained long; calibration.md of the
# lesson's experiments has what was measured. Whoever changes a constant measures again.
SIZE = Spread(easy=9.5, hard=2.5, skew=4.0)  # pixels; 9.5 leaves room to shift, at 2.5 corners are one pixel
ROTATION = Spread(easy=0.0, hard=180.0, skew=8.0)  # degrees; half are within 1, but every turn occurs
CONTRAST = Spread(easy=0.80, hard=0.0, skew=5.0)  # of the grey range; at 0 there is nothing to see
NOISE = Spread(easy=0.03, hard=1.2, skew=9.0)  # standard deviation, of the grey range; 0.03 is film grain
OCCLUSION = Spread(easy=0.0, hard=0.6, skew=2.0)  # of the shape's width, where there is a cover at all
OCCLUDED_SHARE = 0.4  # of the images have a cover; the others have occlusion 0
OUTLINED_SHARE = 0.2  # of the images show the contour alone
OUTLINE_PX = 1.6  # pixels; thin, and still one full pixel wide at every angle
SHIFT = Spread(easy=0.0, hard=4.0, skew=3.0)  # pixels, either way; with size 9.5 only a shape's tips leave the image
# -----------------------------------------------------------------------------------------------------------

IMAGE_PX = 32  # side of an image, pixels
BLOCK = 120  # images from one generator, a multiple of the classes; changing it changes every image
_SPLIT_IDS = {"train": 0, "validation": 1, "test": 2}


def load_splits(profile: Profile, seed: int = 0) -> Splits:
    """Draws the three splits at the size of a profile."""
    return Splits(
        name="shapes",
        class_names=CLASS_NAMES,
        train=draw_split("train", profile.train_images, seed),
        validation=draw_split("validation", profile.validation_images, seed),
        test=draw_split("test", profile.test_images, seed),
    )


def draw_split(split: str, count: int, seed: int = 0) -> ImageSet:
    """Draws the first `count` images of a split.

    Args:
        split: "train", "validation" or "test".
        count: Number of images, at least 1.
        seed: Not negative; another seed gives other images of the same kind.

    Returns:
        The images, with the factors
        size: radius of the disc that has the shape's area, pixels;
        rotation: clockwise turn away from a corner pointing up, degrees, in [-180, 180];
        contrast: brightness of the shape minus that of the ground, in units of the full range;
        noise: standard deviation of the noise per pixel, in units of the full range;
        occlusion: part of the shape's width (of its circumscribed circle) that is hidden, in [0, 1].
        Their ranges are the difficulty distribution above; each is float64.

    Raises:
        ValueError: If `split` is unknown or `count` is below 1.
    """
    if split not in _SPLIT_IDS:
        raise ValueError(f"There is no split {split!r}. Choose one of {', '.join(_SPLIT_IDS)}.")
    if count < 1:
        raise ValueError(f"A split must hold at least 1 image, but {count} were asked for.")
    blocks = [_draw_block((seed, _SPLIT_IDS[split], block)) for block in range(math.ceil(count / BLOCK))]
    images, labels, factors = zip(*blocks, strict=True)
    return ImageSet.from_grey(
        np.concatenate(images)[:count],
        np.concatenate(labels)[:count],
        {name: np.concatenate([block[name] for block in factors])[:count] for name in factors[0]},
    )


def _draw_block(entropy: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Draws BLOCK images: (BLOCK, 32, 32) float32 in [0, 1], their labels and their factors."""
    rng = np.random.default_rng(entropy)
    labels = rng.permutation(np.arange(BLOCK) % len(CLASS_NAMES))  # every class equally often
    factors = {
        "size": SIZE.draw(rng, BLOCK),
        "rotation": ROTATION.draw(rng, BLOCK) * rng.choice([-1.0, 1.0], BLOCK),
        "contrast": CONTRAST.draw(rng, BLOCK),
        "noise": NOISE.draw(rng, BLOCK),
        "occlusion": OCCLUSION.draw(rng, BLOCK) * (rng.random(BLOCK) < OCCLUDED_SHARE),
    }
    outlined = rng.random(BLOCK) < OUTLINED_SHARE
    shift = SHIFT.draw(rng, 2 * BLOCK).reshape(2, BLOCK) * rng.choice([-1.0, 1.0], (2, BLOCK))
    hidden_side = rng.uniform(0.0, 2.0 * math.pi, BLOCK)
    grain = rng.standard_normal((BLOCK, IMAGE_PX, IMAGE_PX), dtype=np.float32)

    shape, cover = _render(labels, factors, outlined, shift, hidden_side)
    signal = (shape - 0.5) * (1.0 - cover)  # the cover has the grey midway between shape and ground
    images = 0.5 + _column(factors["contrast"]) * signal + _column(factors["noise"]) * grain
    return np.clip(images, 0.0, 1.0), labels, factors


def _render(
    labels: np.ndarray,
    factors: dict[str, np.ndarray],
    outlined: np.ndarray,
    shift: np.ndarray,
    hidden_side: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Renders the share of each pixel that the shape, and that the cover fills: float32 (B, 32, 32), [0, 1]."""
    corners, inner_ratio = np.array([CORNERS[CLASS_NAMES[label]] for label in labels]).T
    half_sector = np.pi / corners  # angle between an outer corner and the next inner one
    # A star has area corners * outer * inner * sin(half_sector); here it has that of the disc of radius size.
    outer = factors["size"] * np.sqrt(np.pi / (corners * inner_ratio * np.sin(half_sector)))

    centre = (IMAGE_PX - 1) / 2
    pixels = np.arange(IMAGE_PX, dtype=np.float32) - np.float32(centre)
    x = pixels[None, None, :] - _column(shift[0])  # (B, 1, 32)
    y = pixels[None, :, None] - _column(shift[1])  # (B, 32, 1)

    # At rotation 0 an outer corner points up. Fold the angle into [0, half_sector], seen from the nearest corner.
    angle = np.arctan2(x, -y) - _column(np.radians(factors["rotation"]))  # (B, 32, 32), clockwise from up
    sector = _column(2.0 * half_sector)
    angle = np.abs(angle - sector * np.round(angle / sector))
    radius = np.hypot(x, y)
    # The side runs from (outer, 0) to inner * (cos, sin)(half_sector); its normal points out of the shape.
    along_x = outer * (inner_ratio * np.cos(half_sector) - 1.0)
    along_y = outer * inner_ratio * np.sin(half_sector)
    length = np.hypot(along_x, along_y)
    normal_x, normal_y = _column(along_y / length), _column(-along_x / length)
    distance = (radius * np.cos(angle) - _column(outer)) * normal_x + radius * np.sin(angle) * normal_y

    hollow = np.maximum(distance, -(distance + np.float32(OUTLINE_PX)))
    shape = _filled(np.where(outlined[:, None, None], hollow, distance))

    # The cover is everything beyond a straight edge that leaves 1 - occlusion of the shape's width.
    edge = _column(outer * (1.0 - 2.0 * factors["occlusion"]))
    beyond = _column(np.cos(hidden_side)) * x + _column(np.sin(hidden_side)) * y - edge
    cover = _filled(-beyond) * _column(factors["occlusion"] > 0.0)
    return shape, cover


def _filled(distance: np.ndarray) -> np.ndarray:
    """Share of a pixel that lies inside a straight edge `distance` pixels away (negative: inside)."""
    return np.clip(0.5 - distance, 0.0, 1.0)


def _column(per_image: np.ndarray) -> np.ndarray:
    """Reshapes (B,) to (B, 1, 1) float32, to meet pixels of shape (B, 32, 32)."""
    return per_image.astype(np.float32)[:, None, None]
