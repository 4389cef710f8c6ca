"""The lines of a loss or accuracy chart, as plain dicts in plotly's terms; curves.py makes the figure of them."""

from __future__ import annotations

import html
import math
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from nn_core.machine.memory import Array
from nn_core.training.history import Axis, Series, downsample, smooth
from ui.charts import theme

Trace = dict[str, Any]

MAX_POINTS = 1000  # of one curve, sent to the browser
LEAST_ERROR = 0.01  # in %: where an accuracy of 100 % lies on the error scale, which has no zero

_CURVES: Mapping[str, tuple[str, ...]] = {  # drawn in this order, the most important on top
    "loss": ("batch/loss", "train/l2", "train/loss", "val/loss"),
    "accuracy": ("train/accuracy", "val/accuracy"),
}
_NAMES = {"train": "training", "val": "validation", "batch": "batches", "l2": "L2's part"}


class Edit(Protocol):
    """A setting changed while training: `step`, `setting`, `old` and `new`."""

    @property
    def step(self) -> int: ...
    @property
    def setting(self) -> str: ...
    @property
    def old(self) -> Any: ...
    @property
    def new(self) -> Any: ...


@dataclass(frozen=True)
class CurveStyle:
    """How the lines of one chart are drawn; see `ui.charts.figure.curves`."""

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
    """What a series is of: "train", "val", "batch" or "l2"."""
    split, scalar = name.split("/")
    return "l2" if scalar == "l2" else split


# ---------------------------------------------------------------------------------------------- lines


@dataclass(frozen=True)
class Look:
    """How the line of one series looks: its colour and dash, and the name in the legend; `owner` is another run's."""

    colour: str
    dash: str
    name: str
    owner: str = ""


def curve_traces(series: Mapping[str, Series], style: CurveStyle, *, ghost_name: str = "") -> list[Trace]:
    """The lines of one run, dashed and with one entry in the legend when it is a ghost."""
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
    """One of several runs in a chart: its name among them, its series, and the number of its colour."""

    name: str
    series: Mapping[str, Series]
    slot: int


def run_colour(slot: int, dark: bool) -> str:
    """The colour of an overlaid run: the ten colours of the digits in turn, which all kinds of sight tell apart."""
    return theme.palette(dark).digits[slot % 10]


def overlaid_traces(run: Overlaid, style: CurveStyle, splits: Collection[str]) -> list[Trace]:
    """The lines of one of several runs in its colour: validation solid, training dotted; one entry in the legend.

    The lines of validation of the eleventh run and those after it, whose colours come again, are dashed.
    """
    name, colour = literal(run.name), run_colour(run.slot, style.dark)
    dashes = {"train": "dot", "val": "solid" if run.slot < 10 else "dash"}
    traces = []
    for split, dash in dashes.items():
        one = run.series.get(f"{split}/{style.kind}")
        if split in splits and one is not None and len(one):
            traces += _curve(one, style, Look(colour, dash, name, name))
    return _one_entry(traces)


def literal(name: str) -> str:
    """A user's own words such that plotly shows them as they are: it reads some HTML, and %{...} in a hover text."""
    return html.escape(name, quote=False).replace("%{", "%\u2060{")


def _one_entry(traces: list[Trace]) -> list[Trace]:
    """The same lines, of which the last alone stands in the legend and stands there for all."""
    for trace in traces:
        trace |= {"showlegend": trace is traces[-1]}
    return traces


def _worth_drawing(series: Series) -> bool:
    return len(series) > 0 and (part_of(series.name) != "l2" or bool(np.any(series.value)))


def _curve(series: Series, style: CurveStyle, look: Look) -> list[Trace]:
    """The line of one series, faint and with a smoothed line above it when smoothing is asked for."""
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
    """What plotly knows a line by from one drawing to the next; it makes a CSS class of it, so no words of a user's."""
    return f"line-{zlib.crc32(' '.join(parts).encode()):08x}"


