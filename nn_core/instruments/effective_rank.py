"""The effective rank of the first layer: how many directions of the image its units really look at."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nn_core.instruments.look import Look
from nn_core.instruments.registry import instrument
from nn_core.machine.memory import Array


def effective_rank_of(matrix: Array) -> float:
    """exp of the entropy of the singular values, scaled to sum to 1; 0 for a matrix of zeros."""
    singular = np.linalg.svd(matrix.astype(np.float64), compute_uv=False)
    shares = singular[singular > 0] / max(float(singular.sum()), np.finfo(np.float64).tiny)
    return float(np.exp(-(shares * np.log(shares)).sum())) if len(shares) else 0.0


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
)
def effective_rank(look: Look) -> Mapping[str, float]:
    """That of every weight matrix, a convolution's with a column a channel."""
    names = list(look.matrices(look.model.flat))
    return {name: effective_rank_of(W) for name, W in zip(names, look.model.matrices, strict=True)}
