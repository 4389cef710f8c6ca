"""Lengths of time in words."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Two digits and the unit that suits them: "0.35 s", "12 s", "4.2 min", "1.8 h"."""
    if seconds < 90:
        return f"{seconds:.2g} s"
    number, unit = (seconds / 60, "min") if seconds < 5400 else (seconds / 3600, "h")
    return f"{number:.2g} {unit}" if number < 99.5 else f"{number:,.0f} {unit}"
