"""One instrument over the course of a run: a line a layer, the edges of its bands, and a ghost dashed behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from nn_core.instruments.registry import LINE, WHOLE, Instrument, State
from nn_core.machine.memory import Array
from nn_core.training import Axis, Edit, Series, downsample
from ui.charts import theme
from ui.charts.curve_axes import axis_title, cursor_line, edit_marks, frame_places, placed, whole_axis, x_axis
from ui.charts.curve_traces import MAX_POINTS, CurveStyle
from ui.charts.figure import LEGEND, Trace, make_figure, seven_digits


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
    zones: Mapping[State, str] | None = None,
    n_points: int = MAX_POINTS,
) -> go.Figure:
    """Its values against one of the axes, out of all series of a run.

    `titles` names the layers; `edits`, `cursor` and `frames` are as in `ui.charts.curves.curves`; `ghost` is another
    run's series. The bands of an instrument that has a scale are drawn behind, with the `zones` (state -> words) in
    them; `n_points` is how many of one curve are sent at most. Values that are not finite, and on a logarithmic axis
    those that are not above 0, are left out.
    """
    style = CurveStyle("loss", x, False, each.log, 0.0, dark, {"train": 0, "val": 0}, n_points)
    series, ghost = placed(series, x, edits), placed(ghost or {}, x)
    mine, theirs = each.series(series), each.series(ghost)
    titles = each.titles(titles)
    layers = [layer for layer in dict.fromkeys((WHOLE, *titles)) if layer in {**theirs, **mine}]
    traces = [
        _curve(each, runs[layer], layer, layers, style, titles, is_ghost)
        for runs, is_ghost in ((theirs, True), (mine, False))
        for layer in layers
        if layer in runs
    ]
    reference = whole_axis(series)
    marks, lines = edit_marks(edits, reference, style)
    areas, words = _zones(each, zones, traces, style)
    layout: dict[str, Any] = {
        "showlegend": len(layers) > 1,
        "legend": {**LEGEND, "traceorder": "normal"},
        "hovermode": "x unified",
        "margin": {"l": 50, "r": 10, "t": 26 if len(layers) > 1 else 8, "b": 38},
        "xaxis": {**x_axis(style), "title": {"text": axis_title(x)}},
        "yaxis": {"uirevision": each.name, **_y_axis(each, traces)},
        "yaxis2": {"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True},
        "shapes": [*areas, *lines, *_edges(each, traces, style), *cursor_line(cursor, reference, style)],
        "annotations": words,
    }
    newest = [f"{titles.get(layer, 'network')} {each.format(mine[layer].last)}" for layer in layers if layer in mine]
    label = f"{each.label}: {', '.join(newest) or 'no value yet'}"
    return make_figure([*traces, *marks], layout, label, machine=frame_places(frames, reference, style))


def _y_axis(each: Instrument, traces: Sequence[Trace]) -> dict[str, Any]:
    if each.log:
        return {"type": "log", **_log_ticks(np.concatenate([trace["y"] for trace in traces] or [np.empty(0)]))}
    return {"ticksuffix": " %"} if each.unit == "share" else {}


def _log_ticks(values: Array) -> dict[str, Any]:
    """Few ticks, written out: 1, 2 and 5 times a power of ten, and powers alone where the values span many."""
    decades = float(np.log10(values.max() / values.min())) if values.size else 0.0
    if decades < 0.5:
        return {"nticks": 6, "tickformat": ",.3~r"}
    if decades < 3:
        return {"dtick": "D2", "tickformat": ",.1~r"}
    return {"dtick": max(1, round(decades / 4)), "exponentformat": "power"}


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
    xs, ys = downsample(one.x(style.x)[keep], values[keep], style.n_points)
    colours, at = theme.palette(style.dark), layers.index(layer)
    colour = colours.digits[at % 10] if len(layers) > 1 else colours.series["val"]
    name = titles.get(layer, each.label)
    if layer == LINE:
        colour = colours.text
    more: dict[str, Any] = {"dash": "dot"} if layer == LINE else {}
    if is_ghost:
        more = {"color": theme.mix(colour, colours.ghost, 0.5), "dash": "dash"}
    return {
        "type": "scatter",
        "mode": "lines" if len(xs) > 20 or layer == LINE else "lines+markers",
        "marker": {"size": 4},
        "x": seven_digits(xs),
        "y": seven_digits(ys),
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


def _zones(
    each: Instrument, words: Mapping[State, str] | None, traces: Sequence[Trace], style: CurveStyle
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Areas behind the curves, one a band of the scale, and the words in them."""
    if words is None or each.scale is None:
        return [], []
    drawn = np.concatenate([trace["y"] for trace in traces]) if traces else np.empty(0)
    top = max(each.scale[1], float(drawn.max(initial=0.0)) * 1.05)
    colours = theme.palette(style.dark)
    tints = {"fine": colours.series["l2"], "watch": colours.series["train"], "broken": colours.negative[2]}
    starts = [band for band in each.bands if band.start >= each.scale[0] and band.state in words]
    areas, texts, named = [], [], set()
    for band, end in zip(starts, [*(band.start for band in starts[1:]), top], strict=True):
        place = {"xref": "paper", "x0": 0, "x1": 1, "y0": band.start, "y1": end}
        fill = theme.translucent(tints[band.state], 0.13)
        areas.append({"type": "rect", **place, "fillcolor": fill, "line": {"width": 0}, "layer": "below"})
        if end - band.start > 0.1 * top and band.state not in named:
            named.add(band.state)
            at = {"xref": "paper", "x": 1, "xanchor": "right", "y": end, "yanchor": "top", "showarrow": False}
            ground = theme.translucent(colours.background, 0.75)
            texts.append({**at, "text": words[band.state], "borderpad": 2, "bgcolor": ground})
    return areas, texts
