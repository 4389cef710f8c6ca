"""One step, judged: what the optimizer really did, against the gradients of its own batch before and after."""

from __future__ import annotations

import math

import numpy as np

from nn_core.machine.memory import Array


def step_gauge(before: Array, after: Array, change: Array) -> float:
    """r = 1 - (g1.d) / (g0.d): 1 at the lowest point along the step, 2 where its batch's loss is back where it was.

    before and after (n,) are the gradients g0 and g1 of one batch, penalties included, on both sides of the change
    d (n,) of the weights. On a quadratic loss r is exact, and for plain gradient descent it is lr g'Hg / g'g. Below 0
    the loss bends downward along the step, or the step itself went up. nan where the step was level, g0.d = 0.
    Schneider, Dangel & Hennig 2021 (alpha = r - 1); Andreyev & Beneventano 2024 (batch sharpness).
    """
    slope = _dot(before, change)
    return _dot(before - after, change) / slope if slope else math.nan


def rate_of_one(lr: float, gauge: float) -> float:
    """The learning rate at which the step gauge would be 1, if the loss along the step is a parabola: lr / r.

    nan where r is not above 0: there is no lowest point ahead.
    """
    return lr / gauge if gauge > 0 else math.nan


def cosine(one: Array, other: Array) -> float:
    """The cosine of the angle between two vectors (n,), in [-1, 1]; nan where one of them is 0."""
    lengths = math.sqrt(_dot(one, one)) * math.sqrt(_dot(other, other))
    return min(1.0, max(-1.0, _dot(one, other) / lengths)) if lengths else math.nan


def _dot(one: Array, other: Array) -> float:
    """In double precision, a part at a time: the two sides of a gauge are close to each other where steps are small."""
    part = 65_536
    pieces = (slice(start, start + part) for start in range(0, len(one), part))
    return math.fsum(float(np.dot(one[at].astype(np.float64), other[at].astype(np.float64))) for at in pieces)
