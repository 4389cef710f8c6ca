"""Overshooting: steps so long that the loss climbs far above where it began."""

from __future__ import annotations

import math

from nn_core.instruments.evidence import Evidence
from nn_core.instruments.health import always, rule
from nn_core.instruments.rates import safer

FAR_ABOVE_CHANCE = 5.0 / math.log(10)  # times the loss of guessing: a loss that has grown beyond overshoots


@rule(
    "overshooting",
    "bad",
    looks_at="the training loss",
    source="LeCun, Bottou, Orr & Müller 1998 (Efficient BackProp), section 5",
    gain=75.0,
    explains=("stuck near chance",),
    remedy=safer,
    restart=always,
)
def overshooting(seen: Evidence) -> str:
    """The training loss is far above its start and above guessing."""
    now, start = seen.train_loss[-1], seen.train_loss[0]
    if now > max(2 * start, FAR_ABOVE_CHANCE * seen.chance):
        return f"The loss is {now:.3g}, above the {start:.3g} it began with: steps overshoot."
    return ""
