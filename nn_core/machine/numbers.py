"""How numbers are written, everywhere alike: shares in percent, losses, counts. (Durations: durations.py.)"""

from __future__ import annotations

import math

NOTHING = "–"  # in the place of a number that there is not
PERCENT_COLUMN, EXACT_COLUMN = "%.1f %%", "%.2f %%"  # as `percent` and `exact`, for tables that take a printf format


def percent(share: float | None, digits: int = 1) -> str:
    """A share in [0, 1] as "98.2 %". Only a share of exactly 1 is 100 %, and only one of exactly 0 is 0 %.

    A share so near to 1 or 0 that it would be rounded there is "over 99.9 %" or "less than 0.1 %".
    """
    if share is None or not math.isfinite(share):
        return NOTHING
    text = f"{100 * share:.{digits}f}"
    least = 10.0**-digits
    if share < 1 and float(text) >= 100:
        text = f"over {100 - least:.{digits}f}"
    elif share > 0 and float(text) == 0:
        text = f"less than {least:.{digits}f}"
    return f"{text} %"


def round_percent(share: float) -> str:
    """A share that is round by itself, without zeros at its end: "95 %", "99.5 %"."""
    return f"{100 * share:.5g} %"


def exact(share: float | None) -> str:
    """An accuracy where networks are compared, to the hundredth: "98.24 %"; of 5,000 images one is 0.02 %."""
    return percent(share, digits=2)


def probability(p: float) -> str:
    """What a network gives to a class: as `percent`, but never certain: "over 99.9 %" for 1, too.

    Softmax comes so near to 1 and 0 that float32 rounds it there; the probabilities of a network without softmax are
    often exactly 1 and 0, and no more certain for that: they are the nearest to its outputs (`Loss.probabilities`).
    """
    return percent(min(max(float(p), 1e-9), 1 - 1e-9))  # beside a float32, 1 - 1e-9 would itself be rounded to 1


def loss(value: float | None) -> str:
    """A loss to three significant digits, and a large one without an exponent as far as that can be read."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if abs(value) >= 1e6:
        return f"{value:.1e}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def decimal(value: float, digits: int = 2) -> str:
    """A number with so many digits behind the point and a true minus sign; never "−0.00"."""
    return f"{value:z.{digits}f}".replace("-", "−")


def count(n: float) -> str:
    """A whole number with commas between the thousands: "55,000"."""
    return f"{n:,.0f}"
