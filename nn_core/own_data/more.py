"""Two more sets without internet and without a file: scikit-learn's digits, and letters that a pen draws here."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from nn_core.data import N_CLASSES, DataError
from nn_core.machine.packages import PackageMissing, need
from nn_core.own_data.found import Found

PEN_SIDE = 28
EACH = 600  # images of each letter


def from_scikit_learn() -> Found:
    """The 1,797 digits of 8 x 8 that come with scikit-learn (Alpaydin & Kaynak 1998). Raises DataError without it."""
    try:
        digits = need("sklearn.datasets", "Its digits").load_digits()
    except PackageMissing:
        raise DataError(
            "these digits come with scikit-learn, which is not installed: pip install scikit-learn"
        ) from None
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    return Found("scikit_digits", images, digits.target.astype(np.int64), tuple("0123456789"), 0, (_SCIKIT,))


_SCIKIT = "1,797 digits of 8 x 8 pixels in 17 greys, enlarged."

# Letters as strokes on a square of 4 by 6, y downwards: lines through points; what is round has more points
STROKES: dict[str, tuple[tuple[tuple[float, float], ...], ...]] = {
    "A": (((0, 6), (2, 0), (4, 6)), ((0.8, 3.8), (3.2, 3.8))),
    "B": (((0, 6), (0, 0), (2.6, 0.2), (3.4, 1.5), (2.6, 2.8), (0, 3)), ((2.6, 2.9), (3.8, 4.4), (2.8, 5.8), (0, 6))),
    "C": (((3.8, 1.2), (2.6, 0.1), (1.2, 0.4), (0.1, 2), (0.1, 4), (1.2, 5.6), (2.6, 5.9), (3.8, 4.8)),),
    "D": (((0, 6), (0, 0), (2.2, 0.3), (3.8, 2), (3.8, 4), (2.2, 5.7), (0, 6)),),
    "E": (((3.8, 0), (0, 0), (0, 6), (3.8, 6)), ((0, 3), (3, 3))),
    "F": (((3.8, 0), (0, 0), (0, 6)), ((0, 3), (3, 3))),
    "G": (((3.8, 1.2), (2.4, 0.1), (0.8, 0.8), (0, 3), (0.8, 5.2), (2.4, 5.9), (3.9, 5), (3.9, 3.4), (2.4, 3.4)),),
    "H": (((0, 0), (0, 6)), ((4, 0), (4, 6)), ((0, 3), (4, 3))),
    "I": (((2, 0), (2, 6)), ((1, 0), (3, 0)), ((1, 6), (3, 6))),
    "J": (((1, 0), (4, 0)), ((3, 0), (3, 4.6), (2, 5.9), (0.8, 5.7), (0.1, 4.6))),
    "K": (((0, 0), (0, 6)), ((3.8, 0), (0, 3.4)), ((1, 2.7), (4, 6))),
    "L": (((0, 0), (0, 6), (3.8, 6)),),
    "M": (((0, 6), (0.4, 0), (2, 4), (3.6, 0), (4, 6)),),
    "N": (((0, 6), (0, 0), (4, 6), (4, 0)),),
    "O": (((2, 0), (0.5, 0.9), (0, 3), (0.5, 5.1), (2, 6), (3.5, 5.1), (4, 3), (3.5, 0.9), (2, 0)),),
    "P": (((0, 6), (0, 0), (2.8, 0.2), (3.8, 1.6), (2.8, 3.1), (0, 3.3)),),
    "Q": (((2, 0), (0.4, 1), (0, 3), (0.5, 5), (2, 6), (3.6, 5), (4, 3), (3.5, 1), (2, 0)), ((2.6, 4.4), (4.2, 6.4))),
    "R": (((0, 6), (0, 0), (2.8, 0.2), (3.7, 1.5), (2.8, 2.9), (0, 3.1)), ((1.6, 3.1), (4, 6))),
    "S": (((3.7, 0.9), (2.2, 0), (0.5, 0.6), (0.3, 2), (3.5, 3.8), (3.8, 5), (2.2, 6), (0.2, 5.2)),),
    "T": (((0, 0), (4, 0)), ((2, 0), (2, 6))),
    "U": (((0, 0), (0, 4.2), (1, 5.8), (3, 5.8), (4, 4.2), (4, 0)),),
    "V": (((0, 0), (2, 6), (4, 0)),),
    "W": (((0, 0), (0.9, 6), (2, 1.8), (3.1, 6), (4, 0)),),
    "X": (((0, 0), (4, 6)), ((4, 0), (0, 6))),
    "Y": (((0, 0), (2, 3), (4, 0)), ((2, 3), (2, 6))),
    "Z": (((0, 0), (4, 0), (0, 6), (4, 6)),),
}


def from_pen(letters: str = "ABCDEFGHIJ", each: int = EACH, seed: int = 0) -> Found:
    """2 to 10 capital letters, drawn `each` times by hands that differ in slant, size, width, pressure and tremble."""
    wanted = tuple(dict.fromkeys(letters.upper().replace(" ", "").replace(",", "")))
    unknown = [letter for letter in wanted if letter not in STROKES]
    if unknown:
        raise DataError(f"letters must be some of A to Z, got {unknown[0]!r}")
    if not 2 <= len(wanted) <= N_CLASSES:
        raise DataError(f"2 to {N_CLASSES} different letters are wanted, got {len(wanted)}")
    if not 50 <= each <= 6_000:
        raise DataError(f"each letter may be drawn 50 to 6,000 times, got {each:,}")
    rng = np.random.default_rng(seed)
    images = np.empty((len(wanted) * each, PEN_SIDE, PEN_SIDE), np.uint8)
    labels = np.arange(len(images)) % len(wanted)
    for at, label in enumerate(labels):
        images[at] = _drawn(STROKES[wanted[label]], rng)
    said = f"{len(images):,} letters, drawn by a pen in {each:,} hands."
    return Found("letters_" + "".join(wanted).lower(), images, labels.astype(np.int64), wanted, 0, (said,))


def _drawn(strokes: tuple[tuple[tuple[float, float], ...], ...], rng: np.random.Generator) -> np.ndarray:
    """One letter: its points are moved a little, sheared, turned and scaled as a whole; ink falls off over a pixel."""
    width, turn, slant = rng.uniform(0.8, 1.7), rng.normal(0, 0.1), rng.normal(0.1, 0.18)
    high = rng.uniform(16, 21)
    wide = high * rng.uniform(0.5, 0.85)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    away = np.full(_GRID.shape[:-1], np.inf)
    for stroke in strokes:
        points = np.array(stroke) / (4, 6) - 0.5 + rng.normal(0, 0.035, (len(stroke), 2))
        points[:, 0] -= slant * points[:, 1]
        points = points * (wide, high) @ rotation.T + PEN_SIDE / 2 + _CENTRE
        for a, b in pairwise(points):
            along = b - a
            t = np.clip(((_GRID - a) @ along) / max(1e-9, along @ along), 0, 1)
            away = np.minimum(away, np.hypot(*np.moveaxis(_GRID - a - t[..., None] * along, -1, 0)))
    return np.rint(255 * np.clip(width + 0.5 - away, 0, 1) * rng.uniform(0.85, 1)).astype(np.uint8)


_CENTRE = 0.5  # of mass, as MNIST has it: 14.5 in edge coordinates
_GRID = np.stack(np.meshgrid(np.arange(PEN_SIDE) + 0.5, np.arange(PEN_SIDE) + 0.5), axis=-1)
