"""Overfitting: the training images are learned by heart, and what is read of others grows worse."""

from __future__ import annotations

from nn_core.instruments.evidence import Evidence
from nn_core.instruments.health import rule

WIDE = 0.05  # of the images: half of that is usual where all training images are fitted


@rule(
    "overfitting",
    "warning",
    looks_at="training accuracy above validation, and the validation loss",
    source="Prechelt 1998 (Early stopping, but when?)",
    gain=0.0,
    explains=("getting worse", "settled", "slow"),
    remedy=lambda seen: {"l2": 0.001} if seen.config.l2 < 0.001 else {},
)
def overfitting(seen: Evidence) -> str:
    """A wide gap, and a validation loss well above its lowest."""
    now, lowest = seen.val_loss[-1], seen.val_loss.min()
    if seen.gap > WIDE and now > 1.15 * lowest:
        why = (
            f"Training accuracy is {100 * seen.gap:.1f} percentage points above validation, "
            f"and the validation loss is {now / lowest:.2f} times"
        )
        return f"{why} its lowest. More images, L2 or dropout help."
    return ""
