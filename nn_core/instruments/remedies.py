"""What remedies have in common: a learning rate that they propose."""

from __future__ import annotations

from nn_core.config.run_config import setting


def proposed_lr(lr: float) -> float:
    """A learning rate, rounded to one digit and inside its range."""
    item = setting("lr")
    return min(item.high, max(item.low, float(f"{lr:.0e}")))
