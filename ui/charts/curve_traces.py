"""The lines of a chart of loss or accuracy, as plain dicts in plotly's terms; curves.py makes the figure of them."""

from __future__ import annotations

import html
import math
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from nn_core.export.value_range import Line
from nn_core.machine.memory import Array
from nn_core.machine.numbers import loss, percent
from nn_core.nn.losses import Loss
from nn_core.training import Axis, Series, downsample, smooth
from ui.charts import theme
from ui.charts.figure import Trace

MAX_POINTS = 1000  # of one curve, sent to the browser
LEAST_ERROR = 0.01  # in %: where an accuracy of 100 % lies on the error scale, which has no zero

_CURVES: Mapping[str, tuple[str, ...]] = {  # drawn in this order, the most important on top
    "loss": ("batch/loss", "train/l2", "train/loss", "val/loss"),
    "accuracy": ("batch/accuracy", "train/accuracy", "val/accuracy"),
}
_NAMES = {"train": "training", "val": "validation", "batch": "batches", "l2": "L2's part"}


@dataclass(frozen=True)
class CurveStyle:
    """How one chart is drawn; the fields are explained at `ui.charts.curves.curves`."""

    kind: Literal["loss", "accuracy"]
    x: Axis
    log_x: bool
    log_y: bool
    smoothing: float
    dark: bool
    sizes: Mapping[str, int]
    n_points: int = MAX_POINTS  # of one curve at most

    @property
    def error_scale(self) -> bool:
        """Whether accuracy is spaced by its error."""
        return self.kind == "accuracy" and self.log_y


def part_of(name: str) -> str:
    """Which line of a chart a series is: "train", "val", "batch" or "l2"."""
    split, scalar = name.split("/")
    return "l2" if scalar == "l2" else split


@dataclass(frozen=True)
class Look:
    """How the line of one series looks. `owner` is the name of its run, where the chart shows more than one."""

    colour: str
    dash: str
    name: str
    owner: str = ""


def curve_traces(series: Mapping[str, Series], style: CurveStyle, *, ghost_name: str = "") -> list[Trace]:
    """The lines of one run; those of a ghost are dashed and share one entry in the legend."""
    colours = theme.palette(style.dark)
    drawn = [series[name] for name in _CURVES[style.kind] if name in series and _worth_drawing(series[name])]
    if ghost_name:
        drawn = [one for one in drawn if part_of(one.name) in ("train", "val")]
    traces = []
    for one in drawn:
        part = part_of(one.name)
        look = Look(colours.series[part], "dot" if part == "l2" else "solid", _NAMES[part])
        if ghost_name:
            name = literal(ghost_name)
            look = Look(theme.mix(look.colour, colours.ghost, 0.5), "dash", name, name)
        traces += _curve(one, style, look)
    return _one_entry(traces) if ghost_name else traces


@dataclass(frozen=True)
class Overlaid:
    """One of several runs in a chart: its name among them, its series, its colour's number, the unit of its loss."""

    name: str
    series: Mapping[str, Series]
    slot: int
    unit: str = Loss.unit


def run_colour(slot: int, dark: bool) -> str:
    """The colour of an overlaid run: one of the digits' ten, which can be told apart with colour blindness too."""
    return theme.palette(dark).digits[slot % 10]


def overlaid_traces(run: Overlaid, style: CurveStyle, splits: Collection[str]) -> list[Trace]:
    """The lines of one of several runs in its colour: validation solid, training dotted; one entry in the legend.

    From the eleventh run on the colours come again, and the lines of validation are dashed.
    """
    name, colour = literal(run.name), run_colour(run.slot, style.dark)
    dashes = {"train": "dot", "val": "solid" if run.slot < 10 else "dash"}
    traces = []
    for split, dash in dashes.items():
        one = run.series.get(f"{split}/{style.kind}")
        if split in splits and one is not None and len(one):
            traces += _curve(one, style, Look(colour, dash, name, name))
    return _one_entry(traces)


def measured(
    owner: str,
    series: Mapping[str, Series],
    style: CurveStyle,
    splits: Collection[str] = ("train", "val"),
    *,
    slot: int | None = None,
) -> list[Line]:
    """The curves of a run by which the axis of values is chosen: not the batches, which are noise around them.

    `owner` is the name of the run and `slot` the number of its colour, where the chart shows several.
    """
    lines = []
    for split in splits:
        one = series.get(f"{split}/{style.kind}")
        if one is not None and len(one):
            xs, values = _drawable(one, style)
            colour = theme.palette(style.dark).series[split] if slot is None else run_colour(slot, style.dark)
            name = f"{literal(owner)}, {_NAMES[split]}" if owner else _NAMES[split]
            lines.append(Line(owner, np.log10(xs) if style.log_x else xs, values, colour, name))
    return lines


