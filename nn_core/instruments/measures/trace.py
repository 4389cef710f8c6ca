"""How curvature is spread: its sum over all directions, and how much of the gradient lies along the steepest few."""

from __future__ import annotations

import math

import numpy as np

from nn_core.instruments.measures.eigenvalues import Times
from nn_core.machine.memory import Array


def trace(times: Times, n: int, n_draws: int, rng: np.random.Generator) -> tuple[float, float]:
    """(estimate of the sum of all eigenvalues, its standard error) from `n_draws` products with vectors of +1 and -1.

    Hutchinson 1990: v'Av has the trace as its mean. The error is nan from one draw.
    """
    draws = [rng.choice(np.array([-1, 1], np.float32), n) for _ in range(n_draws)]
    found = np.array([float(np.dot(v, times(v))) for v in draws])
    error = float(found.std(ddof=1)) / math.sqrt(n_draws) if n_draws > 1 else math.nan
    return float(found.mean()), error


def share_within(vectors: Array, gradient: Array) -> float:
    """The share of |g|^2 that lies in the space of the orthonormal vectors (k, n), in [0, 1]; nan for a gradient of 0.

    Gur-Ari, Roberts & Dyer 2018: soon after the start, most of it lies in the space of the largest eigenvalues.
    """
    wide = gradient.astype(np.float64)
    length = float(np.dot(wide, wide))
    along = vectors.astype(np.float64) @ wide
    return min(1.0, float(np.dot(along, along)) / length) if length else math.nan
