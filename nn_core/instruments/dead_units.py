"""Dead units: those that put out 0 for every image, so that no gradient can wake them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.data import Dataset
from nn_core.instruments.look import Look
from nn_core.instruments.measures.layers import dead_share, n_dead
from nn_core.instruments.registry import Band, instrument
from nn_core.nn.network import Network


def _serves(config: RunConfig) -> str:
    return "" if config.activation == "relu" else "Only units with ReLU can be dead: others always pass some gradient."


@instrument(
    "dead_units",
    label="Dead units",
    unit="share",
    formula=r"\frac{1}{H}\,\#\{j : a_j(x) = 0 \ \text{for all } x\}",
    source="Lu, Shin, Su & Karniadakis 2020 (dying ReLU)",
    reading="The share of a layer's units whose output is 0 for every one of the probed validation images: their "
    "gradient is 0, so they cannot recover.",
    check="A network of which so many units were silenced by hand.",
    needs="network",
    order=12,
    bands=(
        Band(0.0, "fine", "All units, or nearly all, answer to some image."),
        Band(0.1, "watch", "Some units are dead: the network is smaller than it looks."),
        Band(0.25, "broken", "More than a quarter of the units are dead; a smaller learning rate keeps them alive."),
    ),
    serves=_serves,
)
def dead_units(look: Look) -> Mapping[str, float]:
    """The share of units (of channels, anywhere on their map) that put out exactly 0 on all probed images."""
    return {layer: dead_share(outputs) for layer, outputs in look.outputs.items()}


def count_dead(model: Network, data: Dataset) -> list[int]:
    """How many units of each hidden layer are dead, on the images on which the instrument looks at them too."""
    look = Look(model, model.config, data, np.empty(0))
    return [n_dead(outputs) for outputs in look.outputs.values()]
