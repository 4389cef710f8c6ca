"""The singular values of a weight matrix: how many directions it uses, and which of them chance would not give."""

from __future__ import annotations

import math

import numpy as np

from nn_core.machine.memory import Array


def singular_values(matrix: Array) -> Array:
    """float64 (min(n_in, n_out),), descending."""
    return np.linalg.svd(matrix.astype(np.float64), compute_uv=False)


def effective_rank(singular: Array) -> float:
    """exp of the entropy of s / sum s: k for k equal singular values, 0 for none (Roy & Vetterli 2007)."""
    total = float(singular.sum())
    shares = singular[singular > 0] / total if total else singular[:0]
    return float(np.exp(-(shares * np.log(shares)).sum())) if len(shares) else 0.0


def chance_edge(shape: tuple[int, ...], deviation: float) -> float:
    """The largest singular value that a matrix (n_in, n_out) of independent numbers of this deviation would have.

    deviation (sqrt n_in + sqrt n_out): the edge of Marchenko & Pastur 1967, exact for large matrices; singular values
    above it are directions that have been learned.
    """
    n_in, n_out = shape
    return deviation * (math.sqrt(n_in) + math.sqrt(n_out))


def n_above(singular: Array, edge: float) -> int:
    """How many singular values lie above the edge by more than 5 %, as chance hardly brings about."""
    return int(np.count_nonzero(singular > 1.05 * edge))
