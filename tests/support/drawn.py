"""Real pictures, as matplotlib's and Pillow's users make them."""

import base64
import io

import matplotlib.image
import numpy as np
from PIL import Image


def drawn(kind: str) -> bytes:
    """A picture of 40 by 30 pixels; ``kind`` is "png", "jpeg" or "gif"."""
    file = io.BytesIO()
    pixels = np.random.default_rng(1).integers(0, 255, (30, 40, 3), dtype=np.uint8)
    if kind == "png":
        matplotlib.image.imsave(file, pixels, format="png")
    else:
        Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def text(raw: bytes) -> str:
    """Base64."""
    return base64.b64encode(raw).decode()
