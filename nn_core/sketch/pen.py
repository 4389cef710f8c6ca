"""Draws MNIST again with a pen: the middle line of each digit is bent, sometimes given a stroke more, and inked.

A network that has seen MNIST alone stumbles over what people draw on a screen: hairlines and fat brushes of even
width, a 1 with flag and foot, a barred 7, a slashed 0. Here MNIST's own strokes become such drawings, by the steps of
to_mnist.py: the ink's longer side becomes 20 pixels, its centre of mass the middle of the image.
"""

from __future__ import annotations

import numpy as np

from nn_core.data.dataset import SIDE
from nn_core.machine.memory import Array
from nn_core.machine.second_core import SECOND_CORE
from nn_core.sketch.thinning import middle_lines
from nn_core.sketch.to_mnist import BOX

PART = 128  # digits drawn at once
N_EXTRA = 40  # points of the strokes that other hands add
HAIRLINE, FAT = 0.35, 5.5  # widths of the pen, in pixels of the image; drawn evenly on a logarithmic scale
TURN, SLANT, STRETCH = np.deg2rad(8), 0.2, 0.25  # standard deviations: radians, pixels a pixel, natural logarithm
WAVES = ((0.6, 14.0, 40.0), (0.25, 7.0, 14.0), (0.08, 3.0, 6.0))  # amplitude's deviation; wavelengths; in pixels
PERSPECTIVE = 0.008  # standard deviation, a pixel: how strongly parallel lines converge
GAP = 0.08  # the share of digits whose stroke breaks off somewhere
SMALLEST = 6.0  # pixels: a smaller digit gets no stroke added
CROSSED = 0.3  # the share of the digits 0, 1 and 7 that may get an added stroke


class Pen:
    """Draws MNIST digits again. images: uint8 (n, 28, 28); labels: (n,), which decide what strokes may be added."""

    def __init__(self, images: Array, labels: Array) -> None:
        self.points, self.counts = middle_lines(images)  # (k, 2), about the middle of the image; (n,)
        self.starts = np.cumsum(self.counts) - self.counts
        self.labels = labels
        y, x = np.divmod(np.arange(BOX * BOX), BOX)
        centres = np.stack([x, y]) + 0.5
        # the squared distance of q and c is q.q - 2 q.c + c.c: one product of matrices for (q, q.q, 1)
        rows = [-2 * centres[0], -2 * centres[1], np.ones(BOX * BOX), (centres**2).sum(axis=0)]
        self._pixels = np.stack(rows).astype(np.float32)  # (4, 400)

    def __repr__(self) -> str:
        return f"Pen({len(self.labels):,} digits, {len(self.points):,} points)"

    def draw(self, indices: Array, rngs: tuple[np.random.Generator, np.random.Generator]) -> Array:
        """The digits with these indices (m,) as uint8 (m, 28, 28): other drawings each time.

        Each generator draws one half; the halves may run on two threads.
        """
        out, middle = np.empty((len(indices), SIDE, SIDE), np.uint8), len(indices) // 2

        def half(rng: np.random.Generator, first: int, last: int) -> None:
            for start in range(first, last, PART):
                part = slice(start, min(start + PART, last))
                out[part] = self._drawn(indices[part], rng)

        SECOND_CORE.run(lambda: half(rngs[0], 0, middle), lambda: half(rngs[1], middle, len(indices)))
        return out

    def _drawn(self, indices: Array, rng: np.random.Generator) -> Array:
        counts, m = self.counts[indices], len(indices)
        places = np.minimum(np.arange(counts.max()), counts[:, None] - 1)  # short lines repeat their last point
        lines = self.points[self.starts[indices][:, None] + places]  # (m, k, 2)
        broken(lines, counts, rng)
        lines = np.concatenate([added_strokes(lines, self.labels[indices], rng), lines], axis=1)
        lines = bent(lines, rng)
        widths = np.exp(rng.uniform(np.log(HAIRLINE), np.log(FAT), m)).astype(np.float32)
        return self.inked(lines, counts + N_EXTRA, widths)

    def inked(self, lines: Array, counts: Array, widths: Array) -> Array:
        """uint8 (m, 28, 28): a round pen of these widths (m,), in pixels of the image, along the points (m, k, 2).

        Of each drawing's k points the first `counts` are used. A pixel's ink is the share of it that the pen covers,
        taken from its distance to the line. Size and place are as in `to_mnist`.
        """
        m, radii = len(lines), widths / 2
        low, extent = lines.min(axis=1), np.ptp(lines, axis=1)
        scale = np.minimum((BOX - widths) / np.maximum(extent.max(axis=1), 1e-3), BOX)  # a dot is not blown up
        length = np.minimum(extent * scale[:, None] + widths[:, None], BOX)
        n_pixels = np.ceil(length - 1e-3)  # (m, 2): across and down
        origin = (n_pixels - length) / 2 + radii[:, None]
        q = (lines - low[:, None]) * scale[:, None, None] + origin[:, None]
        q = np.concatenate([q, (q**2).sum(axis=2, keepdims=True), np.ones((*q.shape[:2], 1), q.dtype)], axis=2)
        nearest = np.empty((m, BOX * BOX), np.float32)
        squares = np.empty((q.shape[1], BOX * BOX), np.float32)
        for i, n in enumerate(counts):
            np.minimum.reduce(np.matmul(q[i, :n], self._pixels, out=squares[:n]), axis=0, out=nearest[i])
        distance = np.sqrt(np.maximum(nearest, 0))
        ink = np.clip(radii[:, None] + 0.5 - distance, 0, np.minimum(1, widths)[:, None])
        box = np.floor(ink * 255 + 0.5).astype(np.uint8).reshape(m, BOX, BOX)
        left, top = (_centring(box, axis, n_pixels[:, axis].astype(int)) for axis in range(2))
        image = np.zeros((m, SIDE + BOX, SIDE + BOX), np.uint8)
        for i in range(m):
            image[i, top[i] : top[i] + BOX, left[i] : left[i] + BOX] = box[i]
        return image[:, :SIDE, :SIDE]


