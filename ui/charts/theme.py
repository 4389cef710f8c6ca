"""What charts do with the app's colours: mixing, contrast, and the colour of a signed value."""

from __future__ import annotations

from functools import cache

import numpy as np

from nn_core.export.colours import DARK, LIGHT, N_SIGNED, ZERO, Palette, Rgb, palette, rgb, signed_colours
from nn_core.machine.memory import Array

__all__ = [
    "DARK",
    "LIGHT",
    "N_SIGNED",
    "ZERO",
    "Palette",
    "Rgb",
    "contrast",
    "hex_colour",
    "ink_on",
    "mix",
    "palette",
    "rgb",
    "signed_colour",
    "signed_colours",
    "signed_index",
    "signed_scale",
    "translucent",
]


def hex_colour(values: Array) -> str:
    """Three numbers in [0, 255] as #rrggbb."""
    red, green, blue = (round(float(value)) for value in values)
    return f"#{red:02x}{green:02x}{blue:02x}"


def translucent(colour: str, opacity: float) -> str:
    """#rrggbb with an opacity in [0, 1], as rgba()."""
    return f"rgba({', '.join(str(part) for part in rgb(colour))}, {opacity:g})"


def mix(colour: str, other: str, share: float) -> str:
    """`share` of `other` in `colour`."""
    return hex_colour((1 - share) * np.array(rgb(colour)) + share * np.array(rgb(other)))


def contrast(colour: Rgb | Array, other: Rgb | Array) -> float:
    """The contrast ratio of WCAG 2, from 1 (equal) to 21 (black on white)."""
    light, dark = sorted((_luminance(colour), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Rgb | Array) -> float:
    channels = np.asarray(colour) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


@cache
def _ink(colour: Rgb) -> str:
    return max("#000000", "#ffffff", key=lambda ink: contrast(rgb(ink), colour))


def ink_on(colour: Array) -> str:
    """Black or white, whichever is easier to read on a colour, uint8 (3,)."""
    red, green, blue = (int(value) for value in colour)
    return _ink((red, green, blue))


# ---------------------------------------------------------------------------------------------- signed values


def signed_index(values: Array, limit: float | Array) -> Array:
    """The row of `signed_colours` for each value: uint8, 127 for exactly zero; what lies beyond ±limit is clipped.

    `limit` is a positive number or an array that broadcasts; where it is 0 all values count as zero. A value that is
    not zero never gets the neutral row.
    """
    limit = np.asarray(limit, dtype=np.float64)
    scaled = np.nan_to_num(values / np.where(limit > 0, limit, np.inf))
    rows = np.clip(np.rint(scaled * ZERO), -ZERO, ZERO)
    sign = np.sign(np.nan_to_num(values)) * (limit > 0)
    rows = np.where(rows == 0, sign, rows)  # by sign, so that even a denormal number is seen
    return (rows + ZERO).astype(np.uint8)


def signed_scale(dark: bool) -> list[tuple[float, str]]:
    """The same scale as a plotly colorscale, for an axis of colour from -limit to +limit."""
    table = signed_colours(dark)
    rows = np.unique(np.linspace(0, N_SIGNED - 1, 21).round().astype(int))
    return [(row / (N_SIGNED - 1), hex_colour(table[row])) for row in rows]


def signed_colour(value: float, limit: float, dark: bool) -> str:
    """The colour of one signed value."""
    return hex_colour(signed_colours(dark)[int(signed_index(np.array(value), limit))])
