"""The learning rate in force: the setting, times what the schedule makes of it."""

from __future__ import annotations

from collections.abc import Mapping

from nn_core.instruments.look import Look
from nn_core.instruments.registry import WHOLE, instrument


@instrument(
    "learning_rate",
    label="Learning rate",
    formula=r"\eta_t = \eta \cdot s(t)",
    source="Robbins & Monro 1951",
    reading="The rate with which the newest step was made: the setting times what the schedule makes of it.",
    check="The schedule's own multiplier.",
    needs="update",
    order=2,
    log=True,
)
def learning_rate(look: Look) -> Mapping[str, float]:
    """The rate of the update that was just made."""
    return {WHOLE: look.update.rate}
