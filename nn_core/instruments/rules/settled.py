"""Settled: the validation loss no longer falls."""

from __future__ import annotations

from nn_core.instruments.evidence import Evidence
from nn_core.instruments.health import rule
from nn_core.machine.numbers import percent


@rule(
    "settled",
    "good",
    looks_at="the validation loss of late",
    source="Prechelt 1998 (Early stopping, but when?)",
    explains=("slow",),
)
def settled(seen: Evidence) -> str:
    """The newest quarter of the scorings is no better than the quarter before it."""
    if seen.has_settled:
        (recent, _), lowest = seen.recent_and_before, float(seen.val_loss.min())
        accuracy = f"accuracy {percent(seen.val_accuracy)}."
        if recent > 1.1 * lowest:  # it creeps up: too slowly to be called getting worse
            return f"The validation loss no longer falls: {recent:.3g}, after {lowest:.3g} at best; {accuracy}"
        return f"The validation loss has stayed near {recent:.3g}; {accuracy}"
    return ""
