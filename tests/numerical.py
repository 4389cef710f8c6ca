"""Numerical gradients by central differences, in float64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

STEP = 1e-5  # truncation (of order STEP**2) and rounding (of order 1e-16 / STEP) are then both near 1e-11


def numerical_gradient(f: Callable[[], float], x: np.ndarray, elements: np.ndarray | None = None) -> np.ndarray:
    """d f / d x at the flat indices `elements` of x (all unless given); f reads x, which is moved and put back."""
    assert x.dtype == np.float64 and x.flags.c_contiguous
    flat = x.reshape(-1)
    elements = np.arange(flat.size) if elements is None else elements
    gradient = np.empty(len(elements))
    for place, i in enumerate(elements):
        before = flat[i]
        flat[i] = before + STEP
        above = f()
        flat[i] = before - STEP
        below = f()
        flat[i] = before
        gradient[place] = (above - below) / (2 * STEP)
    return gradient


def relative_error(one: np.ndarray, other: np.ndarray) -> float:
    """|one - other| / (|one| + |other|) in Euclidean norms; 0 for two zero vectors."""
    size = float(np.linalg.norm(one) + np.linalg.norm(other))
    return float(np.linalg.norm(one.ravel() - other.ravel())) / size if size else 0.0
