"""Finds the middle lines of strokes: thins the ink to one pixel, and gives points along what is left."""

from __future__ import annotations

import numpy as np

from nn_core.data.dataset import SIDE
from nn_core.machine.memory import Array

FINE = 2  # an image is enlarged so many times before it is thinned
INK = 100  # grey level from which the enlarged image counts as ink
PART = 200  # images thinned at once
AROUND = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))  # from above, clockwise: (down, right)
SMOOTHINGS = 2  # times that each point becomes the mean of itself and its neighbours, so that stairs become slopes


def middle_lines(images: Array) -> tuple[Array, Array]:
    """Points (x, y) along the strokes of uint8 images (n, 28, 28): float32 (k, 2), image after image, and counts (n,).

    In pixels from the middle of the image; neighbours are about a third of a pixel apart, at most half a pixel. An
    image without ink has one point, in the middle.
    """
    points, counts = [], []
    for start in range(0, len(images), PART):
        found, n = _points_of(thinned(enlarged(images[start : start + PART]) >= INK))
        points.append(found)
        counts.append(n)
    return np.concatenate(points), np.concatenate(counts)


def enlarged(images: Array) -> Array:
    """Images (n, 28, 28) on the finer grid, float32 (n, 56, 56), linear between the middles of the pixels."""
    at = np.clip((np.arange(SIDE * FINE) + 0.5) / FINE - 0.5, 0, SIDE - 1)
    weights = np.maximum(1 - np.abs(at[:, None] - np.arange(SIDE)), 0).astype(np.float32)  # (56, 28)
    fine: Array = weights @ images.astype(np.float32) @ weights.T
    return fine


def _removable() -> list[Array]:
    """For each of the 256 neighbourhoods (bits as in AROUND), whether its middle pixel is removed.

    Two tables: a round of thinning has two halves with a rule each.
    """
    codes = np.arange(256)
    near = [(codes >> bit) & 1 for bit in range(8)]
    n = np.sum(near, axis=0)
    begins = np.sum([(near[bit] == 0) & (near[(bit + 1) % 8] == 1) for bit in range(8)], axis=0)
    on_the_rim = (n >= 2) & (n <= 6) & (begins == 1)
    above, right, below, left = near[::2]
    first = on_the_rim & (above * right * below == 0) & (right * below * left == 0)
    second = on_the_rim & (above * right * left == 0) & (above * below * left == 0)
    return [first, second]


REMOVABLE = _removable()


def thinned(ink: Array) -> Array:
    """Ink bool (n, H, W) whose rim is removed until lines of one pixel are left (Zhang & Suen 1984)."""
    n, height, width = ink.shape
    padded = np.zeros((n, height + 2, width + 2), np.uint8)
    inner = padded[:, 1:-1, 1:-1]
    inner[...] = ink
    code, moved = np.empty((2, n, height, width), np.uint8)
    changed = True
    while changed:
        changed = False
        for removable in REMOVABLE:
            code[...] = 0
            for bit, (down, right) in enumerate(AROUND):
                there = padded[:, 1 + down : 1 + down + height, 1 + right : 1 + right + width]
                code |= np.left_shift(there, np.uint8(bit), out=moved)
            goes = removable[code] & (inner != 0)
            if goes.any():
                changed = True
                inner[goes] = 0
    return inner != 0


def _points_of(lines: Array) -> tuple[Array, Array]:
    """Points on thin lines bool (n, 56, 56): one a pixel, smoothed, and one between any two neighbours; counts (n,)."""
    lines[~lines.any(axis=(1, 2)), SIDE, SIDE] = True
    which, row, column = np.nonzero(lines)
    number = np.full((len(lines), SIDE * FINE + 2, SIDE * FINE + 2), -1)
    number[which, row + 1, column + 1] = np.arange(len(which))
    near = np.stack([number[which, row + 1 + down, column + 1 + right] for down, right in AROUND])  # (8, k)
    there = (near >= 0)[:, :, None]
    points = np.stack([column, row], axis=1).astype(np.float32)
    for _ in range(SMOOTHINGS):
        points = (points + (points[near] * there).sum(axis=0)) / (1 + there.sum(axis=0))
    direction, at = np.nonzero(near[:4] >= 0)  # each pair of neighbours once
    halfway = (points[at] + points[near[direction, at]]) / 2
    owner = np.concatenate([which, which[at]])
    order = np.argsort(owner, kind="stable")
    both = np.concatenate([points, halfway])[order]
    middle = np.float32(SIDE / 2)
    return (both + np.float32(0.5)) / FINE - middle, np.bincount(owner, minlength=len(lines))
