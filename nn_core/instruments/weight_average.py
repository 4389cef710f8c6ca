"""The averaged network: the mean of the weights over the newest part of the run, often better than the weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.instruments.look import Look
from nn_core.instruments.measures.averaging import WeightAverage
from nn_core.instruments.measures.layers import rms
from nn_core.instruments.registry import WHOLE, instrument
from nn_core.machine.memory import Array

NEWEST = 9  # the average reaches back over about a ninth of what has been seen


def serves(config: RunConfig) -> str:
    """Empty, or why averaged weights make no network of these settings."""
    if config.normalization != "batch":
        return ""
    return "Batch normalization keeps statistics of the weights as they were, which do not fit averaged ones."


def averaged_weights(kept: Mapping[str, Mapping[str, Any]], n: int) -> Array | None:
    """The averaged parameters (n,) that a run has kept; None where there are none, or they make no sense."""
    values = _kept(kept, n)
    return values if values is not None and np.isfinite(values).all() else None


def _kept(kept: Mapping[str, Mapping[str, Any]], n: int) -> Array | None:
    values = kept.get("weight_average", {}).get("values")
    is_good = isinstance(values, np.ndarray) and values.shape == (n,) and values.dtype == np.float32
    return values if is_good else None


@instrument(
    "weight_average",
    label="Distance from the average",
    unit="of the averaged weights",
    formula=r"\frac{|w - \bar w|}{|\bar w|}, \quad \bar w_t = (1 - b_t)\, \bar w_{t-1} + b_t\, w_t, \quad "
    r"b_t = \frac{9}{t + 8}",
    source="Shamir & Zhang 2013 (polynomial-decay averaging); Izmailov et al. 2018, arXiv:1803.05407",
    reading="How far the weights are from their average over about the newest ninth of the run. Large and steady: "
    "they swing around it, and the average is the better network.",
    check="A mean by hand.",
    cost="light",
    needs="update",
    order=60,
    once_a_second=False,
    serves=serves,
)
def weight_average(look: Look) -> Mapping[str, float]:
    """|w - average| / |average| over all parameters; keeps the average of the weights at every look."""
    weights, kept = look.model.flat, look.kept.get("weight_average", {})
    before, seen = _kept(look.kept, len(weights)), kept.get("n_seen")
    n_seen = seen if type(seen) is int and seen > 0 and before is not None else 0
    horizon = max(1.0, (n_seen + NEWEST) / NEWEST)
    average = WeightAverage(len(weights), horizon, None if before is None else before.copy(), n_seen)
    average.see(weights)
    look.keep("weight_average", {"values": average.values, "n_seen": average.n_seen})
    size = rms(average.values)
    return {WHOLE: rms(weights - average.values) / size} if size else {}
