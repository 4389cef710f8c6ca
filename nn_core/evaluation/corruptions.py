"""Fifteen ways to spoil an image, at five strengths each, and seven changes that are drawn as curves.

The design is that of ImageNet-C (Hendrycks & Dietterich 2019) and MNIST-C (Mu & Gilmer 2019): many kinds, five
strengths, and their mean. The code is our own, and so the figures are not comparable with those of either.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nn_core.evaluation.moved import COLUMNS, ROWS, blurred, contrasted, placed, sampled, smooth_fields, thickened
from nn_core.machine.memory import Array

Strengths = tuple[float, float, float, float, float]
Spoil = Callable[[Array, float, np.random.Generator], Array]


@dataclass(frozen=True)
class Corruption:
    """One way to spoil images float32 (n, 28, 28) in [0, 1]; `help` says how it is made, {} its strength."""

    name: str
    label: str
    help: str
    strengths: Strengths
    spoil: Spoil

    @property
    def made(self) -> str:
        """How it is made, with its five strengths."""
        return self.help.format(", ".join(f"{strength:g}" for strength in self.strengths))


@dataclass(frozen=True)
class Sweep:
    """One change of the images over a range, 0 or 1 being the images as they are."""

    name: str
    label: str
    unit: str
    values: tuple[float, ...]
    change: Spoil


def as_floats(images: Array) -> Array:
    """uint8 images as float32 in [0, 1]."""
    return images.astype(np.float32) / np.float32(255)


def as_bytes(images: Array) -> Array:
    """Back to uint8, rounded; what left [0, 1] is cut off."""
    return np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)


def _sides(n: int, rng: np.random.Generator) -> Array:
    """-1 or 1 for each image."""
    return rng.integers(0, 2, n) * 2 - 1


def _gaussian_noise(images: Array, sigma: float, rng: np.random.Generator) -> Array:
    return images + np.float32(sigma) * rng.standard_normal(images.shape, dtype=np.float32)


def _shot_noise(images: Array, photons: float, rng: np.random.Generator) -> Array:
    return (rng.poisson(images * photons) / photons).astype(np.float32)


def _impulse_noise(images: Array, share: float, rng: np.random.Generator) -> Array:
    u = rng.random(images.shape, dtype=np.float32)
    return np.where(u < share / 2, np.float32(0), np.where(u > 1 - share / 2, np.float32(1), images))


def _motion_blur(images: Array, length: float, rng: np.random.Generator) -> Array:
    angles = rng.random(len(images)) * math.pi
    steps = np.linspace(-length / 2, length / 2, int(length) + 1)
    moved = [placed(images, right=step * np.cos(angles), down=step * np.sin(angles)) for step in steps]
    return sum(moved[1:], moved[0]) / np.float32(len(steps))


def _frosted_glass(images: Array, reach: float, rng: np.random.Generator) -> Array:
    rows, columns = ((rng.random(images.shape, dtype=np.float32) * 2 - 1) * np.float32(reach) for _ in range(2))
    return sampled(images, ROWS + rows, COLUMNS + columns)


def _fog(images: Array, share: float, rng: np.random.Generator) -> Array:
    fields = np.clip(0.5 + 0.25 * smooth_fields(len(images), 4.0, rng), 0, 1)
    return (1 - np.float32(share)) * images + np.float32(share) * fields


def _elastic(images: Array, pixels: float, rng: np.random.Generator) -> Array:
    rows, columns = (np.float32(pixels) * smooth_fields(len(images), 3.0, rng) for _ in range(2))
    return sampled(images, ROWS + rows, COLUMNS + columns)


def _shift(images: Array, pixels: float, rng: np.random.Generator) -> Array:
    angles = rng.random(len(images)) * 2 * math.pi
    return placed(images, right=pixels * np.cos(angles), down=pixels * np.sin(angles))


def _stroke(images: Array, width: float, rng: np.random.Generator) -> Array:
    """A line through a place near the middle, its border one pixel soft."""
    n = len(images)
    angle, row, column = rng.random((3, n, 1, 1), dtype=np.float32)
    angle, row, column = angle * np.float32(math.pi), 6 + 16 * row, 6 + 16 * column
    away = np.abs((ROWS - row) * np.cos(angle) - (COLUMNS - column) * np.sin(angle))
    return np.maximum(images, np.clip(width / 2 + 0.5 - away, 0, 1))


CORRUPTIONS = (
    Corruption(
        "gaussian_noise",
        "Gaussian noise",
        "a normal number of deviation {} is added to each pixel (white is 1)",
        (0.1, 0.2, 0.3, 0.4, 0.5),
        _gaussian_noise,
    ),
    Corruption(
        "shot_noise",
        "Shot noise",
        "each pixel is a count of photons, {} on average where it is white (Poisson)",
        (30, 12, 6, 3, 1.5),
        _shot_noise,
    ),
    Corruption(
        "impulse_noise",
        "Impulse noise",
        "a share of {} of the pixels becomes black or white",
        (0.05, 0.1, 0.2, 0.3, 0.4),
        _impulse_noise,
    ),
    Corruption(
        "gaussian_blur",
        "Gaussian blur",
        "a Gaussian of {} pixels",
        (0.7, 1.1, 1.5, 2.0, 2.5),
        lambda images, sigma, _: blurred(images, sigma),
    ),
    Corruption(
        "motion_blur",
        "Motion blur",
        "the mean along a path of {} pixels, in any direction",
        (3, 5, 7, 9, 11),
        _motion_blur,
    ),
    Corruption(
        "frosted_glass",
        "Frosted glass",
        "each pixel shows another one at most {} pixels away, across and down",
        (1, 1.5, 2, 2.5, 3),
        _frosted_glass,
    ),
    Corruption(
        "brightness",
        "Brightness",
        "{} is added to each pixel (white is 1)",
        (0.1, 0.2, 0.3, 0.45, 0.6),
        lambda images, light, _: images + np.float32(light),
    ),
    Corruption(
        "contrast",
        "Low contrast",
        "each pixel's distance from the image's mean is multiplied by {}",
        (0.6, 0.4, 0.3, 0.2, 0.1),
        lambda images, factor, _: contrasted(images, factor),
    ),
    Corruption(
        "fog",
        "Fog",
        "a share of {} of each pixel becomes that of a smooth random cloud (4 pixels wide)",
        (0.2, 0.35, 0.5, 0.6, 0.7),
        _fog,
    ),
    Corruption(
        "rotation",
        "Rotation",
        "turned by {} degrees, to either side",
        (10, 20, 30, 40, 50),
        lambda images, degrees, rng: placed(images, degrees=degrees * _sides(len(images), rng)),
    ),
    Corruption(
        "shear",
        "Shear",
        "slanted to either side, {} pixels across for each pixel down",
        (0.2, 0.35, 0.5, 0.65, 0.8),
        lambda images, slant, rng: placed(images, slant=slant * _sides(len(images), rng)),
    ),
    Corruption(
        "small",
        "Smaller",
        "drawn at {} of its size",
        (0.85, 0.75, 0.65, 0.55, 0.45),
        lambda images, size, _: placed(images, size=size),
    ),
    Corruption("shift", "Shift", "moved by {} pixels in any direction", (1, 2, 3, 4, 5), _shift),
    Corruption(
        "elastic",
        "Elastic",
        "bent by a smooth random field of {} pixels, 3 pixels wide (Simard et al. 2003)",
        (0.8, 1.2, 1.6, 2.0, 2.4),
        _elastic,
    ),
    Corruption(
        "stroke",
        "A stroke through it",
        "a white line of {} pixels across the middle, at any angle",
        (1, 1.5, 2, 2.5, 3),
        _stroke,
    ),
)

SWEEPS = (
    Sweep(
        "rotation",
        "Rotation",
        "degrees",
        (-60, -45, -30, -20, -10, 0, 10, 20, 30, 45, 60),
        lambda images, degrees, _: placed(images, degrees=degrees),
    ),
    Sweep("shift", "Shift in any direction", "pixels", (0, 1, 2, 3, 4, 5, 6, 8), _shift),
    Sweep(
        "scale",
        "Size",
        "of the original",
        (0.4, 0.55, 0.7, 0.85, 1, 1.15, 1.3, 1.5),
        lambda images, size, _: placed(images, size=size),
    ),
    Sweep(
        "thickness",
        "Thickness",
        "pixels on each side",
        (-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2),
        lambda images, pixels, _: thickened(images, pixels),
    ),
    Sweep("noise", "Noise", "deviation, white is 1", (0, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8), _gaussian_noise),
    Sweep("blur", "Blur", "pixels", (0, 0.5, 1, 1.5, 2, 2.5, 3), lambda images, sigma, _: blurred(images, sigma)),
    Sweep(
        "contrast",
        "Contrast",
        "of the original",
        (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1),
        lambda images, factor, _: contrasted(images, factor),
    ),
)