def _centring(box: Array, axis: int, n_pixels: Array) -> Array:
    """Where the box (m, 20, 20) goes so that its centre of mass is nearest to 14.5, across (0) or down (1); (m,)."""
    profile = box.sum(axis=1 + axis, dtype=np.int64)
    ink = np.maximum(profile.sum(axis=1), 1)
    moment = profile @ (2 * np.arange(BOX) + 1)  # about the edge, in half pixels
    return np.clip(-((moment - SIDE * ink) // (2 * ink)), 0, SIDE - n_pixels)


# ---------------------------------------------------------------------------------------------- other hands


def broken(lines: Array, counts: Array, rng: np.random.Generator) -> None:
    """Breaks some of the lines (m, k, 2) in one place: the points there move to the far end of the line."""
    m = len(lines)
    rows = np.arange(m)
    distance = ((lines - lines[rows, rng.integers(0, counts)][:, None]) ** 2).sum(axis=2)
    reach = np.where(rng.random(m) < GAP, rng.uniform(0.5, 1.6, m), 0.0)
    far = lines[rows, distance.argmax(axis=1)]
    np.copyto(lines, far[:, None], where=(distance < reach[:, None] ** 2)[:, :, None])


def bent(lines: Array, rng: np.random.Generator) -> Array:
    """The lines (m, k, 2) shaken by smooth waves, stretched, slanted, turned, and seen from the side."""
    m = len(lines)
    for deviation, shortest, longest in WAVES:
        for _ in range(2):
            wave = _directions(rng, m) * (2 * np.pi / rng.uniform(shortest, longest, m).astype(np.float32))[:, None]
            phase = np.matmul(lines, wave[:, :, None]) + rng.uniform(0, 2 * np.pi, (m, 1, 1)).astype(np.float32)
            push = _directions(rng, m) * rng.normal(0, deviation, (m, 1)).astype(np.float32)
            lines = lines + np.sin(phase) * push[:, None]
    lines = np.matmul(lines, shapes(rng, m))
    view = rng.normal(0, PERSPECTIVE, (m, 2, 1)).astype(np.float32)
    seen: Array = lines / np.clip(1 + np.matmul(lines, view), 0.6, 1.6)
    return seen


def _directions(rng: np.random.Generator, m: int) -> Array:
    """m unit vectors, float32 (m, 2)."""
    angles = rng.uniform(0, 2 * np.pi, m)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def shapes(rng: np.random.Generator, m: int) -> Array:
    """m maps of points (x, y) as rows, float32 (m, 2, 2): stretched, then slanted, then turned."""
    stretch = np.exp(rng.normal(0, STRETCH / 2, m))
    slant, turn = rng.normal(0, SLANT, m), rng.normal(0, TURN, m)
    cos, sin, zero = np.cos(turn), np.sin(turn), np.zeros(m)
    stretched = np.stack([stretch, zero, -slant, 1 / stretch], axis=1).reshape(m, 2, 2)
    turned = np.stack([cos, sin, -sin, cos], axis=1).reshape(m, 2, 2)
    return np.matmul(stretched, turned).astype(np.float32)


def added_strokes(lines: Array, labels: Array, rng: np.random.Generator) -> Array:
    """(m, 40, 2): a flag and a foot for a 1, a bar for a 7, a slash for a 0, in some of them; else one point of each.

    lines: (m, k, 2); labels: (m,).
    """
    extra = np.repeat(lines[:, :1], N_EXTRA, axis=1)
    chances = rng.random((len(lines), 8))
    for i in np.flatnonzero(chances[:, 0] < CROSSED):
        stroke = STROKES.get(int(labels[i]))
        if stroke and np.ptp(lines[i], axis=0).max() >= SMALLEST:
            extra[i] = stroke(lines[i], chances[i, 1:])
    return extra


def _straight(start: Array, stop: Array) -> Array:
    return start + (stop - start) * np.linspace(0, 1, N_EXTRA)[:, None]


def _across(at: Array, left: float, right: float, tilt: float) -> Array:
    """A line through a point, so far to its left and right, falling to the left by the tilt on each side."""
    return _straight(at + np.array([-left, tilt]), at + np.array([right, -tilt]))


def _flag_and_foot(line: Array, u: Array) -> Array:
    """For a 1: an upstroke to its top, a line under it, or both."""
    top, bottom = line[line[:, 1].argmin()], line[line[:, 1].argmax()]
    height = np.ptp(line[:, 1])
    flag = _straight(top, top + height * np.array([-(0.12 + 0.33 * u[1]), 0.08 + 0.32 * u[2]]))
    width, tilt = height * (0.12 + 0.2 * u[3]), 1.5 * (u[4] - 0.5)
    foot = _across(bottom, width, width * (0.6 + 0.8 * u[5]), tilt)
    if u[0] < 0.55:
        return flag
    return np.concatenate([flag[::2], foot[::2]]) if u[0] < 0.9 else foot


def _bar(line: Array, u: Array) -> Array:
    """For a 7: a short line across its stem."""
    width, height = np.ptp(line, axis=0)
    y = line[:, 1].min() + height * (0.42 + 0.2 * u[0])
    stem = line[np.abs(line[:, 1] - y).argmin()]
    half, tilt = width * (0.2 + 0.25 * u[1]), 2 * (u[2] - 0.6)
    return _across(stem, half, half * (0.6 + 0.6 * u[3]), tilt)


def _slash(line: Array, u: Array) -> Array:
    """For a 0, one in three of those looked at: a line from below left to above right."""
    if u[0] > 0.35:
        return np.repeat(line[:1], N_EXTRA, axis=0)
    low, high = line.min(axis=0), line.max(axis=0)
    middle, reach = (low + high) / 2, (high - low) * (0.3 + 0.3 * u[1]) * [1, -1]
    return _straight(middle - reach, middle + reach)


STROKES = {0: _slash, 1: _flag_and_foot, 7: _bar}