def _drawable(series: Series, style: CurveStyle) -> tuple[Array, Array]:
    """The points that have a place on the axes; accuracy in %."""
    xs, values = series.x(style.x), series.value
    keep = np.isfinite(values) & np.isfinite(xs)
    if style.log_x:
        keep &= xs > 0
    if style.log_y and style.kind == "loss":
        keep &= values > 0
    return xs[keep], values[keep] * (100.0 if style.kind == "accuracy" else 1.0)


def _points(xs: Array, values: Array, style: CurveStyle) -> Trace:
    """x and y as they are sent: float32 is more than a screen can show. On the error scale y is the error in %."""
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
    """An exponential moving average at no more than `n_points` points: that of the means of short stretches."""
    stretch = math.ceil(len(values) / style.n_points)
    starts = np.arange(0, len(values), stretch)
    means = np.add.reduceat(values, starts) / np.diff(np.append(starts, len(values)))
    ends = np.minimum(starts + stretch, len(values)) - 1
    return xs[ends], smooth(means, style.smoothing**stretch)


# ---------------------------------------------------------------------------------------------- axes

_X_TITLES = {"step": "step", "epoch": "epoch", "images": "images seen", "seconds": "seconds of training"}
_X_HOVER = {
    "step": "step %{x:,d}",
    "epoch": "epoch %{x:.2f}",
    "images": "%{x:,d} images seen",
    "seconds": "%{x:.1f} s",
}
_ERROR_TICKS = (90, 50, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1, LEAST_ERROR)
_Y_AXES: Mapping[tuple[str, bool], dict[str, Any]] = {
    ("loss", False): {"rangemode": "tozero"},
    ("loss", True): {"type": "log", "dtick": "D2", "exponentformat": "none"},
    ("accuracy", False): {"range": [0, 101], "ticksuffix": " %"},
    ("accuracy", True): {
        "type": "log",
        "autorange": "reversed",
        "tickvals": _ERROR_TICKS,
        "ticktext": [f"{100 - error:.5g} %" for error in _ERROR_TICKS],
    },
}


AHEAD = 1.25  # of its own length, what is shown of a longer ghost


def x_axis(style: CurveStyle) -> dict[str, Any]:
    """The axis of steps, epochs, images or seconds, and how many images the curves were scored on.

    A zoom is forgotten when it becomes another axis.
    """
    train, val = style.sizes["train"], style.sizes["val"]
    evidence = f"scored on n={val:,} each" if train == val else f"training n={train:,}, validation n={val:,}"
    return {
        "title": {"text": f"{_X_TITLES[style.x]} ({evidence})"},
        "type": "log" if style.log_x else "linear",
        "tickformat": ",.6~f",
        "unifiedhovertitle": {"text": _X_HOVER[style.x]},
        "rangemode": "nonnegative",
        "showgrid": False,
        "zeroline": False,
        "showline": True,
        "showspikes": True,
        "spikemode": "across",
        "uirevision": f"{style.x} {style.log_x}",
    }


def live_range(series: Mapping[str, Series], ghost: Mapping[str, Series], style: CurveStyle) -> dict[str, Any]:
    """Where the axis ends for a run whose ghost goes on far beyond it: a quarter after the newest point of the run.

    The ghost goes on beyond it, where zooming out finds it. Nothing where it does not go far, or the run has one point.
    """
    mine, theirs = ([float(np.max(one.x(style.x))) for one in runs.values() if len(one)] for runs in (series, ghost))
    end = AHEAD * max(mine, default=0.0)
    if not end or max(theirs, default=0.0) <= end or style.log_x:
        return {}
    return {"range": [0, end]}


def y_axis(style: CurveStyle) -> dict[str, Any]:
    """The axis of loss or accuracy."""
    return {**_Y_AXES[style.kind, style.log_y], "uirevision": f"{style.kind} {style.log_y}"}


# ---------------------------------------------------------------------------------------------- marks


def whole_axis(series: Mapping[str, Series]) -> Series | None:
    """The points of all series, ascending in step: they tell where a step lies on each axis. None without any."""
    points = [one.points for one in series.values() if len(one)]
    if not points:
        return None
    together = np.concatenate(points)
    return Series("all", together[np.argsort(together[:, 0], kind="stable")])