def literal(name: str) -> str:
    """A user's own words, escaped: plotly would take some for HTML, and %{...} in a hover text for a variable."""
    return html.escape(name, quote=False).replace("%{", "%\u2060{")


def _one_entry(traces: list[Trace]) -> list[Trace]:
    """The same lines with one entry in the legend for all of them: that of the last."""
    for trace in traces:
        trace |= {"showlegend": trace is traces[-1]}
    return traces


def _worth_drawing(series: Series) -> bool:
    return len(series) > 0 and (part_of(series.name) != "l2" or bool(np.any(series.value)))


def _curve(series: Series, style: CurveStyle, look: Look) -> list[Trace]:
    """The line of one series; with smoothing it is faint, and a smoothed line lies over it."""
    part, colour = part_of(series.name), look.colour
    xs, values = _drawable(series, style)
    line: dict[str, Any] = {"color": colour, "width": 1.0 if part == "batch" else 2.0}
    line |= {} if look.dash == "solid" else {"dash": look.dash}
    common: Trace = {
        "type": "scatter",
        "mode": "lines" if len(values) > 20 else "lines+markers",
        "marker": {"size": 5},
        "cliponaxis": len(values) > 20,  # the very first point lies on the axis
        "legendgroup": look.owner or part,
        "name": look.name,
        "line": line,
    }
    smoothed = bool(style.smoothing) and part != "l2" and len(values) > 2
    opacity = (0.35 if part == "batch" else 1.0) * (0.3 if smoothed else 1.0)
    raw = {**common, **_points(*downsample(xs, values, style.n_points), style), "opacity": opacity}
    raw |= {"uid": _uid(look.owner, series.name), "hovertemplate": _hover(part, style, look.owner)}
    if part == "l2" and not style.log_y:
        raw |= {"fill": "tozeroy", "fillcolor": theme.translucent(colour, 0.15)}
    if not smoothed:
        return [raw]
    raw |= {"showlegend": False, "line": {**line, "width": 1.0}}
    over = {**common, **_points(*_smoothed(xs, values, style), style), "hoverinfo": "skip"}
    return [raw, over | {"uid": _uid(look.owner, series.name, "smoothed"), "opacity": 0.6 if part == "batch" else 1.0}]


def _uid(*parts: str) -> str:
    """The id by which plotly recognizes a line next time. It becomes a CSS class, so it holds no user's words."""
    return f"line-{zlib.crc32(' '.join(parts).encode()):08x}"


def _drawable(series: Series, style: CurveStyle) -> tuple[Array, Array]:
    """The points that can be drawn on these axes (a logarithm needs values above 0); accuracy in %."""
    xs, values = series.x(style.x), series.value
    keep = np.isfinite(values) & np.isfinite(xs)
    if style.log_x:
        keep &= xs > 0
    if style.log_y and style.kind == "loss":
        keep &= values > 0
    return xs[keep], values[keep] * (100.0 if style.kind == "accuracy" else 1.0)


def _points(xs: Array, values: Array, style: CurveStyle) -> Trace:
    """x and y in float32, which is finer than a screen. On the error scale y is the error in %."""
    xs, values = xs.astype(np.float32), values.astype(np.float32)
    if not style.error_scale:
        return {"x": xs, "y": values}
    return {"x": xs, "y": np.maximum(100 - values, np.float32(LEAST_ERROR)), "customdata": values}


def _hover(part: str, style: CurveStyle, owner: str) -> str:
    size = f", n={style.sizes[part]:,}" if part in style.sizes else ""
    whose = f"{owner}, " if owner else ""
    value = "%{y:.4f}" if style.kind == "loss" else "%{customdata:.2f} %" if style.error_scale else "%{y:.2f} %"
    return f"{whose}{_NAMES[part]}{size}: {value}<extra></extra>"


def _smoothed(xs: Array, values: Array, style: CurveStyle) -> tuple[Array, Array]:
    """The exponential moving average at no more than `n_points` points: each is the mean of a short stretch."""
    stretch = math.ceil(len(values) / style.n_points)
    starts = np.arange(0, len(values), stretch)
    means = np.add.reduceat(values, starts) / np.diff(np.append(starts, len(values)))
    ends = np.minimum(starts + stretch, len(values)) - 1
    return xs[ends], smooth(means, style.smoothing**stretch)


def describe_ends(series: Mapping[str, Series], kind: str) -> str:
    """One sentence with the newest value of each line."""
    ends = []
    for name in reversed(_CURVES[kind]):
        if name in series and len(series[name]) and part_of(name) != "batch":
            value = series[name].last
            ends.append(f"{_NAMES[part_of(name)]} " + (percent(value) if kind == "accuracy" else loss(value)))
    return f"Curves of {kind}: {', '.join(ends) or 'no point yet'}"
