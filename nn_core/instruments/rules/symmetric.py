"""Symmetric: units that begin as copies of one get the same gradient, and stay copies."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nn_core.explain.filters import first_filters
from nn_core.instruments.evidence import Evidence
from nn_core.instruments.health import always, rule
from nn_core.machine.memory import Array

COPY = 1e-4  # of the largest weight: units that differ by less are copies of one


def are_copies(weights: Mapping[str, Array]) -> bool:
    """Whether all units of the first hidden layer carry the same weights, up to rounding (as after zero weights).

    Some processors' matrix products round one column otherwise than its neighbour.
    """
    W, n_layers = first_filters(weights), sum(name.endswith(".W") for name in weights)
    if n_layers < 2 or W.shape[1] < 2:
        return False
    return bool(np.abs(W - W[:, :1]).max() <= COPY * np.abs(W).max())


@rule(
    "symmetric",
    "bad",
    looks_at="the weights of the first layer",
    source="Goodfellow, Bengio & Courville 2016 (Deep Learning), section 8.4",
    gain=70.0,
    explains=("overshooting", "stuck near chance", "dead units"),
    remedy=lambda seen: {"init": "he"},
    restart=always,
)
def symmetric(seen: Evidence) -> str:
    """All units of the first layer are one."""
    if not are_copies(seen.weights):
        return ""
    n_units = first_filters(seen.weights).shape[1]
    why = f"All {n_units} first-layer units carry the same weights, so they stay copies of one."
    return f"{why} A random initialization breaks the symmetry."
