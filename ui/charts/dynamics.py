"""Heat maps over the course of a run: the accuracy of each class, and histograms of each layer; singular values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from nn_core.instruments.measures.histograms import Histogram, common_edges
from nn_core.instruments.registry import INSTRUMENTS
from nn_core.machine.memory import Array
from nn_core.machine.numbers import percent
from nn_core.training import Axis, Edit, Frame, Series
from ui.charts import theme
from ui.charts.curve_axes import axis_title, cursor_line, frame_places, placed, whole_axis, x_axis
from ui.charts.curve_traces import CurveStyle
from ui.charts.figure import Trace, make_figure

MOST_COLUMNS = 120  # of a heat map
BINS = 48
TICKS = (0.0, 0.5, 0.8, 0.95, 1.0)  # of the scale of colours
LEARNED = 0.8  # an accuracy from which on a class counts as learned


def _style(x: Axis, dark: bool) -> CurveStyle:
    return CurveStyle("loss", x, False, False, 0.0, dark, {"train": 0, "val": 0})


def _scale(dark: bool) -> list[list[Any]]:
    """From the page's own colour to the strongest blue."""
    colours = theme.palette(dark)
    stops = (colours.background, *colours.positive)
    return [[at / (len(stops) - 1), stop] for at, stop in enumerate(stops)]


def _axes(style: CurveStyle) -> dict[str, Any]:
    return {
        "xaxis": {**x_axis(style), "title": {"text": axis_title(style.x)}, "showspikes": False},
        "showlegend": False,
        "hovermode": "closest",
    }


# ---------------------------------------------------------------------------------------------- classes


def class_strip(
    series: Mapping[str, Series],
    *,
    names: Sequence[str],
    order: Sequence[int],
    x: Axis,
    cursor: int | None = None,
    frames: Sequence[int] = (),
    edits: Sequence[Edit] = (),
    ghost: Mapping[str, Series] | None = None,
    dark: bool = False,
) -> go.Figure:
    """The accuracy of each class as a row of colours, in the `order` given (from the top), against one of the axes.

    `series` and `ghost` are all those of a run, among them those of some class. A mark stands where a class begins to
    stay at 80 %, a hollow one where the ghost's does.
    """
    style, each = _style(x, dark), INSTRUMENTS["class_accuracy"]
    everything = placed(series, x, edits)
    own, theirs = each.series(everything), each.series(placed(ghost or {}, x))
    longest = max(own.values(), key=len)
    columns = np.unique(np.linspace(0, len(longest) - 1, min(len(longest), MOST_COLUMNS)).round().astype(int))
    at_step, places = longest.step[columns], longest.x(x)[columns]
    rows = [own.get(str(label)) for label in order]
    nothing = np.full(len(columns), np.nan)
    shares = [nothing if one is None else one.value[_newest_at(one, at_step)] for one in rows]
    labels = [names[label] for label in order]
    words = [
        [f"{name} at step {step:,.0f}: {percent(share)} read right" for step, share in zip(at_step, row, strict=True)]
        for name, row in zip(labels, shares, strict=True)
    ]
    colours = theme.palette(dark)
    heat: Trace = {
        **{"type": "heatmap", "x": places, "y": list(range(len(order))), "z": [_depth(row).round(2) for row in shares]},
        **{"zmin": 0, "zmax": 1, "colorscale": _scale(dark)},
        "colorbar": _bar([percent(share) for share in TICKS], _depth(np.array(TICKS)).tolist()),
        "text": words,
        "hovertemplate": "%{text}<extra></extra>",
    }
    marks = [
        _learned_marks(runs, order, x, symbol, name, colours.negative[2])
        for runs, symbol, name in ((theirs, "circle-open", "ghost learned"), (own, "circle", "learned"))
    ]
    reference = whole_axis(everything)
    layout: dict[str, Any] = {
        **_axes(style),
        "margin": {"l": 34, "r": 60, "t": 8, "b": 38},
        "yaxis": {
            **{"tickvals": list(range(len(order))), "ticktext": labels, "range": [len(order) - 0.5, -0.5]},
            **{"fixedrange": True, "showgrid": False, "zeroline": False},
        },
        "shapes": cursor_line(cursor, reference, style),
    }
    newest = [f"{names[label]} {percent(one.last)}" for label, one in zip(order, rows, strict=True) if one is not None]
    machine = frame_places(frames, reference, style)
    return make_figure([heat, *marks], layout, f"Accuracy by class: {', '.join(newest)}", machine=machine)


def _newest_at(one: Series, steps: Array) -> Array:
    """The places of the newest points at or before some steps; of those before the first, the first."""
    return np.maximum(np.searchsorted(one.step, steps, side="right") - 1, 0)


def _depth(shares: Array) -> Array:
    """How deep a share is coloured: by the root of the error, so that 98 % and 99 % are told apart too."""
    return np.asarray(1 - np.sqrt(1 - shares))


def learned_from(one: Series) -> int | None:
    """The place of the point from which on a class stays at 80 %; None where it does not."""
    below = np.flatnonzero(one.value < LEARNED)
    first = int(below[-1]) + 1 if len(below) else 0
    return first if first < len(one) else None


def _learned_marks(
    series: Mapping[str, Series], order: Sequence[int], x: Axis, symbol: str, name: str, colour: str
) -> Trace:
    found = [
        (float(one.x(x)[place]), row, float(one.step[place]))
        for row, label in enumerate(order)
        if (one := series.get(str(label))) is not None and (place := learned_from(one)) is not None
    ]
    return {
        **{"type": "scatter", "mode": "markers", "name": name, "uid": name},
        **{"x": [at for at, _, _ in found], "y": [row for _, row, _ in found]},
        "customdata": [step for _, _, step in found],
        "marker": {"symbol": symbol, "size": 8, "color": colour, "line": {"width": 1.5, "color": colour}},
        "hovertemplate": f"{name}: at or above 80 % from step %{{customdata:,.0f}} on<extra></extra>",
    }


