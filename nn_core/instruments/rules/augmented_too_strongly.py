"""Augmentation too strong: the changed images are no longer the digits that are to be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nn_core.instruments.evidence import Evidence
from nn_core.instruments.health import always, rule
from nn_core.machine.numbers import percent

MILD: Mapping[str, float] = {  # at most so much of each, which was seen to help
    "shift": 2.0,
    "rotation": 15.0,
    "scale": 0.2,
    "shear": 0.3,
    "thickness": 0.7,
    "noise": 0.2,
    "elastic": 40.0,
}
LEARNED = 0.9  # an accuracy from which it is not too much


def _too_much(seen: Evidence) -> Mapping[str, Any]:
    return {name: most for name, most in MILD.items() if getattr(seen.config, name) > most}


@rule(
    "augmentation too strong",
    "warning",
    looks_at="the strengths of augmentation, and accuracy on unchanged images after two epochs",
    source="Simard, Steinkraus & Platt 2003",
    gain=62.0,
    explains=("slow", "settled", "stuck near chance"),
    remedy=_too_much,
    restart=always,
)
def augmented_too_strongly(seen: Evidence) -> str:
    """Strengths beyond what is known to help, and even unchanged images are read badly."""
    if not (names := _too_much(seen)) or seen.epoch < 2 or max(seen.train_accuracy, seen.val_accuracy) >= LEARNED:
        return ""
    words = ", ".join(f"{name} {getattr(seen.config, name):g}" for name in names)
    now = f"after {seen.epoch:.1f} epochs even unchanged images are read right in only {percent(seen.val_accuracy)}"
    return f"The training images are changed beyond recognition ({words}): {now}."
