"""Pictures for the run card without any package: curves as SVG, filters as PNG, in the app's colours.

SVG takes its colours from CSS variables (--text, --muted, --rule, --train, --val, --ground), so that it follows the
page's theme.
"""

from __future__ import annotations

import base64
import html
import math
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nn_core.data.dataset import SIDE
from nn_core.explain.filters import pictures
from nn_core.machine.memory import Array
from nn_core.training.history import Series, downsample
from nn_core.training.state import Edit

GAP = 2
WIDTH, HEIGHT = 460, 250  # of a chart, with its axes
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 12, 36  # of the plot within it
MAX_POINTS = 400  # of a curve


@dataclass(frozen=True)
class Colours:
    """One theme's: the ground and ink of the page, hairlines, curves, and the arms of the signed scale."""

    ground: str
    text: str
    muted: str
    rule: str
    train: str
    val: str
    positive: tuple[str, ...]  # from next to zero to the largest
    negative: tuple[str, ...]


LIGHT = Colours(
    ground="#fbfbf9",
    text="#1d2328",
    muted="#5d666d",
    rule="#e6e8e2",
    train="#b06f00",
    val="#2f54c4",
    positive=("#c9dbf2", "#8fb4e6", "#4f86d2", "#2159b0", "#0c3478"),
    negative=("#f7d9c0", "#ecab78", "#d47733", "#a94d10", "#712d00"),
)
DARK = Colours(
    ground="#12161a",
    text="#e4e8ea",
    muted="#9aa5ad",
    rule="#222930",
    train="#e3ab45",
    val="#8aa8ff",
    positive=("#17304f", "#265a9c", "#3f86d9", "#6fb0ff", "#b3d7ff"),
    negative=("#432410", "#8a4418", "#c96d2c", "#f59650", "#ffc79c"),
)


# ---------------------------------------------------------------------------------------------- curves


@dataclass(frozen=True)
class Axis:
    """A scale from values to pixels, with the values that it marks."""

    low: float
    high: float
    start: float  # pixels
    stop: float
    ticks: tuple[float, ...]
    log: bool = False

    def __call__(self, values: Array) -> Array:
        """The place of each value, held within the plot."""
        low, high = (math.log(end) if self.log else end for end in (self.low, self.high))
        numbers = np.log(np.maximum(values, self.low)) if self.log else np.asarray(values)
        share = np.clip((numbers - low) / (high - low), 0, 1)
        return np.asarray(self.start + share * (self.stop - self.start))


def linear_axis(low: float, high: float, start: float, stop: float) -> Axis:
    """Marked at about five round values."""
    high = high if high > low else low + 1
    rough = (high - low) / 5
    size: float = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * size for factor in (1, 2, 5, 10) if factor * size >= rough)
    first = math.ceil(low / step - 1e-9)
    ticks = tuple(step * k for k in range(first, math.floor(high / step + 1e-9) + 1))
    return Axis(low, high, start, stop, ticks)


def log_axis(low: float, high: float, start: float, stop: float) -> Axis:
    """Marked at 1, 2 and 5 of each decade, or at decades alone where there are many."""
    low, high = max(low, 1e-12), max(high, low * 1.1, 1e-11)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if len(decades) <= 4 else (1,)
    ticks = tuple(t for d in decades for f in factors if low <= (t := f * 10.0**d) <= high)
    return Axis(low, high, start, stop, ticks, log=True)


def curve_chart(
    lines: Mapping[str, Series], names: Mapping[str, str], edits: Sequence[Edit], *, percent: bool, label: str
) -> str:
    """Curves against epochs as an SVG element: shares in percent, or nats on a log scale.

    `names` maps each series to its CSS class ("train" or "val"); each edit is a thin line at its step. `label` is for
    screen readers.
    """
    shown = {name: line for name, line in lines.items() if name in names and np.isfinite(line.value).any()}
    if not shown:
        return ""
    values = np.concatenate([line.value[np.isfinite(line.value)] for line in shown.values()]) * (100 if percent else 1)
    last = max(float(line.epoch[-1]) for line in shown.values())
    x = linear_axis(0, last or 1, LEFT, WIDTH - RIGHT)
    scale = linear_axis if percent else log_axis
    low, high = float(values.min()), float(values.max())
    ends = (max(0, low - 2), min(100, high + 1)) if percent else (low / 1.15, high * 1.1)
    y = scale(*ends, HEIGHT - BOTTOM, TOP)
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(label)}">']
    for tick, at in zip(y.ticks, y(np.array(y.ticks)), strict=True):
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        text = f"{tick:g}{' %' if percent else ''}"
        parts.append(f'<text x="{LEFT - 6}" y="{at + 3.5:.1f}" text-anchor="end">{text}</text>')
    for tick, at in zip(x.ticks, x(np.array(x.ticks)), strict=True):
        parts.append(f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{tick:g}</text>')
    parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 3}" text-anchor="middle">epoch</text>')
    longest = max(shown.values(), key=len)
    for edit in edits:
        at = float(x(np.asarray(np.interp(edit.step, longest.step, longest.epoch))))
        parts.append(f'<line class="edit" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
    for name, line in shown.items():
        epochs, numbers = downsample(line.epoch, line.value * (100 if percent else 1), MAX_POINTS)
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x(epochs), y(numbers), strict=True))
        parts.append(f'<polyline class="{names[name]}" points="{points}"/>')
        end = points.rsplit(" ", 1)[-1].split(",")
        parts.append(f'<circle class="{names[name]}" cx="{end[0]}" cy="{end[1]}" r="2.5"/>')
    return "".join([*parts, "</svg>"])


# ---------------------------------------------------------------------------------------------- filters


def filter_wall(weights: Array, columns: int, colours: Colours) -> str:
    """Filters (side * side, n) as tiles on the signed scale, one colour scale for all, as a PNG in a data: address."""
    n = weights.shape[1]
    magnitudes = np.abs(weights)
    limit = float(np.percentile(magnitudes, 99.8)) or float(magnitudes.max()) or 1.0
    level = np.clip(np.rint(pictures(weights) / limit * 127), -127, 127) + 127
    rows, size = -(-n // columns), SIDE + GAP
    tiles = np.full((rows * columns, size, size), 255, np.uint8)
    tiles[:n, :SIDE, :SIDE] = level.astype(np.uint8)
    index = tiles.reshape(rows, columns, size, size).swapaxes(1, 2).reshape(rows * size, columns * size)
    png = _png(index[:-GAP, :-GAP], _table(colours))
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _table(colours: Colours) -> Array:
    """The signed scale in rows 0 to 254 and the hairline's colour in the last, uint8 (256, 3)."""
    table = np.empty((256, 3), np.uint8)
    for stops, rows in ((colours.negative, slice(127, None, -1)), (colours.positive, slice(127, 255))):
        points = np.array([_rgb(stop) for stop in (colours.ground, *stops)], float)
        at = np.linspace(0, len(points) - 1, 128)
        arm = np.stack([np.interp(at, np.arange(len(points)), points[:, k]) for k in range(3)], axis=1)
        table[rows] = np.rint(arm).astype(np.uint8)
    table[255] = _rgb(colours.rule)
    return table


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _png(index: Array, table: Array) -> bytes:
    """Pixels uint8 (height, width) that point into a table of 256 colours, as a PNG file (ISO/IEC 15948)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = index.shape
    rows = np.hstack([np.zeros((height, 1), np.uint8), index])  # each row begins with its filter, 0: none
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)  # 8 bits a pixel, by palette
    parts = ((b"IHDR", header), (b"PLTE", table.tobytes()), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in parts)
