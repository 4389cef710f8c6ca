"""A batch cut into parts, whose losses and gradients are added up; and what dropout keeps of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nn_core.machine.memory import Array

Rows = Array | slice  # indices (m,), or a slice start:stop that stands for them


def length(rows: Rows) -> int:
    """How many they are."""
    return rows.stop - rows.start if isinstance(rows, slice) else len(rows)


def part_of(rows: Rows, start: int, stop: int) -> Rows:
    """rows[start:stop]."""
    if isinstance(rows, slice):
        return slice(rows.start + start, rows.start + stop)
    return rows[start:stop]


def sum_over_parts(n: int, most: int, part: Callable[[int, int], float], grads: Array) -> float:
    """The sum of part(start, stop) over parts of at most `most` of n images.

    Each call leaves its gradients in `grads`, where their sum is in the end.
    """
    if n <= most:
        return part(0, n)
    total, summed = 0.0, np.zeros_like(grads)
    for start in range(0, n, most):
        total += part(start, min(start + most, n))
        summed += grads
    grads[...] = summed
    return total


def dropout_mask(drawn: Array, dropout: float, out: Array) -> None:
    """Of uniform random numbers in [0, 1): 0 for a share of `dropout`, 1 / (1 - dropout) for the others, in `out`."""
    np.multiply(drawn >= np.float32(dropout), np.float32(1 / (1 - dropout)), out=out)
