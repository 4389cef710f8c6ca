"""Slow start: several sigmoid layers, each of which passes on a quarter of the gradient at most."""

from __future__ import annotations

from nn_core.explain.filters import hidden_sizes
from nn_core.instruments.evidence import Evidence
from nn_core.instruments.health import always, rule
from nn_core.instruments.rates import at_most_safe, safe_lr


@rule(
    "slow start",
    "warning",
    looks_at="validation accuracy, the training loss, and how many sigmoid layers there are",
    source="Glorot & Bengio 2010, section 3.1",
    gain=47.0,
    explains=("stuck near chance",),
    remedy=lambda seen: {"activation": "relu", **at_most_safe(seen)},  # whose gradient does not shrink
    restart=always,
)
def slow_start(seen: Evidence) -> str:
    """Near chance at a rate that would do, with two sigmoid layers or more."""
    n_layers = len(hidden_sizes(seen.weights))
    is_level = seen.train_loss[-1] < 1.02 * seen.chance
    is_deep = seen.config.activation == "sigmoid" and n_layers >= 2 and seen.config.lr >= safe_lr(seen) / 3
    if not (is_deep and is_level and seen.is_near_chance):
        return ""
    why = (
        f"Each of the {n_layers} sigmoid layers passes on at most a quarter of the gradient, so the first layers learn"
    )
    return f"{why} slowly: it may stay near chance for many epochs and then learn. ReLU learns from the first epoch."
