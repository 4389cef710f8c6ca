"""The distance from the start: how far each layer has come from the weights that it was given."""

from __future__ import annotations

import math
from collections.abc import Mapping

from nn_core.instruments.look import Look
from nn_core.instruments.measures import layers
from nn_core.instruments.registry import Band, instrument


@instrument(
    "distance",
    label="Distance from the start",
    unit="of the first weights",
    formula=r"\frac{\lVert W - W_0 \rVert}{\lVert W_0 \rVert}",
    source="Nagarajan & Kolter 2019; Chizat, Oyallon & Bach 2019",
    reading="How far a layer has come from its first weights, in units of their length: near 0 it has hardly moved, "
    "above 1 little is left of them.",
    check="By hand.",
    needs="network",
    order=16,
    bands=(
        Band(0.0, "watch", "This layer has not moved from where it began."),
        Band(1e-7, "fine", "This layer has moved from where it began."),
    ),
)
def distance(look: Look) -> Mapping[str, float]:
    """|W - W0| / |W0| of each layer's weights; nothing where they began at 0."""
    first, now = look.matrices(look.start), look.matrices(look.model.flat)
    come = {layer: layers.distance(now[layer], W0) for layer, W0 in first.items()}
    return {layer: value for layer, value in come.items() if not math.isnan(value)}
