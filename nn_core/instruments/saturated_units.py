"""Saturated units: those that sit at an end of their activation, where its slope is nearly 0."""

from __future__ import annotations

from collections.abc import Mapping

from nn_core.config.run_config import RunConfig
from nn_core.instruments.look import Look
from nn_core.instruments.measures.layers import range_of, saturated_share
from nn_core.instruments.registry import Band, instrument


def _serves(config: RunConfig) -> str:
    if range_of(config.activation) is not None:
        return ""
    return "Only sigmoid and tanh saturate: other activations have no end above."


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
    return {layer: saturated_share(outputs, look.config.activation) for layer, outputs in look.outputs.items()}
