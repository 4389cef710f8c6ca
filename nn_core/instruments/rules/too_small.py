"""Underfitting: a network too small for ten digits."""

from __future__ import annotations

from nn_core.explain.filters import hidden_sizes
from nn_core.instruments.evidence import Evidence
from nn_core.instruments.health import always, rule
from nn_core.machine.numbers import percent

FEW, ENOUGH = 8, 32  # units of the narrowest layer
LEARNED = 0.95  # a training accuracy from which a network is large enough
SLOWING = 0.8  # of the loss of the quarter before


@rule(
    "too small",
    "warning",
    looks_at="the narrowest hidden layer, and training accuracy, which no longer grows much",
    source="Goodfellow, Bengio & Courville 2016 (Deep Learning), section 5.2",
    gain=16.0,
    explains=("slow", "settled", "overfitting", "getting worse"),
    remedy=lambda seen: {"hidden": tuple(max(ENOUGH, size) for size in seen.config.hidden) or (ENOUGH,)},
    restart=always,
)
def too_small(seen: Evidence) -> str:
    """Hardly any units, and the training images are not fitted though nothing else is the matter."""
    sizes = hidden_sizes(seen.weights)
    recent, before = seen.train_recent_and_before
    is_slowing = seen.epoch >= 5 and len(seen.train_loss) >= 8 and recent > SLOWING * before
    if seen.config.model != "mlp" or min(sizes, default=0) >= FEW or not is_slowing or seen.is_near_chance:
        return ""
    if seen.train_accuracy >= LEARNED or seen.gap > 0.1:
        return ""
    what = f"Its narrowest layer has {min(sizes)} units" if sizes else "It has no hidden layer"
    now = f"training accuracy is {percent(seen.train_accuracy)} after {seen.epoch:.1f} epochs and hardly grows"
    return f"{what}, too few to tell ten digits apart: {now}."
