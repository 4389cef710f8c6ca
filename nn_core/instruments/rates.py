"""The learning rates that rules of health propose: for each optimizer one that was seen to work, and steps from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nn_core.explain.filters import hidden_sizes
from nn_core.instruments.evidence import Evidence
from nn_core.instruments.remedies import proposed_lr

SAFE_LR = {"sgd": 0.1, "momentum": 0.01, "nesterov": 0.01, "adagrad": 0.03, "muon": 0.02}  # of all others 0.001


def times_lr(factor: float) -> Callable[[Evidence], Mapping[str, Any]]:
    """A remedy: the learning rate times a factor."""
    return lambda seen: {"lr": proposed_lr(factor * seen.config.lr)}


def safe_lr(seen: Evidence) -> float:
    """A learning rate that works, smaller for a deep network."""
    n_layers = len(hidden_sizes(seen.weights))
    return SAFE_LR.get(seen.config.optimizer, 0.001) / max(1, n_layers - 1)


def is_fast(seen: Evidence) -> bool:
    """Whether the learning rate is above that."""
    return seen.config.lr > safe_lr(seen)


def safer(seen: Evidence) -> Mapping[str, Any]:
    """A tenth of the learning rate, or less where that is known to be too much for the optimizer."""
    return {"lr": proposed_lr(min(seen.config.lr / 10, safe_lr(seen)))}


def faster(seen: Evidence) -> Mapping[str, Any]:
    """Ten times the learning rate, or more where that is known to be slow for the optimizer."""
    return {"lr": proposed_lr(max(10 * seen.config.lr, safe_lr(seen) / 3))}


def at_most_safe(seen: Evidence) -> Mapping[str, Any]:
    """The rate that works, where the learning rate is above it; else nothing."""
    return {"lr": proposed_lr(safe_lr(seen))} if is_fast(seen) else {}
