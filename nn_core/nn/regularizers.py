"""What holds weights and gradients in bounds, on the flat vectors of a network; all of it in place."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from nn_core.machine.memory import Array


def l1_penalty(weights: Array, l1: float) -> float:
    """l1 times the sum of the absolute weights (Tibshirani 1996); biases are left out by whoever calls."""
    return l1 * float(np.abs(weights).sum()) if l1 else 0.0


def add_penalty_gradients(grads: Array, weights: Array, l2: float, l1: float) -> None:
    """grads <- grads + l2 W + l1 sign(W); at exactly 0 the slope of |W| is taken as 0."""
    number = weights.dtype.type
    if l2:
        grads += number(l2) * weights
    if l1:
        grads += number(l1) * np.sign(weights)


def clip_to_norm(grads: Array, limit: float) -> float:
    """Scale grads so that their Euclidean norm is at most `limit` (Pascanu, Mikolov & Bengio 2013); returns the norm.

    What is not finite stays as it is: whoever calls looks for that.
    """
    norm = math.sqrt(float(np.dot(grads, grads)))
    if not math.isfinite(norm):  # the squares may have overflowed
        largest = float(np.abs(grads).max())
        if not math.isfinite(largest):
            return norm
        norm = largest * math.sqrt(float(np.square(grads / grads.dtype.type(largest)).sum()))
    if norm > limit:
        grads *= grads.dtype.type(limit / norm)
    return norm


def project_to_max_norm(matrices: Iterable[Array], limit: float) -> None:
    """Shrink each unit's incoming weights, a column of W (n_in, n_out), to a norm of at most `limit`.

    Srebro & Shraibman 2005; Srivastava et al. 2014, appendix. Units of the output layer are held to it too.
    """
    for W in matrices:
        norms = np.sqrt(np.einsum("ij,ij->j", W, W))
        if norms.max(initial=0) > limit:
            W *= W.dtype.type(limit) / np.maximum(norms, W.dtype.type(limit))
