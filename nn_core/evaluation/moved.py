"""Changes of whole batches of images for measuring: moved, bent, blurred, inked; float32 (n, 28, 28) in [0, 1].

As training's augmentation does it (data/augment.py), in float and without its shortcuts: here it is read, not raced.
"""

from __future__ import annotations

import math

import numpy as np

from nn_core.data.dataset import SIDE
from nn_core.machine.memory import Array

CENTRE = 14.0  # pixel (as an index) on which MNIST's centre of mass lies, about which is turned
ROWS, COLUMNS = (axis.astype(np.float32) for axis in np.mgrid[:SIDE, :SIDE])


def sampled(images: Array, rows: Array, columns: Array) -> Array:
    """The grey at places (n or 1, 28, 28) of each image, between the four nearest pixels; black outside."""
    n = len(images)
    framed = np.zeros((n, SIDE + 2, SIDE + 2), np.float32)
    framed[:, 1:-1, 1:-1] = images
    y = np.broadcast_to(np.clip(rows, -1, SIDE), images.shape) + np.float32(1)
    x = np.broadcast_to(np.clip(columns, -1, SIDE), images.shape) + np.float32(1)
    top, left = (np.minimum(at.astype(np.intp), SIDE) for at in (y, x))
    down, across = y - top, x - left
    flat = framed.reshape(-1)
    first = np.arange(n)[:, None, None] * (SIDE + 2) ** 2 + top * (SIDE + 2) + left
    upper = flat[first] * (1 - across) + flat[first + 1] * across
    lower = flat[first + SIDE + 2] * (1 - across) + flat[first + SIDE + 3] * across
    moved: Array = upper * (1 - down) + lower * down
    return moved


def placed(
    images: Array,
    *,
    degrees: float | Array = 0.0,
    size: float | Array = 1.0,
    slant: float | Array = 0.0,
    right: float | Array = 0.0,
    down: float | Array = 0.0,
) -> Array:
    """Scaled by `size`, slanted, turned anticlockwise, then moved by so many pixels; each a number, or one an image."""
    angle, size, slant, right, down = (
        np.asarray(value, np.float32).reshape(-1, 1, 1) for value in (np.deg2rad(degrees), size, slant, right, down)
    )
    y, x = ROWS - CENTRE - down, COLUMNS - CENTRE - right
    y, x = np.cos(angle) * y + np.sin(angle) * x, np.cos(angle) * x - np.sin(angle) * y
    x = x + slant * y
    return sampled(images, CENTRE + y / size, CENTRE + x / size)


def blurred(images: Array, sigma: float) -> Array:
    """Under a Gaussian of `sigma` pixels whose weights sum to 1; black outside."""
    if not sigma:
        return images
    at = np.arange(SIDE, dtype=np.float32)
    reach = math.ceil(4 * sigma)
    total = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2).sum()
    bell = (np.exp(-0.5 * ((at[:, None] - at) / sigma) ** 2) / total).astype(np.float32)
    return bell @ images @ bell.T


def thickened(images: Array, pixels: float) -> Array:
    """Ink that is wider by about so many pixels on each side, or narrower: the largest (least) grey around each pixel.

    A part of a pixel blends with the image before it. Around a pixel: itself and its four neighbours.
    """
    pick, beyond = (np.maximum, 0.0) if pixels > 0 else (np.minimum, 1.0)
    whole, part = divmod(abs(pixels), 1)
    for share in [1.0] * int(whole) + [part] * bool(part):
        framed = np.pad(images, ((0, 0), (1, 1), (1, 1)), constant_values=beyond)
        shifts = (framed[:, 2:, 1:-1], framed[:, :-2, 1:-1], framed[:, 1:-1, 2:], framed[:, 1:-1, :-2])
        widest = images
        for shifted in shifts:
            widest = pick(widest, shifted)
        images = images + np.float32(share) * (widest - images)
    return images


def contrasted(images: Array, factor: float) -> Array:
    """Every grey nearer to its image's mean by the factor."""
    means = images.mean(axis=(1, 2), keepdims=True)
    return means + np.float32(factor) * (images - means)


def smooth_fields(n: int, sigma: float, rng: np.random.Generator) -> Array:
    """n fields of Gaussian noise blurred by `sigma` pixels, each scaled to mean 0 and deviation 1: (n, 28, 28)."""
    margin = math.ceil(2 * sigma)
    wide = SIDE + 2 * margin
    at = np.arange(wide, dtype=np.float32)
    bell = np.exp(-0.5 * ((at[:, None] - at) / sigma) ** 2)
    fields = bell @ rng.standard_normal((n, wide, wide), dtype=np.float32) @ bell.T
    fields = fields[:, margin : margin + SIDE, margin : margin + SIDE]
    fields -= fields.mean(axis=(1, 2), keepdims=True)
    scaled: Array = fields / fields.std(axis=(1, 2), keepdims=True)
    return scaled
