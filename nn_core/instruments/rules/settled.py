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
        recent, _ = seen.recent_and_before
        return f"The validation loss has stayed near {recent:.3g}; accuracy {percent(seen.val_accuracy)}."
    return ""
