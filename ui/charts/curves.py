"""Loss and accuracy of one run or of several, over steps, epochs, images, seconds or lr × step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import plotly.graph_objects as go

from nn_core.export.value_range import Line, accuracy_range, loss_range
from nn_core.instruments.events import Event
from nn_core.machine.numbers import loss, percent
from nn_core.training import Axis, Edit, Series
from ui.charts.curve_axes import (
    chance_line,
    cursor_line,
    edit_marks,
    event_marks,
    frame_places,
    live_range,
    placed,
    whole_axis,
    x_axis,
    y_axis,
)
from ui.charts.curve_traces import (
    MAX_POINTS,
    CurveStyle,
    Overlaid,
    curve_traces,
    describe_ends,
    measured,
    overlaid_traces,
)
from ui.charts.edge_marks import edge_marks
from ui.charts.figure import LEGEND, Trace, make_figure

MANY_RUNS = 8  # overlaid; the values of more at once would cover the curves


def curves(
    series: Mapping[str, Series],
    *,
    kind: Literal["loss", "accuracy"],
    x: Axis = "step",
    log_y: bool = False,
    log_x: bool = False,
    smoothing: float = 0.0,
    edits: Sequence[Edit] = (),
    events: Sequence[Event] = (),
    cursor: int | None = None,
    frames: Sequence[int] = (),
    ghost: Mapping[str, Series] | None = None,
    dark: bool = False,
    sizes: Mapping[str, int] | None = None,
    ghost_name: str = "ghost run",
) -> go.Figure:
    """Loss or accuracy (in %) against one of the axes.

    `smoothing` in [0, 1) lays a moving average over the faint raw line; `edits` are marked by thin vertical lines, the
    step `cursor` by a stronger one, `events` at the bottom; `frames` are the earlier steps that a drag leads back to;
    `ghost` is another run's series, drawn dashed; `sizes` is how many images "train" and "val" were scored on.
    The axis of values follows what matters, as nn_core/export/value_range.py says.
    On a log axis accuracy is spaced by its error, so that 99 % and 99.5 % stand as far apart as 50 % and 75 %.
    """
    style = CurveStyle(kind, x, log_x, log_y, smoothing, dark, sizes or {})
    series, ghost = placed(series, x, edits), placed(ghost or {}, x)
    traces = curve_traces(ghost, style, ghost_name=ghost_name) + curve_traces(series, style)
    reference = whole_axis(series) if edits or events or frames or cursor is not None else None
    marks, lines = edit_marks(edits, reference, style)
    verdicts, along = event_marks(events, reference, style)
    ahead = live_range(series, ghost, style)
    drawn = measured("", series, style) + measured(ghost_name, ghost, style)
    layout, beyond = _curve_layout(style, drawn, ahead["range"][1] if ahead else math.inf)
    layout["xaxis"] |= ahead
    layout["shapes"] = [*lines, *along, *layout["shapes"], *cursor_line(cursor, reference, style)]
    machine = frame_places(frames, reference, style)
    return make_figure([*traces, *marks, *verdicts, *beyond], layout, describe_ends(series, kind), machine=machine)


def overlay(
    runs: Sequence[Overlaid],
    *,
    kind: Literal["loss", "accuracy"],
    splits: Sequence[str] = ("val",),
    x: Axis = "step",
    log_y: bool = False,
    log_x: bool = False,
    smoothing: float = 0.0,
    dark: bool = False,
) -> go.Figure:
    """Loss or accuracy (in %) of several runs, a colour each: "val" solid, "train" dotted; the options of `curves`.

    Hover values say which run they are of; those of up to eight runs come all at once. The legend stands outside.
    Where losses are of different units, the title names them.
    """
    n_points = min(MAX_POINTS, max(100, 12 * MAX_POINTS // max(1, len(runs))))  # of many runs fewer each
    style = CurveStyle(kind, x, log_x, log_y, smoothing, dark, {}, n_points)
    runs = [replace(run, series=placed(run.series, x)) for run in runs]
    traces = [trace for run in runs for trace in overlaid_traces(run, style, splits)]
    lines = [line for run in runs for line in measured(run.name, run.series, style, splits, slot=run.slot)]
    layout, beyond = _curve_layout(style, lines)
    units = list(dict.fromkeys(run.unit for run in runs))
    if kind == "loss" and len(units) > 1:
        layout["title"]["text"] += f", in {' or '.join(units)}"
    layout |= {"showlegend": False, "hovermode": "x unified" if len(runs) <= MANY_RUNS else "closest"}
    words = [f"{run.name}: {describe_ends(run.series, kind).split(': ', 1)[1]}" for run in runs]
    return make_figure([*traces, *beyond], layout, f"Curves of {kind} of {len(runs)} runs. {'; '.join(words)}")


def _curve_layout(
    style: CurveStyle, lines: Sequence[Line], end: float = math.inf
) -> tuple[dict[str, Any], list[Trace]]:
    """Title, legend and axes of a chart of curves; in one of accuracy the line of chance. And the marks at its edge.

    `end` is the place on the x axis up to which the chart shows the curves.
    """
    shown = (
        accuracy_range(lines, end, log=style.log_y)
        if style.kind == "accuracy"
        else loss_range(lines, end, log=style.log_y)
    )
    layout: dict[str, Any] = {
        "title": {"text": _TITLES[style.kind, style.log_y]},
        "showlegend": True,
        "legend": {**LEGEND, "traceorder": "reversed"},
        "hovermode": "x unified",
        "hoverdistance": 40,
        "margin": {"l": 44, "r": 10, "t": 32, "b": 38},
        "xaxis": x_axis(style),
        "yaxis": y_axis(style, shown),
        "yaxis2": {"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True},
        "shapes": [],
    }
    if style.kind == "accuracy":
        line, text = chance_line(style)
        layout |= {"shapes": [line], "annotations": [text]}
    words = loss if style.kind == "loss" else _percent
    return layout, edge_marks(lines, shown, words, end, log_x=style.log_x) if shown else []


def _percent(value: float) -> str:
    return percent(value / 100)


_TITLES = {
    ("loss", False): "Loss",
    ("loss", True): "Loss (log)",
    ("accuracy", False): "Accuracy",
    ("accuracy", True): "Accuracy by its error (log)",
}
