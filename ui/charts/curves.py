"""Loss and accuracy of one run or of several, over steps, epochs, images or seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import plotly.graph_objects as go

from nn_core.training import Axis, Series
from ui.charts.curve_axes import (
    Edit,
    chance_line,
    cursor_line,
    edit_marks,
    frame_places,
    live_range,
    whole_axis,
    x_axis,
    y_axis,
)
from ui.charts.curve_traces import MAX_POINTS, CurveStyle, Overlaid, curve_traces, describe_ends, overlaid_traces
from ui.charts.figure import make_figure

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
    cursor: int | None = None,
    frames: Sequence[int] = (),
    ghost: Mapping[str, Series] | None = None,
    dark: bool = False,
    sizes: Mapping[str, int] | None = None,
    ghost_name: str = "ghost run",
) -> go.Figure:
    """Loss or accuracy (in %) against steps, epochs, images or seconds.

    `smoothing` in [0, 1) lays a moving average over the faint raw line; `edits` are marked by thin vertical lines, the
    step `cursor` by a stronger one; `frames` are the earlier steps that a drag leads back to; `ghost` is another run's
    series, drawn dashed; `sizes` is how many images "train" and "val" were scored on (5,000).
    On a log axis accuracy is spaced by its error, so that 99 % and 99.5 % stand as far apart as 50 % and 75 %.
    """
    sizes = {"train": 5000, "val": 5000, **(sizes or {})}
    style = CurveStyle(kind, x, log_x, log_y, smoothing, dark, sizes)
    traces = curve_traces(ghost or {}, style, ghost_name=ghost_name) + curve_traces(series, style)
    reference = whole_axis(series) if edits or frames or cursor is not None else None
    marks, lines = edit_marks(edits, reference, style)
    layout = _curve_layout(style)
    layout["xaxis"] |= live_range(series, ghost or {}, style)
    layout["shapes"] = [*lines, *layout["shapes"], *cursor_line(cursor, reference, style)]
    machine = frame_places(frames, reference, style)
    return make_figure([*traces, *marks], layout, describe_ends(series, kind), machine=machine)


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
    """
    n_points = min(MAX_POINTS, max(100, 12 * MAX_POINTS // max(1, len(runs))))  # of many runs fewer each
    style = CurveStyle(kind, x, log_x, log_y, smoothing, dark, {"train": 5000, "val": 5000}, n_points)
    traces = [trace for run in runs for trace in overlaid_traces(run, style, splits)]
    layout = {**_curve_layout(style), "showlegend": False}
    layout |= {"hovermode": "x unified" if len(runs) <= MANY_RUNS else "closest"}
    words = [f"{run.name}: {describe_ends(run.series, kind).split(': ', 1)[1]}" for run in runs]
    return make_figure(traces, layout, f"Curves of {kind} of {len(runs)} runs. {'; '.join(words)}")


def _curve_layout(style: CurveStyle) -> dict[str, Any]:
    """Title, legend and axes of a chart of curves; in one of accuracy the line of chance."""
    layout: dict[str, Any] = {
        "title": {"text": "Loss" if style.kind == "loss" else "Accuracy"},
        "showlegend": True,
        "legend": {**_LEGEND, "traceorder": "reversed"},
        "hovermode": "x unified",
        "hoverdistance": 40,
        "margin": {"l": 44, "r": 10, "t": 32, "b": 38},
        "xaxis": x_axis(style),
        "yaxis": y_axis(style),
        "yaxis2": {"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True},
        "shapes": [],
    }
    if style.kind == "accuracy":
        line, text = chance_line(style)
        layout |= {"shapes": [line], "annotations": [text]}
    return layout


_LEGEND = {
    "orientation": "h",
    **{"x": 1, "xref": "container", "xanchor": "right"},
    **{"y": 1, "yref": "container", "yanchor": "top"},
}
