"""The update-to-weight ratio: how much of a layer's weights one step changes."""

from __future__ import annotations

import math
from collections.abc import Mapping

from nn_core.instruments.look import Look
from nn_core.instruments.measures import layers
from nn_core.instruments.registry import Band, instrument, times


@instrument(
    "update_ratio",
    label="Update / weight",
    formula=r"\frac{\mathrm{RMS}(\Delta W)}{\mathrm{RMS}(W)}",
    source="Karpathy 2022 (Neural Networks: Zero to Hero); You, Gitman & Ginsburg 2017 (LARS)",
    reading="How much one step changes a layer, beside the size of its weights: about 0.001 is healthy.",
    check="By hand, and 0 at a learning rate of nearly 0.",
    needs="update",
    order=11,
    judged_on=3,
    log=True,
    bands=(
        Band(0.0, "watch", "One step hardly changes these weights: at the end of a schedule that is as it should be."),
        Band(1e-5, "fine", "One step changes these weights by a small part, as it should."),
        Band(0.02, "watch", "One step changes a large part of these weights.", times(0.3)),
        Band(0.2, "broken", "One step all but replaces these weights.", times(0.1)),
    ),
)
def update_ratio(look: Look) -> Mapping[str, float]:
    """RMS(after - before) / RMS(before) of each layer's weights, biases left out; nothing where they were all 0."""
    before, changes = look.matrices(look.update.before), look.matrices(look.update.change)
    ratios = {layer: layers.update_ratio(change, before[layer]) for layer, change in changes.items()}
    return {layer: value for layer, value in ratios.items() if not math.isnan(value)}
