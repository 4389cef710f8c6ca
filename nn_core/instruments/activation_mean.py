"""The mean of a layer's outputs: whether what the next layer is given lies about 0."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nn_core.instruments.look import Look
from nn_core.instruments.registry import instrument


@instrument(
    "activation_mean",
    label="Activation mean",
    formula=r"\bar a = \frac{1}{n H} \sum_{i,j} a_j(x_i)",
    source="LeCun, Bottou, Orr & Müller 1998, section 4.3; Glorot & Bengio 2010",
    reading="The mean of all outputs of a layer on the probed validation images. A drift says that the layers "
    "behind must keep up.",
    check="By hand.",
    needs="network",
    order=14,
)
def activation_mean(look: Look) -> Mapping[str, float]:
    """The mean over images and units, dropout off."""
    return {layer: float(outputs.mean(dtype=np.float64)) for layer, outputs in look.outputs.items()}
