"""Getting worse: the validation loss rises, as after a learning rate that was raised too far."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nn_core.instruments.evidence import Evidence
from nn_core.instruments.health import rule
from nn_core.instruments.rates import is_fast, times_lr

NOTABLE = 0.02  # of the loss of guessing: a smaller rise is noise


def _slower_where_steps_are_large(seen: Evidence) -> Mapping[str, Any]:
    return times_lr(1 / 3)(seen) if is_fast(seen) else {}


@rule(
    "getting worse",
    "warning",
    looks_at="the validation loss of late",
    source="Bengio 2012 (Practical recommendations), section 3.1",
    gain=2.0,
    explains=("settled",),
    remedy=_slower_where_steps_are_large,
)
def getting_worse(seen: Evidence) -> str:
    """The newest quarter of the scorings is a tenth above the quarter before it, and above the lowest."""
    val, (recent, before) = seen.val_loss, seen.recent_and_before
    is_notable = recent > 1.1 * before and recent - before > NOTABLE * seen.chance
    if len(val) >= 8 and is_notable and val[-1] > 1.1 * val.min():
        return f"The validation loss has risen from {before:.3g} to {recent:.3g} of late."
    return ""
