"""One instrument over the course of a run: a line a layer, the edges of its bands, and a ghost dashed behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from nn_core.instruments.registry import WHOLE, Instrument
from nn_core.training import Axis, Edit, Series, downsample
from ui.charts import theme
from ui.charts.curve_axes import axis_title, cursor_line, edit_marks, frame_places, placed, whole_axis, x_axis
from ui.charts.curve_traces import MAX_POINTS, CurveStyle
from ui.charts.figure import Trace, make_figure


def instrument_curves(
    each: Instrument,
    series: Mapping[str, Series],
    *,
    titles: Mapping[str, str],
    x: Axis = "step",
    edits: Sequence[Edit] = (),
    cursor: int | None = None,
    frames: Sequence[int] = (),
    ghost: Mapping[str, Series] | None = None,
    dark: bool = False,
) -> go.Figure:
    """Its values against one of the axes, out of all series of a run.

    `titles` names the layers; `edits`, `cursor` and `frames` are as in `ui.charts.curves.curves`; `ghost` is another
    run's series. Values that are not finite, and on a logarithmic axis those that are not above 0, are left out.
    """
    style = CurveStyle("loss", x, False, each.log, 0.0, dark, {"train": 0, "val": 0})
    series, ghost = placed(series, x, edits), placed(ghost or {}, x)
    mine, theirs = each.series(series), each.series(ghost)
    layers = [layer for layer in (WHOLE, *titles) if layer in {**theirs, **mine}]
    traces = [
        _curve(each, runs[layer], layer, layers, style, titles, is_ghost)
        for runs, is_ghost in ((theirs, True), (mine, False))
        for layer in layers
        if layer in runs
    ]
    reference = whole_axis(series)
    marks, lines = edit_marks(edits, reference, style)
    layout: dict[str, Any] = {
        "showlegend": len(layers) > 1,
        "legend": {"orientation": "h", "x": 1, "xref": "container", "xanchor": "right", "y": 1, "yref": "container"},
        "hovermode": "x unified",
        "margin": {"l": 50, "r": 10, "t": 26 if len(layers) > 1 else 8, "b": 38},
        "xaxis": {**x_axis(style), "title": {"text": axis_title(x)}},
        "yaxis": {"uirevision": each.name, **_y_axis(each)},
        "yaxis2": {"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True},
        "shapes": [*lines, *_edges(each, traces, style), *cursor_line(cursor, reference, style)],
    }
    newest = [f"{titles.get(layer, 'network')} {each.format(one.last)}" for layer, one in mine.items()]
    label = f"{each.label}: {', '.join(newest) or 'no value yet'}"
    return make_figure([*traces, *marks], layout, label, machine=frame_places(frames, reference, style))


def _y_axis(each: Instrument) -> dict[str, Any]:
    if each.log:
        return {"type": "log", "exponentformat": "power", "nticks": 6}
    return {"ticksuffix": " %"} if each.unit == "share" else {}


def _curve(
    each: Instrument,
    one: Series,
    layer: str,
    layers: Sequence[str],
    style: CurveStyle,
    titles: Mapping[str, str],
    is_ghost: bool,
) -> Trace:
    values = one.value * (100 if each.unit == "share" else 1)
    keep = np.isfinite(values) & (values > 0 if each.log else True)
    xs, ys = downsample(one.x(style.x)[keep], values[keep], MAX_POINTS)
    colours, at = theme.palette(style.dark), layers.index(layer)
    colour = colours.digits[at % 10] if len(layers) > 1 else colours.series["val"]
    name = titles.get(layer, each.label)
    more: dict[str, Any] = {"color": theme.mix(colour, colours.ghost, 0.5), "dash": "dash"} if is_ghost else {}
    return {
        "type": "scatter",
        "mode": "lines" if len(xs) > 20 else "lines+markers",
        "marker": {"size": 4},
        "x": xs.astype(np.float32),
        "y": ys.astype(np.float32),
        "name": f"ghost, {name}" if is_ghost else name,
        "showlegend": not is_ghost,
        "uid": f"{each.name}-{at}-{'ghost' if is_ghost else 'run'}",
        "line": {"color": colour, "width": 1.8, **more},
        "hovertemplate": f"{'ghost, ' if is_ghost else ''}{name}: %{{y:.3g}}<extra></extra>",
    }


def _edges(each: Instrument, traces: Sequence[Trace], style: CurveStyle) -> list[dict[str, Any]]:
    """Dotted lines where a band begins, as far as they lie among the values: farther ones would flatten the curves."""
    drawn = np.concatenate([trace["y"] for trace in traces]) if traces else np.empty(0)
    if each.relative or not len(drawn):
        return []
    factor = 100 if each.unit == "share" else 1
    edges = [factor * band.start for band in each.bands if np.isfinite(band.start) and band.start > 0]
    near = [edge for edge in edges if drawn.min() / 3 <= edge <= max(3 * drawn.max(), 1.0 if each.scale else 0.0)]
    line = {"color": theme.palette(style.dark).muted, "width": 1, "dash": "dot"}
    return [
        {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": edge, "y1": edge, "line": line, "layer": "below"}
        for edge in near
    ]
