"""Tiny components of the ink, far from the rest, that are no part of the digit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]


# A component of the ink is a speck when it has less than SPECK_INK of the largest component's ink and is further than
# SPECK_GAP of the main ink's longer side away from it. Measured with a 784-128-10 network: 163 of 10,000 test images
# change, and the accuracy does not fall (95.92 %, then 95.94 %); a stray dot of 12 px on 280 costs 0.3 points instead
# of 2.8, one of 20 px 0.9 instead of 4. `python -m benchmarks.sketch_roundtrip` measures it again.
SPECK_INK = 0.15
SPECK_GAP = 0.1
SPECK_GRID = 512  # components are looked for on at most so many cells a side


def without_specks(ink: Gray) -> Gray:
    """The ink without the tiny components far from its main part (SPECK_INK, SPECK_GAP)."""
    cell = -(-max(ink.shape) // SPECK_GRID)
    coarse = _pooled(ink, cell)
    rows, starts, stops = _runs(coarse > 0)
    if not rows.size:
        return ink
    component = _components(rows, starts, stops)
    mass = np.bincount(component, _run_sums(coarse, rows, starts, stops))
    main = (mass >= SPECK_INK * mass.max())[component]
    if main.all():
        return ink
    extent = max(np.ptp(rows[main]) + 1, stops[main].max() - starts[main].min())
    near = _grown(_painted(coarse.shape, rows[main], starts[main], stops[main]), int(SPECK_GAP * extent))
    kept = np.bincount(component, _run_sums(near, rows, starts, stops))[component] > 0
    keep = _painted(coarse.shape, rows[kept], starts[kept], stops[kept])
    keep = keep.repeat(cell, axis=0).repeat(cell, axis=1)[: ink.shape[0], : ink.shape[1]]
    return np.where(keep, ink, np.uint8(0))


def _pooled(ink: Gray, cell: int) -> Gray:
    """The brightest pixel of each cell x cell block."""
    if cell == 1:
        return ink
    height, width = (-(-n // cell) for n in ink.shape)
    padded = np.zeros((height * cell, width * cell), np.uint8)
    padded[: ink.shape[0], : ink.shape[1]] = ink
    pooled: Gray = padded.reshape(height, cell, width, cell).max(axis=(1, 3))
    return pooled


def _runs(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The horizontal runs of True as (row, start, stop), stop exclusive, in reading order."""
    height, width = mask.shape
    padded = np.zeros((height, width + 2), np.int8)
    padded[:, 1:-1] = mask
    change = np.diff(padded, axis=1)  # (height, width + 1)
    rows, starts = np.nonzero(change == 1)
    return rows, starts, np.nonzero(change == -1)[1]


def _components(rows: NDArray[np.int64], starts: NDArray[np.int64], stops: NDArray[np.int64]) -> NDArray[np.int64]:
    """The component of each run: runs of neighbouring rows that touch, corners included, are joined (union-find)."""
    pitch = int(stops.max()) + 2  # more than a row is long, so that keys of different rows never meet
    first = np.searchsorted(rows * pitch + stops, (rows + 1) * pitch + starts, side="left")
    last = np.searchsorted(rows * pitch + starts, (rows + 1) * pitch + stops, side="right")
    parent = list(range(len(rows)))

    def root(run: int) -> int:
        while parent[run] != run:
            parent[run] = run = parent[parent[run]]
        return run

    for run, (low, high) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
        for other in range(low, high):
            parent[root(other)] = root(run)
    return np.unique([root(run) for run in parent], return_inverse=True)[1]


def _run_sums(
    values: Gray | NDArray[np.bool_], rows: NDArray[np.int64], starts: NDArray[np.int64], stops: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The sum of `values` over each run."""
    sums = np.zeros((values.shape[0], values.shape[1] + 1), np.int64)
    np.cumsum(values, axis=1, out=sums[:, 1:])
    total: NDArray[np.int64] = sums[rows, stops] - sums[rows, starts]
    return total


def _painted(
    shape: tuple[int, ...], rows: NDArray[np.int64], starts: NDArray[np.int64], stops: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """The mask with these runs set."""
    steps = np.zeros((shape[0], shape[1] + 1), np.int8)
    steps[rows, starts] = 1
    steps[rows, stops] = -1
    painted: NDArray[np.bool_] = np.cumsum(steps[:, :-1], axis=1, dtype=np.int8) > 0
    return painted


def _grown(mask: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    """The mask grown by `reach` cells in each direction (a square)."""
    for axis in (0, 1):
        n = mask.shape[axis]
        sums = np.insert(np.cumsum(mask, axis=axis, dtype=np.int32), 0, 0, axis=axis)
        at = np.arange(n)
        high, low = np.minimum(at + reach + 1, n), np.maximum(at - reach, 0)
        mask = sums.take(high, axis=axis) > sums.take(low, axis=axis)
    return mask
