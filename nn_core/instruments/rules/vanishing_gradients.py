"""Vanishing gradients: hardly any of the gradient arrives at the first layers of a deep network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nn_core.instruments.evidence import Evidence
from nn_core.instruments.health import always, rule
from nn_core.instruments.rates import at_most_safe

LITTLE = 1e-3  # of the gradient of the strongest layer, weight by weight
LEARNED = 0.9  # a validation accuracy from which it is no hindrance


def _relu(seen: Evidence) -> Mapping[str, Any]:
    """ReLU with the first weights that go with it: it passes on half of its units' gradient as it is."""
    wanted: dict[str, Any] = {"activation": "relu", "init": "he", "gain": 1.0, **at_most_safe(seen)}
    return {name: value for name, value in wanted.items() if getattr(seen.config, name) != value}


@rule(
    "vanishing gradients",
    "warning",
    looks_at="the gradient of each layer beside that of the strongest, and accuracy",
    source="Hochreiter 1998; Glorot & Bengio 2010, section 4",
    gain=29.0,
    explains=("stuck near chance", "slow"),
    remedy=_relu,
    restart=always,
)
def vanishing_gradients(seen: Evidence) -> str:
    """The weakest layer gets less than a thousandth of what the strongest gets."""
    sizes = seen.readings("gradient_rms")
    weakest = min(sizes, key=lambda name: sizes[name], default="")
    largest = max(sizes.values(), default=0.0)
    if seen.epoch < 0.5 or not largest or sizes[weakest] >= LITTLE * largest or seen.val_accuracy >= LEARNED:
        return ""
    times = largest / sizes[weakest] if sizes[weakest] else 0.0
    much = f"{times:,.0f} times less gradient than in the strongest layer arrives" if times else "No gradient arrives"
    return f"{much} at a weight of {seen.title(weakest)}: that layer hardly learns."
