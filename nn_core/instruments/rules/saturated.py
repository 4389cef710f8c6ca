"""Saturated: sigmoid or tanh units that sit at an end of their range, where next to no gradient passes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nn_core.instruments.evidence import Evidence
from nn_core.instruments.health import always, rule
from nn_core.instruments.rates import at_most_safe
from nn_core.machine.numbers import percent

MANY = 0.5  # of a layer's units
LEARNED = 0.95  # a training accuracy from which saturated units are no hindrance


def _smaller(seen: Evidence) -> Mapping[str, Any]:
    """First weights of the size that Glorot & Bengio derive, and a rate that works."""
    wanted: dict[str, Any] = {"init": "xavier", "gain": 1.0, **at_most_safe(seen)}
    return {name: value for name, value in wanted.items() if getattr(seen.config, name) != value}


@rule(
    "saturated units",
    "warning",
    looks_at="the share of units at an end of sigmoid or tanh, and training accuracy",
    source="Glorot & Bengio 2010, section 3",
    gain=23.0,
    explains=("stuck near chance", "slow"),
    remedy=_smaller,
    restart=always,
)
def saturated(seen: Evidence) -> str:
    """At least half of a layer sits at an end, and there is much left to learn."""
    shares = seen.readings("saturated_units")
    layer = max(shares, key=lambda name: shares[name], default="")
    if seen.epoch < 0.5 or not shares or shares[layer] < MANY or seen.train_accuracy >= LEARNED:
        return ""
    where = f"of the units of {seen.title(layer)} sit at an end of {seen.config.activation}"
    return f"{percent(shares[layer])} {where} for nearly all images, where its slope is almost 0: they hardly learn."
