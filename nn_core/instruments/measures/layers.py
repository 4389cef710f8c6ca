"""Figures of a layer: the size of its weights, gradients and steps, its outputs, its distance from the start.

Vectors are flat (n,); outputs are those of one layer for some images, (n_images, n_units) or (n_images, C, H, W), where
a channel counts as one unit with all its places.
"""

from __future__ import annotations

import math

import numpy as np

from nn_core.config.choices import choices
from nn_core.machine.memory import Array

FAR = 1e4  # a sum so large that an activation that has an end there has reached it
AT_END = 0.05  # of the whole range: an output so close to an end counts as there
MOSTLY = 0.9  # of the outputs, for a unit to count as saturated


def rms(values: Array) -> float:
    """The root of the mean square, in the values' own precision, which is quick; 0 for no values."""
    flat = values.ravel()
    with np.errstate(over="ignore"):
        square = float(np.dot(flat, flat))
    if not math.isfinite(square):  # squares overflow shortly before a divergence
        wide = flat.astype(np.float64)
        square = float(np.dot(wide, wide))
    return math.sqrt(square / max(1, flat.size))


def update_ratio(change: Array, before: Array) -> float:
    """RMS of one step over RMS of the weights before it, about 1e-3 where all is well (Karpathy 2022); nan from 0."""
    size = rms(before)
    return rms(change) / size if size else math.nan


def distance(weights: Array, start: Array) -> float:
    """|W - W0| / |W0|, how far weights have come in units of their first length; nan where they began at 0."""
    size = rms(start)
    return rms(weights.ravel() - start.ravel()) / size if size else math.nan


def signal_to_noise(gradients: Array) -> float:
    """The RMS over weights of |mean over batches| / deviation over batches, of gradients (n_batches, n); nan from one.

    Liu, Chen, Bai & Jiang 2020 (GSNR is its square, weight by weight). The deviation is the unbiased one; weights that
    never have a gradient are left out.
    """
    if len(gradients) < 2:
        return math.nan
    wide = gradients.astype(np.float64)
    mean, deviation = wide.mean(axis=0), wide.std(axis=0, ddof=1)
    moving = deviation > 0
    return rms(mean[moving] / deviation[moving]) if moving.any() else math.nan


def dead_share(outputs: Array) -> float:
    """The share of units that put out exactly 0 for every image, in [0, 1]."""
    return float(1 - _alive(outputs).mean())


def n_dead(outputs: Array) -> int:
    """How many units that are."""
    return int(np.count_nonzero(~_alive(outputs)))


def _alive(outputs: Array) -> Array:
    """Which units put out something for some image, (n_units,)."""
    return np.asarray(outputs.any(axis=_all_but_units(outputs)))


def range_of(activation: str) -> tuple[float, float] | None:
    """The values that an activation tends to far below and far above 0; None where it has no such ends."""
    low, high = (float(end) for end in choices("activation")[activation].target.value(np.array([-FAR, FAR])))
    return (low, high) if high < FAR / 10 else None


def saturated_share(outputs: Array, activation: str) -> float:
    """The share of units that are at an end of the range of their activation for nine of ten outputs; nan without ends.

    Glorot & Bengio 2010, section 3. At an end means within 5 % of the range of it.
    """
    ends = range_of(activation)
    if ends is None:
        return math.nan
    low, high = ends
    margin = AT_END * (high - low)
    at_end = (outputs < low + margin) | (outputs > high - margin)
    return float((at_end.mean(axis=_all_but_units(outputs)) >= MOSTLY).mean())


def mean_and_spread(outputs: Array) -> tuple[float, float]:
    """(mean of all outputs, root of the mean over units of the variance over images): 0 where all look alike."""
    variances = outputs.var(axis=_all_but_units(outputs), dtype=np.float64)
    return float(outputs.mean(dtype=np.float64)), math.sqrt(float(variances.mean()))


def _all_but_units(outputs: Array) -> tuple[int, ...]:
    return (0, *range(2, outputs.ndim))
