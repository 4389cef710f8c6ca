"""Colours: one diverging scale for signed values, one colour a digit, one a curve; for light and dark pages.

Chosen to stay apart for normal, deuteranopic and protanopic sight: any two digits differ by at least 18 units of CIELAB
in all three, and every colour of a curve or digit stands out from the page by a contrast of at least 3 : 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from nn_core.machine.memory import Array

Rgb = tuple[int, int, int]

N_SIGNED = 255  # colours of the signed scale: 127 negative ones, the neutral one, 127 positive ones
ZERO = N_SIGNED // 2


@dataclass(frozen=True)
class Palette:
    """The colours of one theme, as #rrggbb."""

    background: str  # the page, and the neutral of the signed scale
    text: str
    muted: str  # second-rank text and marks, readable
    faint: str  # idle bars, seen but not read
    rule: str  # hairlines between tiles
    positive: tuple[str, ...]  # from next to the neutral to the extreme
    negative: tuple[str, ...]
    digits: tuple[str, ...]
    series: Mapping[str, str]  # scalar series -> colour
    ghost: str


LIGHT = Palette(
    background="#fbfbf9",
    text="#1d2328",
    muted="#5d666d",
    faint="#c9cec9",
    rule="#e6e8e2",
    positive=("#c9dbf2", "#8fb4e6", "#4f86d2", "#2159b0", "#0c3478"),
    negative=("#f7d9c0", "#ecab78", "#d47733", "#a94d10", "#712d00"),
    digits=(
        *("#352f9f", "#056326", "#c4545c", "#389bd1", "#7e1f4d"),
        *("#a19147", "#933896", "#2aa484", "#c58505", "#667485"),
    ),
    series={"train": "#b06f00", "val": "#2f54c4", "batch": "#b06f00", "l2": "#3d7f6e"},
    ghost="#8a9198",
)
DARK = Palette(
    background="#12161a",
    text="#e4e8ea",
    muted="#9aa5ad",
    faint="#3a434b",
    rule="#222930",
    positive=("#17304f", "#265a9c", "#3f86d9", "#6fb0ff", "#b3d7ff"),
    negative=("#432410", "#8a4418", "#c96d2c", "#f59650", "#ffc79c"),
    digits=(
        *("#6168e5", "#2d924d", "#fb998d", "#93e5ff", "#a9376c"),
        *("#f3ef8f", "#c37bd4", "#91f4d4", "#ec9f3f", "#a7a0b1"),
    ),
    series={"train": "#e3ab45", "val": "#8aa8ff", "batch": "#e3ab45", "l2": "#7fc4b0"},
    ghost="#7c868e",
)


def palette(dark: bool) -> Palette:
    """The colours of the dark or the light theme."""
    return DARK if dark else LIGHT


def rgb(colour: str) -> Rgb:
    """#rrggbb as three integers."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


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


@cache
def signed_colours(dark: bool) -> Array:
    """The signed scale, uint8 (255, 3), read-only: row 0 is -limit, row 127 the neutral, row 254 +limit."""
    colours = palette(dark)
    neutral = colours.background
    arms = [_arm((neutral, *stops)) for stops in (colours.negative, colours.positive)]
    table = np.concatenate([arms[0][:0:-1], arms[1]])
    table.flags.writeable = False
    return table


def _arm(stops: tuple[str, ...]) -> Array:
    """128 colours, uint8 (128, 3), from the first stop to the last, evenly spaced stops."""
    points = np.array([rgb(stop) for stop in stops], dtype=np.float64)
    at = np.linspace(0, len(stops) - 1, ZERO + 1)
    return (
        np.stack([np.interp(at, np.arange(len(stops)), points[:, k]) for k in range(3)], axis=1)
        .round()
        .astype(np.uint8)
    )


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
