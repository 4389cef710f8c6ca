"""The effective rank of the newest update of each layer: in how many directions one step moves its weights."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nn_core.instruments.look import Look
from nn_core.instruments.measures.spectrum import effective_rank, singular_values
from nn_core.instruments.registry import instrument


@instrument(
    "update_rank",
    label="Effective rank of the update",
    formula=r"\exp\Big(-\sum_i p_i \ln p_i\Big), \quad p_i = \sigma_i(\Delta W) / \textstyle\sum_j \sigma_j(\Delta W)",
    source="Roy & Vetterli 2007; Jordan et al. 2024 (Muon, whose updates have all singular values alike)",
    reading="In how many directions one step moves a layer's weights: a few with gradient descent, all with Muon.",
    check="k for k equal singular values; between them, by hand.",
    cost="all",
    needs="copy",
    order=43,
)
def update_rank(look: Look) -> Mapping[str, float]:
    """That of the newest change of every weight matrix; keeps the singular values. Nothing without an update."""
    if look.change is None:
        return {}
    model = look.model
    model.flat[...] = look.change  # the network is a copy
    layers = list(look.matrices(model.flat))
    singular = {layer: singular_values(W) for layer, W in zip(layers, model.matrices, strict=True)}
    look.keep("update_rank", {layer: values.astype(np.float32) for layer, values in singular.items()})
    return {layer: effective_rank(values) for layer, values in singular.items() if values.any()}
