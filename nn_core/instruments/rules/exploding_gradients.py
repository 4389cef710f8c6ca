"""Exploding gradients: first weights so large that each layer multiplies what passes through it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nn_core.instruments.evidence import Evidence
from nn_core.instruments.health import always, rule
from nn_core.instruments.rates import safe_lr
from nn_core.instruments.remedies import proposed_lr

LARGE = 0.3  # RMS of the gradient of one weight; a healthy start is near 0.01
LEARNED = 0.9  # a training accuracy from which it is no hindrance


def _smaller(seen: Evidence) -> Mapping[str, Any]:
    """First weights that pass signals on as large as they came, and the rate that goes with them."""
    init = "he" if "relu" in seen.config.activation else "xavier"
    wanted = {"init": init, "gain": 1.0, "lr": proposed_lr(safe_lr(seen))}
    return {name: value for name, value in wanted.items() if getattr(seen.config, name) != value}


@rule(
    "exploding gradients",
    "bad",
    looks_at="the gradient of each layer at first and now, and accuracy",
    source="Glorot & Bengio 2010, section 4; He et al. 2015",
    gain=22.0,
    explains=("overshooting", "stuck near chance", "slow"),
    remedy=_smaller,
    restart=always,
)
def exploding_gradients(seen: Evidence) -> str:
    """A layer's gradient was large from the first step on, and still is: it is no fault of the rate."""
    sizes, first = seen.readings("gradient_rms"), seen.first_readings("gradient_rms")
    exploding = [layer for layer, size in sizes.items() if min(size, first.get(layer, 0.0)) > LARGE]
    if not exploding or seen.train_accuracy >= LEARNED:
        return ""
    worst = max(exploding, key=lambda layer: sizes[layer])
    where = "in every layer" if len(exploding) == len(sizes) else f"in {seen.title(worst)}"
    why = f"A batch pulls at one weight with {sizes[worst]:.2g} (RMS) {where}, and has from the first step on"
    return f"{why}; about 0.01 is usual. The first weights are too large."
