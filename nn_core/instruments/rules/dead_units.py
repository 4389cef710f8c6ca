"""Dying ReLU: units that put out 0 for every image get no gradient, and never come back."""

from __future__ import annotations

from nn_core.instruments.evidence import Evidence
from nn_core.instruments.health import always, rule
from nn_core.instruments.rates import safer


@rule(
    "dead units",
    "warning",
    looks_at="which units have the output 0 for every image",
    source="Lu, Shin, Su & Karniadakis 2020 (dying ReLU)",
    gain=26.0,
    remedy=safer,
    restart=always,
    verdict=lambda seen: f"dead {' and '.join(seen.kinds_with_many_dead)}",
)
def dead_units(seen: Evidence) -> str:
    """More than a quarter of the units, or of the channels, are dead."""
    return seen.about_the_dead if seen.kinds_with_many_dead else ""
