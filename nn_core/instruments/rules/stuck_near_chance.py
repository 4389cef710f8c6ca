"""Stuck near chance: after half an epoch, the network still guesses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nn_core.instruments.evidence import Evidence
from nn_core.instruments.health import rule
from nn_core.instruments.rates import faster, is_fast, safe_lr, safer
from nn_core.machine.numbers import percent

COLLAPSING_L2 = 0.3  # from which the penalty has been seen to draw all weights to 0


def _out_of_chance(seen: Evidence) -> Mapping[str, Any]:
    """No penalty where that holds the weights at 0, another rate where it is too large or too small, else nothing."""
    if seen.config.l2 >= COLLAPSING_L2:
        return {"l2": 0.0}
    if seen.kinds_with_many_dead or is_fast(seen):
        return safer(seen)
    return faster(seen) if seen.config.lr < safe_lr(seen) / 3 else {}


def _is_ruined(seen: Evidence) -> bool:
    """Whether its units are dead or its weights far off, so that a new network is quicker."""
    return bool(seen.kinds_with_many_dead) or seen.config.l2 >= COLLAPSING_L2 or is_fast(seen)


@rule(
    "stuck near chance",
    "bad",
    looks_at="validation accuracy",
    source="Goodfellow, Bengio & Courville 2016 (Deep Learning), section 11.5",
    gain=72.0,
    explains=("dead units", "slow"),
    remedy=_out_of_chance,
    restart=_is_ruined,
)
def stuck_near_chance(seen: Evidence) -> str:
    """Fewer than a fifth of the validation images are read right."""
    if not seen.is_near_chance:
        return ""
    now = f"Validation accuracy is {percent(seen.val_accuracy)} after {seen.epoch:.1f} epochs"
    why = f"{now}; guessing gives about 10 %."
    if seen.config.l2 >= COLLAPSING_L2:
        return f"{why} The L2 penalty of {seen.config.l2:g} draws all weights to 0."
    return f"{why} {seen.about_the_dead}" if seen.kinds_with_many_dead else why