def _bar(words: Sequence[str], places: Sequence[float]) -> dict[str, Any]:
    return {"thickness": 8, "outlinewidth": 0, "xpad": 6, "tickvals": list(places), "ticktext": list(words)}


# ---------------------------------------------------------------------------------------------- histograms


def histogram_maps(
    found: Sequence[tuple[Frame, Mapping[str, Histogram]]],
    series: Mapping[str, Series],
    *,
    titles: Mapping[str, str],
    what: str,
    x: Axis,
    cursor: int | None = None,
    edits: Sequence[Edit] = (),
    dark: bool = False,
) -> go.Figure:
    """A heat map a layer: a column for each frame, its histogram from bottom to top; a click gives the step.

    `found` are frames, ascending, with the histograms of their layers; `what` is what is counted. Colour is the share
    of the values in a bin, by its square root, beside the largest share of the column.
    """
    style, layers = _style(x, dark), [layer for layer in titles if any(layer in of for _, of in found)]
    traces, layout = [], _axes(style)
    reference = whole_axis(placed(series, x, edits))
    gap, n = 0.16 / max(1, len(layers)), max(1, len(layers))
    for row, layer in enumerate(layers):
        top = 1 - row * (1 + gap) / n if n > 1 else 1.0
        name = "" if row == 0 else str(row + 1)
        of_layer = [(frame, of[layer]) for frame, of in found if layer in of]
        traces.append(_heat(of_layer, titles[layer], style, f"y{name}", reference))
        layout[f"yaxis{name}"] = {
            **{"domain": [max(0.0, top - (1 - gap * (n - 1)) / n), top], "anchor": "x", "showgrid": False},
            **{"title": {"text": titles[layer], "standoff": 4}, "nticks": 4, "tickformat": "~g", "zeroline": False},
            "uirevision": f"{what} {layer}",
        }
    layout |= {
        "margin": {"l": 62, "r": 10, "t": 8, "b": 38},
        "shapes": cursor_line(cursor, reference, style),
    }
    layout["xaxis"] |= {"anchor": f"y{len(layers)}" if len(layers) > 1 else "y"}
    label = f"Histograms of {what} of {len(layers)} layers at {len(found)} steps"
    return make_figure(traces, layout, label)


def _place(frame: Frame, x: Axis, reference: Series | None) -> float:
    """Where a frame lies on an axis."""
    if x == "lr_step":
        return 0.0 if reference is None else float(np.interp(frame.step, reference.step, reference.x(x)))
    return float({"step": frame.step, "epoch": frame.epoch, "images": frame.images_seen, "seconds": frame.seconds}[x])


def _heat(
    of_layer: Sequence[tuple[Frame, Histogram]], title: str, style: CurveStyle, axis: str, reference: Series | None
) -> Trace:
    edges = common_edges([each for _, each in of_layer], BINS)
    shares = np.array([each.shares(edges) for _, each in of_layer])  # (n_frames, BINS)
    depth = np.sqrt(shares / np.maximum(shares.max(axis=1, keepdims=True), 1e-12))
    return {
        **{"type": "heatmap", "yaxis": axis, "uid": f"histogram-{axis}", "showscale": False},
        "x": [round(_place(frame, style.x, reference), 4) for frame, _ in of_layer],
        "y": np.round((edges[1:] + edges[:-1]) / 2, 9),
        "z": (100 * depth.T).round().astype(int),
        **{"zmin": 0, "zmax": 100, "colorscale": _scale(style.dark)},
        "customdata": [[frame.step for frame, _ in of_layer]] * BINS,
        "hovertemplate": f"{title}, step %{{customdata:,d}}: around %{{y:.3g}}"
        "<br>click: look back at this step<extra></extra>",
    }


# ---------------------------------------------------------------------------------------------- singular values


def singular_chart(singular: Array, edge: float | None, *, what: str, dark: bool = False) -> go.Figure:
    """Singular values (k,), descending, as points over their number; `edge` is the largest that chance would give."""
    colours = theme.palette(dark)
    above = np.zeros(len(singular), bool) if edge is None else singular > 1.05 * edge
    points: Trace = {
        **{"type": "scatter", "mode": "markers", "x": np.arange(1, len(singular) + 1), "y": singular.round(5)},
        "marker": {"size": 6, "color": [colours.series["train"] if each else colours.series["val"] for each in above]},
        "hovertemplate": "number %{x}: %{y:.4g}<extra></extra>",
    }
    layout: dict[str, Any] = {
        "title": {"text": what},
        **{"showlegend": False, "margin": {"l": 48, "r": 10, "t": 30, "b": 38}},
        "xaxis": {"title": {"text": "number, the largest first"}, "showgrid": False, "zeroline": False},
        "yaxis": {"rangemode": "tozero", "uirevision": what},
    }
    if edge is not None:
        line = {"color": colours.text, "width": 1, "dash": "dot"}
        layout["shapes"] = [{"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": edge, "y1": edge, "line": line}]
        at = {"xref": "paper", "x": 1, "xanchor": "right", "y": edge, "yanchor": "bottom"}
        layout["annotations"] = [{**at, "text": "the largest by chance", "showarrow": False, "borderpad": 1}]
    beyond = "" if edge is None else f", {int(above.sum())} of them beyond chance"
    return make_figure([points], layout, f"{what}: {len(singular)} values{beyond}")
