"""Diverged: the loss is no longer a number, and training has ended by itself."""

from __future__ import annotations

from nn_core.instruments.evidence import Evidence
from nn_core.instruments.health import always, rule
from nn_core.instruments.rates import safer


@rule(
    "diverged",
    "bad",
    looks_at="why training ended by itself",
    source="LeCun, Bottou, Orr & Müller 1998 (Efficient BackProp), section 5",
    gain=46.0,
    remedy=safer,
    restart=always,
    needs_curves=False,
)
def diverged(seen: Evidence) -> str:
    """The sentence with which training ended."""
    return seen.stopped
