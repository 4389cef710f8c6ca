"""The pictures of the run card: curves as the places of an SVG, which card.html draws, and filters as a PNG."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nn_core.data.dataset import SIDE
from nn_core.explain.filters import pictures
from nn_core.export.colours import N_SIGNED, ZERO, palette, rgb, signed_colours
from nn_core.export.png import png_uri
from nn_core.export.source import ExportSource
from nn_core.export.value_range import Excursion, Range, accuracy_range, excursions, loss_range
from nn_core.export.value_range import Line as Values
from nn_core.machine.memory import Array
from nn_core.machine.numbers import exact, loss
from nn_core.training.history import Series, downsample

GAP = 2  # pixels between two filters
MAX_POINTS = 400  # of a curve
FAR = 10.0  # times the plot: a place that is farther beyond it is drawn there
SPLITS = {"train": "training", "val": "validation"}


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
        """The place of each value in pixels, beyond the plot (by at most FAR) where it is beyond the scale."""
        low, high = (math.log(end) if self.log else end for end in (self.low, self.high))
        numbers = np.log(np.maximum(values, 1e-300)) if self.log else np.asarray(values)
        share = np.clip((numbers - low) / (high - low), -FAR, 1 + FAR)
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


class Frame(NamedTuple):
    """The size of a chart, and where in it the plot lies, in pixels."""

    width: int = 460
    height: int = 250
    left: int = 46
    right: int = 448
    top: int = 12
    bottom: int = 214


FRAME = Frame()


@dataclass(frozen=True)
class Line:
    """One curve: "train" or "val", its name and newest value in words, and its points "x,y x,y ..." in pixels."""

    kind: str
    name: str
    last: str
    points: str

    @property
    def end(self) -> list[str]:
        """x and y of the newest point."""
        return self.points.rsplit(" ", 1)[-1].split(",")


class Mark(NamedTuple):
    """Where a curve leaves the plot, at its upper or lower edge: the corners of a triangle, and the value in words."""

    corners: str  # "x,y x,y x,y" in pixels
    text: str
    at: tuple[float, float]  # where the text begins, or ends
    anchor: str  # "start" or "end"


@dataclass(frozen=True)
class Chart:
    """What is drawn of loss or accuracy, in pixels; `label` is for screen readers."""

    title: str
    unit: str
    label: str
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    edits: list[float]  # x of each change of a setting
    lines: list[Line]
    marks: list[Mark]
    frame: Frame = FRAME


def curve_chart(title: str, scalar: str, unit: str, source: ExportSource, *, percent: bool) -> Chart | None:
    """The curves of a scalar against epochs: shares in percent, or a loss in its `unit` on a log scale.

    It shows the values that matter, as the charts on the pages do; marks at its edge say how far curves go beyond.
    None without a finite point.
    """
    found = {split: source.series.get(f"{split}/{scalar}") for split in SPLITS}
    series = {split: line for split, line in found.items() if line is not None and len(line)}
    drawn = {split: line for split, line in series.items() if np.isfinite(line.value).any()}
    if not drawn:
        return None
    factor = 100 if percent else 1
    last = max(float(line.epoch[-1]) for line in drawn.values())
    x = linear_axis(0, last or 1, FRAME.left, FRAME.right)
    values = {split: _finite(split, line, factor) for split, line in drawn.items()}
    shown = accuracy_range([*values.values()]) if percent else loss_range([*values.values()], log=True)
    assert shown is not None  # there is a finite point
    y = _value_axis(shown, percent)
    lines = []
    for split, line in series.items():
        places = _places(values[split], x, y) if split in values else ""
        lines.append(Line(split, SPLITS[split], exact(line.last) if percent else loss(line.last), places))
    longest = max(drawn.values(), key=len)
    changed_at = [np.interp(edit.step, longest.step, longest.epoch) for edit in source.edits]
    return Chart(
        title=title,
        unit=unit,
        label=f"{title} by epoch: " + ", ".join(f"{line.name} ends at {line.last}" for line in lines),
        x_ticks=_ticks(x),
        y_ticks=_ticks(y, " %" if percent else ""),
        edits=x(np.array(changed_at)).tolist(),
        lines=lines,
        marks=[_mark(beyond, x, percent) for beyond in excursions([*values.values()], shown)],
    )


def _finite(split: str, line: Series, factor: float) -> Values:
    """The finite points of a curve, against epochs."""
    finite = np.isfinite(line.value)
    return Values("", line.epoch[finite], line.value[finite] * factor, split, SPLITS[split])


def _places(curve: Values, x: Axis, y: Axis) -> str:
    """The points of a curve in pixels, "x,y x,y ..."."""
    at, values = downsample(curve.at, curve.values, MAX_POINTS)
    places = zip(x(at), y(values), strict=True)
    return " ".join(f"{across:.1f},{down:.1f}" for across, down in places)


def _value_axis(shown: Range, percent: bool) -> Axis:
    if percent:
        return linear_axis(shown[0], 100, FRAME.bottom, FRAME.top)
    return log_axis(*shown, FRAME.bottom, FRAME.top)


def _mark(beyond: Excursion, x: Axis, percent: bool) -> Mark:
    """A triangle that points to where the curve has gone, and beside it how far."""
    tip, base = (FRAME.top, FRAME.top + 8) if beyond.above else (FRAME.bottom, FRAME.bottom - 8)
    at, back = x(np.array([beyond.at, beyond.back])).tolist()
    late = back > FRAME.left + 0.8 * (FRAME.right - FRAME.left)
    text = exact(beyond.value / 100) if percent else loss(beyond.value)
    corners = f"{at:.1f},{tip} {at - 4.5:.1f},{base} {at + 4.5:.1f},{base}"
    return Mark(
        corners, text, ((at if late else back) + (-7 if late else 7), max(tip, base) - 1), "end" if late else "start"
    )


def _ticks(axis: Axis, unit: str = "") -> list[tuple[float, str]]:
    """The place of each tick, and what is written there."""
    places = axis(np.array(axis.ticks)).tolist()
    return [(at, f"{tick:g}{unit}") for at, tick in zip(places, axis.ticks, strict=True)]


# ---------------------------------------------------------------------------------------------- filters


def filter_wall(weights: Array, columns: int, *, dark: bool) -> str:
    """Filters (side * side, n) as tiles on the signed scale, one colour scale for all, as a PNG in a data: address."""
    n = weights.shape[1]
    magnitudes = np.abs(weights)
    limit = float(np.percentile(magnitudes, 99.8)) or float(magnitudes.max()) or 1.0
    level = np.clip(np.rint(pictures(weights) / limit * ZERO), -ZERO, ZERO) + ZERO
    rows, size = -(-n // columns), SIDE + GAP
    tiles = np.full((rows * columns, size, size), N_SIGNED, np.uint8)
    tiles[:n, :SIDE, :SIDE] = level.astype(np.uint8)
    index = tiles.reshape(rows, columns, size, size).swapaxes(1, 2).reshape(rows * size, columns * size)
    hairline = np.array([rgb(palette(dark).rule)], np.uint8)  # the row N_SIGNED of the table
    return png_uri(index[:-GAP, :-GAP], np.concatenate([signed_colours(dark), hairline]))
