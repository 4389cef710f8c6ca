"""The cosine of successive gradients: whether two batches in a row pull in the same direction."""

from __future__ import annotations

import math
from collections.abc import Mapping

from nn_core.instruments.look import Look
from nn_core.instruments.measures.step import cosine
from nn_core.instruments.registry import WHOLE, instrument


@instrument(
    "gradient_cosine",
    label="Cosine of gradients",
    formula=r"\cos(g_{t+1}, g_t)",
    source="Xing, Arpit, Tsirigotis & Bengio 2018, arXiv:1802.08770",
    reading="Whether the gradients of two steps in a row agree: near 1 early in training, near 0 where the noise of "
    "the batches is larger than what they agree on, below 0 where steps swing across a valley.",
    check="By hand; below 0 at the edge of stability.",
    cost="all",
    needs="pair",
    order=31,
    judged_on=9,
)
def gradient_cosine(look: Look) -> Mapping[str, float]:
    """cos of the gradients of this update and of the one before it, penalties included; nothing where one is 0."""
    value = cosine(look.before.gradient, look.update.gradient)
    return {} if math.isnan(value) else {WHOLE: value}
