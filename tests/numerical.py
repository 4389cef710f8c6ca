"""Numerical gradients by central differences, in float64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

STEP = 1e-5  # truncation (of order STEP**2) and rounding (of order 1e-16 / STEP) are then both near 1e-11


def numerical_gradient(f: Callable[[], float], x: np.ndarray, elements: np.ndarray | None = None) -> np.ndarray:
    """d f / d x at the flat indices `elements` of x (all unless given); f reads x, which is moved and put back."""
    assert x.dtype == np.float64
    elements = np.arange(x.size) if elements is None else elements
    gradient = np.empty(len(elements))
    for place, element in enumerate(elements):
        i = np.unravel_index(element, x.shape)
        before = x[i]
        x[i] = before + STEP
        above = f()
        x[i] = before - STEP
        below = f()
        x[i] = before
        gradient[place] = (above - below) / (2 * STEP)
    return gradient


def relative_error(one: np.ndarray, other: np.ndarray) -> float:
    """|one - other| / (|one| + |other|) in Euclidean norms; 0 for two zero vectors."""
    size = float(np.linalg.norm(one) + np.linalg.norm(other))
    return float(np.linalg.norm(one.ravel() - other.ravel())) / size if size else 0.0
