"""Slow: the loss creeps down, and a larger learning rate would be quicker."""

from __future__ import annotations

from nn_core.instruments.evidence import A_FEW_STEPS, Evidence
from nn_core.instruments.health import rule
from nn_core.instruments.rates import times_lr


@rule(
    "slow",
    "warning",
    looks_at="the validation loss of late, and accuracy",
    source="Smith 2017 (Cyclical learning rates), section 3.3",
    gain=22.0,
    remedy=times_lr(3),
)
def slow(seen: Evidence) -> str:
    """Hardly any progress over the newer half of the scorings, with much left to learn."""
    recent, before = seen.recent_and_before
    has_tried = seen.epoch >= 2 and seen.step >= A_FEW_STEPS
    if has_tried and seen.val_accuracy < 0.85 and 0.97 * before < recent < before and seen.config.lr < 1:
        return f"Still falling, but only from {before:.3g} to {recent:.3g}: a larger learning rate may be faster."
    return ""
