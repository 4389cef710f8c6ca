"""An image of one's own, a photo or a scan of a character, made into what a network here has learned from."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nn_core.machine.packages import need
from nn_core.sketch.to_mnist import to_mnist

Gray = NDArray[np.uint8]
FAINT = 0.25  # of the darkest to brightest: what is less is taken for the ground, which a photo never has at 0
MOST_SIDE = 1_024  # rows and columns; larger pictures are made smaller first


@dataclass(frozen=True)
class OwnImage:
    """`image`, uint8 (28, 28), bright on dark, the ink in 20 x 20, its centre of mass in the middle; `said` is how."""

    image: Gray
    said: tuple[str, ...]

    @property
    def batch(self) -> Gray:
        """The same as (1, 28, 28), as `Network.predict` takes images."""
        return self.image[None]

    def __repr__(self) -> str:
        return f"<OwnImage 28 x 28. {' '.join(self.said)}>"


def own_image(source: str | os.PathLike[str] | NDArray[np.generic], inverted: bool | None = None) -> OwnImage:
    """A picture file, or an array (H, W), (H, W, 3) or (H, W, 4) of 0..255 or 0..1, as a network here reads it.

    Dark on light is noticed by the borders, and turned, unless `inverted` says whether to. Raises ValueError; OSError
    for a file that cannot be read; PackageMissing where a file is given and Pillow is not installed.
    """
    gray = _gray(_pixels(source))
    if int(gray.max()) - int(gray.min()) < 16:
        raise ValueError(f"the image is nearly even, from {gray.min()} to {gray.max()}: there is nothing to read in it")
    said = [f"It has {gray.shape[0]:,} x {gray.shape[1]:,} pixels."]
    is_light = bool(np.median(np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]])) > 127)
    if is_light if inverted is None else inverted:
        gray = 255 - gray
        said.append("It is dark on light, and was turned: networks here learn from bright on dark.")
    low, high = int(gray.min()), int(gray.max())
    ground = low + FAINT * (high - low)
    ink = np.clip((gray - ground) * (255 / (high - ground)), 0, 255).astype(np.uint8)
    sketch = to_mnist(ink)
    said.append("The ink was brought to 20 x 20, its centre of mass to the middle of 28 x 28.")
    if sketch.message:
        said.append(sketch.message)
    return OwnImage(sketch.image, tuple(said))


def _pixels(source: str | os.PathLike[str] | NDArray[np.generic]) -> Gray:
    if isinstance(source, np.ndarray):
        if source.dtype == np.uint8:
            return source.astype(np.uint8, copy=False)
        wide = source.astype(np.float64)
        if not np.isfinite(wide).all() or not 0 <= wide.min() <= wide.max() <= 255:
            raise ValueError("pixels must be in [0, 255] or [0, 1]")
        return np.rint(wide * 255 if wide.max() <= 1 else wide).astype(np.uint8)
    module = need("PIL.Image", "Pictures in files")
    with module.open(Path(source)) as picture:
        ground = module.new("RGBA", picture.size, "white")
        plain = module.alpha_composite(ground, picture.convert("RGBA")).convert("L")
        plain.thumbnail((MOST_SIDE, MOST_SIDE))
        return np.array(plain, np.uint8)


def _gray(pixels: Gray) -> Gray:
    if pixels.ndim == 3 and pixels.shape[2] in (3, 4):
        return np.rint(pixels[..., :3] @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
    if pixels.ndim != 2 or min(pixels.shape) < 2:
        raise ValueError(f"an image must have shape (H, W), (H, W, 3) or (H, W, 4), got {pixels.shape}")
    return pixels
