"""The effective rank of each layer: over how many directions of what comes in its weights are really spread."""

from __future__ import annotations

from collections.abc import Mapping

from nn_core.instruments.look import Look
from nn_core.instruments.measures import spectrum
from nn_core.instruments.registry import instrument


@instrument(
    "effective_rank",
    label="Effective rank",
    formula=r"\exp\Big(-\sum_i p_i \ln p_i\Big), \quad p_i = \sigma_i / \textstyle\sum_j \sigma_j",
    source="Roy & Vetterli 2007",
    reading="Over how many directions a layer's weights are spread: at most its smaller side, less where units look "
    "for the same thing.",
    check="k for k equal singular values; between them, by hand.",
    cost="all",
    needs="copy",
    order=42,
)
def effective_rank(look: Look) -> Mapping[str, float]:
    """That of every weight matrix, a convolution's with a column a channel."""
    names = list(look.matrices(look.model.flat))
    singular = map(spectrum.singular_values, look.model.matrices)
    return {name: spectrum.effective_rank(values) for name, values in zip(names, singular, strict=True)}
