"""Saturated units: those that sit at an end of their activation, where its slope is nearly 0."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nn_core.config.choices import choices
from nn_core.config.run_config import RunConfig
from nn_core.instruments.look import Look
from nn_core.instruments.registry import Band, instrument
from nn_core.machine.memory import Array

FAR = 1e4  # where an activation with an end on both sides has reached it
NEAR = 0.05  # of the whole range: an output so close to an end counts as there
MOSTLY = 0.9  # of the images, for a unit to be saturated


def ends(activation: str) -> Array:
    """The values (2,) that an activation tends to far below and far above 0; infinite or large where it has no end."""
    found: Array = choices("activation")[activation].target.value(np.array([-FAR, FAR]))
    return found


def _serves(config: RunConfig) -> str:
    low, high = ends(config.activation)
    has_two_ends = np.isfinite([low, high]).all() and 0 < high - low < FAR / 10
    return "" if has_two_ends else "Only sigmoid and tanh saturate: other activations have no end above."


@instrument(
    "saturated_units",
    label="Saturated units",
    unit="share",
    formula=r"\frac{1}{H}\,\#\{j : a_j(x) \ \text{near an end for} \ge 90\,\%\ \text{of } x\}",
    source="Glorot & Bengio 2010, section 3",
    reading="The share of a layer's units that sit at an end of sigmoid or tanh for nine of ten images: the slope "
    "there is nearly 0, so hardly any gradient passes.",
    check="A network of which so many units were pushed to an end by hand.",
    needs="network",
    order=13,
    bands=(
        Band(0.0, "fine", "Units answer differently to different images."),
        Band(0.1, "watch", "Some units sit at an end of their activation for nearly all images."),
        Band(0.5, "broken", "Most units sit at an end of their activation, so they hardly learn."),
    ),
    serves=_serves,
)
def saturated_units(look: Look) -> Mapping[str, float]:
    """The share of units within 5 % of an end of the range of their activation on at least 90 % of their outputs."""
    low, high = ends(look.config.activation)
    margin, shares = NEAR * (high - low), {}
    for layer, outputs in look.outputs.items():
        at_end = (outputs < low + margin) | (outputs > high - margin)
        often = at_end.mean(axis=(0, *range(2, outputs.ndim))) >= MOSTLY
        shares[layer] = float(often.mean())
    return shares