def edit_marks(
    edits: Sequence[Edit], reference: Series | None, style: CurveStyle
) -> tuple[list[Trace], list[dict[str, Any]]]:
    """Thin vertical lines where a setting was changed, and marks at their top that say what.

    `reference` is the series that tells where a step lies on the x axis. The marks live on the axis y2, from 0 to 1.
    """
    if not edits or reference is None or len(reference) == 0:
        return [], []
    colour = theme.palette(style.dark).muted
    at = np.interp([edit.step for edit in edits], reference.step, reference.x(style.x))
    numbered = zip(at.tolist(), enumerate(edits), strict=True)
    kept = [(place, number, edit) for place, (number, edit) in numbered if place > 0 or not style.log_x]
    marks = {
        "type": "scatter",
        "mode": "markers",
        "x": [place for place, _, _ in kept],
        "y": [1.0] * len(kept),
        "yaxis": "y2",
        "text": [edit_text(edit) for _, _, edit in kept],
        "customdata": [number for _, number, _ in kept],
        "hovertemplate": "%{text} (click the mark to undo it)<extra></extra>",
        "marker": {"symbol": "triangle-down", "size": 9, "color": colour},
        "cliponaxis": False,
        "showlegend": False,
        "name": "changed",
        "uid": "edits",
    }
    line = {"color": colour, "width": 1, "dash": "dot"}
    lines = [
        {"type": "line", "x0": place, "x1": place, "yref": "paper", "y0": 0, "y1": 1, "line": line, "layer": "below"}
        for place, _, _ in kept
    ]
    return [marks], lines


def edit_text(edit: Edit) -> str:
    """A change in one line: "step 512: lr 0.1 → 0.3"."""
    return f"step {edit.step:,}: {edit.setting} {_setting(edit.old)} → {_setting(edit.new)}"


def frame_places(frames: Sequence[int], reference: Series | None, style: CurveStyle) -> list[list[Any]]:
    """[step, place on the x axis] of each kept frame, and at last [None, place of now]: where a drag can lead."""
    if not frames or reference is None or len(reference) == 0 or style.log_x:
        return []
    xs = reference.x(style.x)
    places = np.interp(frames, reference.step, xs).round(4).tolist()
    return [*([step, place] for step, place in zip(frames, places, strict=True)), [None, float(xs[-1])]]


def cursor_line(step: int | None, reference: Series | None, style: CurveStyle) -> list[dict[str, Any]]:
    """A thin line at the step that is looked back at; none where that step has no place on the axis."""
    if step is None or reference is None or len(reference) == 0 or (style.log_x and step <= 0):
        return []
    at = float(np.interp(step, reference.step, reference.x(style.x)))
    line = {"color": theme.palette(style.dark).text, "width": 1}
    return [{"type": "line", "x0": at, "x1": at, "yref": "paper", "y0": 0, "y1": 1, "line": line, "name": "looked at"}]


def _setting(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def chance_line(style: CurveStyle) -> tuple[dict[str, Any], dict[str, Any]]:
    """The accuracy of guessing among ten digits: a line and its words."""
    y = 90.0 if style.error_scale else 10.0
    line = {"color": theme.palette(style.dark).muted, "width": 1, "dash": "dot"}
    shape = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": line, "layer": "below"}
    place = {"xref": "paper", "x": 1, "xanchor": "right", "y": math.log10(y) if style.error_scale else y}
    return shape, {**place, "yanchor": "bottom", "text": "chance, 10 %", "showarrow": False, "borderpad": 0}


def describe_ends(series: Mapping[str, Series], kind: str) -> str:
    """One sentence with the newest value of each line."""
    ends = []
    for name in reversed(_CURVES[kind]):
        if name in series and len(series[name]) and part_of(name) != "batch":
            value = series[name].last
            ends.append(
                f"{_NAMES[part_of(name)]} " + (f"{100 * value:.1f} %" if kind == "accuracy" else f"{value:.3g}")
            )
    return f"Curves of {kind}: {', '.join(ends) or 'no point yet'}"
