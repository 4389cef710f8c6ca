"""The cosine of successive updates: whether two steps in a row go the same way."""

from __future__ import annotations

import math
from collections.abc import Mapping

from nn_core.instruments.look import Look
from nn_core.instruments.measures.step import cosine
from nn_core.instruments.registry import WHOLE, instrument


@instrument(
    "update_cosine",
    label="Cosine of updates",
    formula=r"\cos(d_{t+1}, d_t)",
    source="Xing, Arpit, Tsirigotis & Bengio 2018, arXiv:1802.08770",
    reading="Whether two steps in a row go the same way: near 1 with momentum, for each step then holds most of the "
    "one before; below 0 where steps swing across a valley.",
    check="By hand; the momentum itself where gradients are noise alone.",
    cost="all",
    needs="pair",
    order=32,
    judged_on=9,
)
def update_cosine(look: Look) -> Mapping[str, float]:
    """cos of what the optimizer did in this update and in the one before it; nothing where one is 0."""
    value = cosine(look.before.change, look.update.change)
    return {} if math.isnan(value) else {WHOLE: value}
