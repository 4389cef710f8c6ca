"""The kinds of what is no digit, each a function that draws one as points, or (noise) as an image.

Lines are points (k, 2) about the middle, in pixels of a drawing whose longer side is about 20, and are bent, inked and
placed as the digits of `Pen` are. What a pen may well mean as a digit is left out: an upright line, a ring, the letters
of which `characters.py` says so, digits whose mirror image is another digit.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nn_core.data.dataset import SIDE
from nn_core.machine.memory import Array
from nn_core.sketch.no_digits.characters import LETTERS, SIGNS, Character
from nn_core.sketch.pen import FAT, HAIRLINE, PART, Pen, bent
from nn_core.sketch.strokes import along, arc, evenly
from nn_core.sketch.to_mnist import BOX

Drawing = Callable[[np.random.Generator, Pen], Array]
NOISE = "noise"
KINDS: dict[str, Drawing] = {}  # those that are drawn as lines; noise is the other one
GAP = 0.45  # pixels between the points of a line
MOST_POINTS = 700  # of one drawing
SHAKEN = 0.035  # deviation of the points that a character is written down with, in its height
SOFT = 0.3  # the share of drawings whose edges are as soft as those of MNIST


def kind(draw: Drawing) -> Drawing:
    """Decorator: draws one of this kind as points (k, 2)."""
    KINDS[draw.__name__.replace("_", " ")] = draw
    return draw


def no_digits(name: str, n: int, rng: np.random.Generator, pen: Pen) -> Array:
    """n images uint8 (n, 28, 28) of one kind: one of KINDS, or NOISE. `pen` has the digits that pairs are made of."""
    if name == NOISE:
        return np.stack([_noise(rng) for _ in range(n)]) if n else np.empty((0, SIDE, SIDE), np.uint8)
    out = np.empty((n, SIDE, SIDE), np.uint8)
    for start in range(0, n, PART):
        m = min(PART, n - start)
        out[start : start + m] = _inked([KINDS[name](rng, pen) for _ in range(m)], rng, pen)
    return out


def _inked(drawings: list[Array], rng: np.random.Generator, pen: Pen) -> Array:
    m = len(drawings)
    drawings = [line if len(line) <= MOST_POINTS else line[:: -(-len(line) // MOST_POINTS)] for line in drawings]
    counts = np.array([len(line) for line in drawings])
    lines = np.stack([np.pad(line, ((0, counts.max() - len(line)), (0, 0)), mode="edge") for line in drawings])
    lines = bent(lines.astype(np.float32), rng)
    widths = np.exp(rng.uniform(np.log(HAIRLINE), np.log(FAT), m)).astype(np.float32)
    images = pen.inked(lines, counts, widths)
    soft = rng.random(m) < SOFT
    images[soft] = _softened(images[soft])
    return images


def _softened(images: Array) -> Array:
    """Each pixel shares out a quarter of its ink to either side, across and down."""
    padded = np.pad(images.astype(np.float32), ((0, 0), (1, 1), (1, 1)))
    rows = (padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]) / 4
    both = (rows[:, :, :-2] + 2 * rows[:, :, 1:-1] + rows[:, :, 2:]) / 4
    return np.minimum(both * 1.3, 255).astype(np.uint8)


def _of_size(line: Array, height: float = BOX) -> Array:
    """A line in a box of height 1 as points `GAP` apart, about the middle, so many pixels high."""
    return evenly((line - 0.5) * height, GAP)


def _written(character: Character, rng: np.random.Generator) -> Array:
    """A character as one hand writes it once: its points moved a little, narrow or wide."""
    narrow = np.array([rng.uniform(0.55, 1.05), 1.0])
    parts = []
    for is_smooth, points in character:
        shaken = points + rng.normal(0, SHAKEN if len(points) < 15 else SHAKEN / 3, points.shape)
        parts.append(_of_size(along(is_smooth, shaken) * narrow))
    return np.concatenate(parts)


@kind
def letters(rng: np.random.Generator, pen: Pen) -> Array:
    """A letter."""
    forms = LETTERS[list(LETTERS)[rng.integers(len(LETTERS))]]
    return _written(forms[rng.integers(len(forms))], rng)


@kind
def signs(rng: np.random.Generator, pen: Pen) -> Array:
    """A sign, a letter of another alphabet, a small picture."""
    forms = SIGNS[list(SIGNS)[rng.integers(len(SIGNS))]]
    return _written(forms[rng.integers(len(forms))], rng)


@kind
def invented_signs(rng: np.random.Generator, pen: Pen) -> Array:
    """Two to five strokes between points of a grid of three by three, straight or curved."""
    grid = np.array([(x, y) for x in (0.1, 0.5, 0.9) for y in (0.0, 0.5, 1.0)])
    character: Character = []
    for _ in range(rng.integers(2, 6)):
        if rng.random() < 0.2:
            x, y = grid[rng.integers(9)]
            start = rng.uniform(0, 360)
            width, height = rng.uniform(0.15, 0.45, 2)
            character.append(arc(x, y, width, height, start, start + rng.uniform(150, 360)))
        else:
            points = grid[rng.permutation(9)[: rng.integers(2, 5)]] + rng.normal(0, 0.06, (1, 2))
            character.append((bool(rng.random() < 0.5), points))
    return _written(character, rng)


@kind
def shapes(rng: np.random.Generator, pen: Pen) -> Array:
    """A polygon of three to five corners, half a disc, rings one in another, or one of them filled."""
    n = int(rng.integers(3, 6))
    turns = np.sort(rng.uniform(0, 2 * np.pi, n)) if rng.random() < 0.4 else np.arange(n) * 2 * np.pi / n
    corners = np.stack([np.cos(turns), np.sin(turns)], axis=1) @ _turn(rng.uniform(0, 2 * np.pi)) / 2 + 0.5
    choice = rng.random()
    if choice < 0.2:
        corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)]) * [1, rng.uniform(0.4, 1)]
    elif choice < 0.3:
        start = rng.uniform(0, 360)
        corners = arc(0.5, 0.5, 0.5, 0.5, start, start + 180)[1]
    elif choice < 0.4:
        rings = [arc(0.5, 0.5, size / 2, size / 2, 0, 360)[1] for size in (1.0, rng.uniform(0.3, 0.7))]
        return np.concatenate([_of_size(ring) for ring in rings])
    outline = _of_size(np.vstack([corners, corners[:1]]))
    if rng.random() < 0.3:
        return np.concatenate([outline * size for size in np.linspace(0.05, 1, 12)])
    return outline


def _turn(angle: float) -> Array:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, sin], [-sin, cos]])


@kind
def scribbles(rng: np.random.Generator, pen: Pen) -> Array:
    """A curve through many random points, a zigzag, or loops in a row."""
    choice, n = rng.random(), int(rng.integers(6, 22))
    if choice < 0.5:
        return _of_size(along(True, rng.random((n, 2))))
    t = np.linspace(0, 1, n)
    if choice < 0.75:
        zigzag = np.stack([t, np.arange(n) % 2 * rng.uniform(0.3, 1)], axis=1) + rng.normal(0, 0.06, (n, 2))
        return _of_size(along(bool(rng.random() < 0.5), (zigzag - 0.5) @ _turn(rng.uniform(0, np.pi)) + 0.5))
    t, turns = np.linspace(0, 1, 80), rng.uniform(2.5, 7)
    size = rng.uniform(0.15, 0.45)
    loops = np.stack([t, 0 * t], axis=1) + size * np.stack([np.cos(turns * 6.28 * t), np.sin(turns * 6.28 * t)], axis=1)
    return _of_size((loops - loops.mean(axis=0)) @ _turn(rng.uniform(0, np.pi)) + 0.5)


@kind
def dots(rng: np.random.Generator, pen: Pen) -> Array:
    """One blot, round or longish, or two to six dots."""
    n = 1 if rng.random() < 0.5 else int(rng.integers(2, 7))
    blots = []
    for _ in range(n):
        size = np.array([1.0, rng.uniform(0.6, 1)]) * (BOX / 2 if n == 1 else rng.uniform(0.5, 3))
        disc = np.concatenate([arc(0, 0, r, r, 0, 360)[1] for r in np.linspace(0, 1, 12 if n == 1 else 4)])
        place = np.zeros(2) if n == 1 else rng.uniform(-BOX / 2, BOX / 2, 2)
        blots.append(disc * size @ _turn(rng.uniform(0, np.pi)) + place)
    return np.concatenate(blots)


@kind
def lines(rng: np.random.Generator, pen: Pen) -> Array:
    """A line that lies or falls to the right, several beside one another, or a grid."""
    n = int(rng.choice([1, 2, 3, 4], p=[0.4, 0.3, 0.2, 0.1]))
    curve = rng.normal(0, 0.04, (n, 2))
    shift = np.linspace(-0.5, 0.5, n) * rng.uniform(0.3, 1) if n > 1 else np.zeros(1)
    bars = [
        _of_size(along(True, np.array([(0, 0.5 + at), (0.5, 0.5 + at + bend), (rng.uniform(0.8, 1), 0.5 + at + tip)])))
        for at, (bend, tip) in zip(shift, curve, strict=True)
    ]
    lying = np.concatenate(bars)
    if n > 1 and rng.random() < 0.3:
        return np.concatenate([lying, lying[:, ::-1]])
    angle = rng.uniform(-25, 45) if n == 1 else rng.uniform(0, 180)
    return lying @ _turn(np.deg2rad(angle))


@kind
def two_digits(rng: np.random.Generator, pen: Pen) -> Array:
    """Two digits side by side, sometimes three: touching, overlapping a little, or with a gap."""
    parts, right = [], 0.0
    for _ in range(2 if rng.random() < 0.85 else 3):
        digit = _digit(rng, pen)[1] * rng.uniform(0.85, 1.1)
        digit = digit - [digit[:, 0].min(), 0]
        parts.append(digit + np.array([right, rng.normal(0, 1)]))
        right = parts[-1][:, 0].max() + rng.uniform(0.5, 7)
    both = np.concatenate(parts)
    return both - (both.max(axis=0) + both.min(axis=0)) / 2


@kind
def turned_digits(rng: np.random.Generator, pen: Pen) -> Array:
    """A digit lying on its side, or in a mirror."""
    label, line = _digit(rng, pen, (2, 3, 4, 5, 6, 7, 8, 9))
    if label in (3, 4, 7, 9) and rng.random() < 0.4:
        return line * [-1, 1]
    return line[:, ::-1] * ([-1, 1] if rng.random() < 0.5 else [1, -1])


def _digit(rng: np.random.Generator, pen: Pen, of: tuple[int, ...] = tuple(range(10))) -> tuple[int, Array]:
    """One of the pen's digits with such a label, and its points (k, 2)."""
    while True:
        at = int(rng.integers(len(pen.labels)))
        if pen.labels[at] in of:
            return int(pen.labels[at]), pen.points[pen.starts[at] : pen.starts[at] + pen.counts[at]]


def _noise(rng: np.random.Generator) -> Array:
    """One image uint8 (28, 28) of grains, coarse or fine, dense or sparse, in the whole image or its middle."""
    cell = int(rng.choice([1, 1, 2, 3, 4]))
    side = -(-SIDE // cell)
    grains = rng.random((side, side)) < rng.uniform(0.03, 0.7)
    levels = rng.integers(60, 256, (side, side)) if rng.random() < 0.7 else np.full((side, side), 255)
    image = (grains * levels).astype(np.uint8).repeat(cell, axis=0).repeat(cell, axis=1)[:SIDE, :SIDE].copy()
    if rng.random() < 0.6:
        margin = (SIDE - BOX) // 2
        for edge in (slice(0, margin), slice(-margin, None)):
            image[edge] = 0
            image[:, edge] = 0
    if not image.any():
        image[SIDE // 2, SIDE // 2] = 255
    return image if rng.random() < 0.6 else _softened(image[None])[0]
