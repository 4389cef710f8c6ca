"""The colours of the app and of the run card: a scale for signed values, one colour a digit, one a curve.

Each in two themes, for light and dark pages. Chosen to stay apart for normal, deuteranopic and protanopic sight: any
two digits differ by at least 18 units of CIELAB in all three, and every colour of a curve or digit stands out from the
page by a contrast of at least 3 : 1. .streamlit/config.toml repeats some of them; a test holds the two together.
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
    levels: Mapping[str, str]  # level of a verdict -> colour
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
    levels={"bad": "#c0282d", "warning": "#a35a00", "good": "#1f7a5c", "idle": "#5d666d"},
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
    levels={"bad": "#ff8c85", "warning": "#efac4e", "good": "#6fc9a4", "idle": "#9aa5ad"},
    ghost="#7c868e",
)


def palette(dark: bool) -> Palette:
    """The colours of the dark or the light theme."""
    return DARK if dark else LIGHT


def rgb(colour: str) -> Rgb:
    """#rrggbb as three integers."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


@cache
def signed_colours(dark: bool) -> Array:
    """The scale for signed values, uint8 (255, 3), read-only: row 0 is -limit, row 127 is zero, row 254 is +limit."""
    colours = palette(dark)
    neutral = colours.background
    arms = [_arm((neutral, *stops)) for stops in (colours.negative, colours.positive)]
    table = np.concatenate([arms[0][:0:-1], arms[1]])
    table.flags.writeable = False
    return table


def _arm(stops: tuple[str, ...]) -> Array:
    """128 colours, uint8 (128, 3), from the first stop to the last; the stops are evenly spaced."""
    points = np.array([rgb(stop) for stop in stops], dtype=np.float64)
    at = np.linspace(0, len(stops) - 1, ZERO + 1)
    colours = np.stack([np.interp(at, np.arange(len(stops)), points[:, k]) for k in range(3)], axis=1)
    return colours.round().astype(np.uint8)
