"""Pure functions from data to plotly figures. They say what is drawn; ui/live_plot.js adds font and page colours.

Every figure carries in `layout.meta`: `label`, a sentence for screen readers; walls and matrices also `aspect`, the
width over the height that keeps their shape, and walls `pixels`, the size of their picture.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from nn_core.history import Axis, Series
from ui import theme, tiles
from ui.curve_traces import (
    MAX_POINTS,
    CurveStyle,
    Edit,
    Overlaid,
    chance_line,
    cursor_line,
    curve_traces,
    describe_ends,
    edit_marks,
    live_range,
    overlaid_traces,
    whole_axis,
    x_axis,
    y_axis,
)
from ui.wall_traces import enlarged, outline, signed_bar, still, wall_parts

Array = npt.NDArray[Any]
Trace = dict[str, Any]

MANY_RUNS = 8  # overlaid; the values of more at once would cover the curves
DIGITS = tuple("0123456789")


def _figure(traces: Sequence[Trace], layout: Mapping[str, Any], label: str, **meta: Any) -> go.Figure:
    return go.Figure({"data": list(traces), "layout": {**layout, "meta": {"label": label, **meta}}})


def assembled(traces: Sequence[Trace], layout: Mapping[str, Any], label: str, **meta: Any) -> go.Figure:
    """A figure of parts that another module has built as plain dicts."""
    return _figure(traces, layout, label, **meta)


def _number(value: float) -> str:
    """Three significant digits, with a true minus sign."""
    return f"{value:.3g}".replace("-", "−")


def scale_ends(limit: float) -> list[str]:
    """What stands under a signed scale's colour bar: its ends and the zero between, or that alone."""
    if not limit:
        return ["", "all 0", ""]
    end = f"{limit:.2g}" if limit < 100 else f"{limit:,.0f}"
    return [f"−{end}", "0", f"+{end}"]


# ---------------------------------------------------------------------------------------------- curves


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
    ghost: Mapping[str, Series] | None = None,
    dark: bool = False,
    sizes: Mapping[str, int] | None = None,
    ghost_name: str = "ghost run",
) -> go.Figure:
    """Loss or accuracy (in %) against steps, epochs, images or seconds.

    `smoothing` in [0, 1) lays a moving average over the faint raw line; `edits` are marked by thin vertical lines, the
    step `cursor` by a stronger one; `ghost` is another run's series, drawn dashed; `sizes` is how many images "train"
    and "val" were scored on (5,000).
    On a log axis accuracy is spaced by its error, so that 99 % and 99.5 % stand as far apart as 50 % and 75 %.
    """
    sizes = {"train": 5000, "val": 5000, **(sizes or {})}
    style = CurveStyle(kind, x, log_x, log_y, smoothing, dark, sizes)
    traces = curve_traces(ghost or {}, style, ghost_name=ghost_name) + curve_traces(series, style)
    reference = whole_axis(series) if edits or cursor is not None else None
    marks, lines = edit_marks(edits, reference, style)
    layout = _curve_layout(style)
    layout["xaxis"] |= live_range(series, ghost or {}, style)
    layout["shapes"] = [*lines, *layout["shapes"], *cursor_line(cursor, reference, style)]
    return _figure([*traces, *marks], layout, describe_ends(series, kind))


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
    return _figure(traces, layout, f"Curves of {kind} of {len(runs)} runs. {'; '.join(words)}")


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


# ---------------------------------------------------------------------------------------------- walls of tiles


def tile_wall(
    weights: Array,
    *,
    order: Array | None = None,
    shared_scale: bool = True,
    columns: int | None = None,
    aspect: float = 2.5,
    dark: bool = False,
    labels: Sequence[str] | None = None,
    title: str = "",
    outgoing: Array | None = None,
    chosen: int | None = None,
    limit: float | None = None,
    what: str = "first-layer filters",
) -> go.Figure:
    """First-layer weights (side * side, n), 1 <= n <= 2048, as tiles on the signed scale; a click gives the unit as z.

    `order` lists the units to show, first to last; `labels` (n,) are hover texts by unit ("unit 7, norm 3.2").
    `outgoing` (n, n_out), the weights that leave each unit, stand as a strip under its tile, on a scale of their own.
    The unit `chosen` is framed. `limit` is the weight of full colour, as two walls on one scale want it.
    """
    order = np.arange(weights.shape[1]) if order is None else np.asarray(order)
    limit = (limit or float(tiles.weight_limits(weights, True)[0])) if shared_scale else 1.0
    wall = tiles.weight_wall(
        weights,
        outgoing=outgoing,
        order=order,
        shared_scale=shared_scale,
        columns=columns,
        aspect=aspect,
        dark=dark,
        limit=limit,
    )
    if labels is None:
        norms = np.linalg.norm(weights, axis=0)
        labels = [f"unit {unit}, norm {norm:.2f}" for unit, norm in enumerate(norms)]
    ends = scale_ends(limit) if shared_scale else ["−largest", "0", "+largest"]
    layout = {"title": {"text": title}, "margin": {"l": 2, "r": 2, "t": 34, "b": 2}}
    scale = f"colour scale {ends[2].replace('+', '±') or ends[1]}" if shared_scale else "each filter on its own scale"
    label = f"{len(order)} {what}, {scale}"
    heatmap, place = wall_parts(wall, order, [labels[int(unit)] for unit in order], chosen, theme.palette(dark).text)
    return _wall(wall, [heatmap, signed_bar(limit, ends, dark)], {**place, **layout}, label)


def _wall(wall: tiles.Wall, traces: Sequence[Trace], layout: Mapping[str, Any], label: str) -> go.Figure:
    height, width = wall.index.shape
    aspect = wall.columns / (wall.rows * wall.tile_aspect)
    return _figure(traces, layout, label, aspect=aspect, pixels=[width, height])


def filter_detail(weights: Array, *, limit: float, dark: bool = False, title: str = "") -> go.Figure:
    """One filter (side * side,) enlarged, on the signed scale from -limit to +limit, with each weight on hover."""
    side = math.isqrt(len(weights))
    image = np.asarray(weights, dtype=np.float32).reshape(side, side)
    limit = float(limit) or 1.0
    colours = {"zmin": -limit, "zmax": limit, "colorscale": theme.signed_scale(dark)}
    heatmap, layout = enlarged(image, colours, "%{z:.4f}", title, dark)
    bar = signed_bar(limit, scale_ends(limit), dark)
    label = f"The weights of one filter, from {_number(float(image.min()))} to {_number(float(image.max()))}"
    return _figure([heatmap, bar], layout, label, aspect=1.0)


def image_detail(image: Array, *, dark: bool = False, title: str = "") -> go.Figure:
    """One image uint8 (28, 28) enlarged, white ink on black, with each pixel's value on hover."""
    colours = {"zmin": 0, "zmax": 255, "colorscale": [[0, "#000000"], [1, "#ffffff"]]}
    heatmap, layout = enlarged(np.asarray(image, dtype=np.uint8), colours, "%{z} of 255", title, dark)
    label = f"An image enlarged, {np.count_nonzero(image)} of its {image.size} pixels inked. {title}".strip()
    return _figure([heatmap], layout, label, aspect=1.0)


def image_wall(
    images: Array,
    *,
    captions: Sequence[str],
    columns: int | None = None,
    aspect: float = 2.5,
    borders: Sequence[str | None] | None = None,
    title: str = "",
    numbers: Array | None = None,
    chosen: int | None = None,
) -> go.Figure:
    """Images uint8 (n, 28, 28) with `captions` (n,) as hover texts; a click gives the image's number as z.

    `numbers` (n,) are 0..n-1 unless given; the image whose number is `chosen` is framed.
    """
    wall = tiles.image_tiles(images, columns=columns, aspect=aspect, borders=borders)
    layout: dict[str, Any] = {"title": {"text": title}, "margin": {"l": 2, "r": 2, "t": 30, "b": 2}} if title else {}
    heatmap, place = wall_parts(wall, np.arange(len(images)) if numbers is None else numbers, captions, chosen)
    return _wall(wall, [heatmap], {**place, **layout}, f"A wall of {len(images)} images. {title}".strip())


# ---------------------------------------------------------------------------------------------- matrix


def confusion_matrix(
    counts: Array,
    *,
    normalize: bool = False,
    names: Sequence[str] = DIGITS,
    dark: bool = False,
    title: str = "",
    chosen: tuple[int, int] | None = None,
) -> go.Figure:
    """Counts (k, k) [true, read as], as numbers or as shares of each row; a click gives customdata [true, read as].

    What was read rightly is blue by its share of the row; errors are orange by theirs, on a scale stretched to the
    largest error, so that one in a hundred can be seen. The cell `chosen` [true, read as] is framed.
    """
    counts = np.asarray(counts, dtype=np.int64)
    n_rows = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(n_rows, 1)
    right = np.eye(len(counts), dtype=bool)
    worst = max(float(shares[~right].max(initial=0.0)), 0.02)
    colour = np.where(right, shares, -np.sqrt(shares / worst)) * np.where(right, 0.8, 0.72)
    number = (lambda i, j: f"{100 * shares[i, j]:.1f}") if normalize else (lambda i, j: str(counts[i, j]))
    cells = [(i, j) for i in range(len(counts)) for j in range(len(counts))]
    heatmap = {
        "type": "heatmap",
        "z": colour.round(4),
        "zmin": -1,
        "zmax": 1,
        "colorscale": theme.signed_scale(dark),
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
        "customdata": _square([[i, j] for i, j in cells]),
        "hovertext": _square([_sentence(counts, n_rows, names, i, j) for i, j in cells]),
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
    index = theme.signed_index(colour, 1.0)
    numbers = {
        "type": "scatter",
        "mode": "text",
        "x": [j for _, j in cells],
        "y": [i for i, _ in cells],
        "text": [number(i, j) for i, j in cells],  # plotly never again shows a text that was empty once: 0 is clear
        "textfont": {
            "color": [
                theme.ink_on(theme.signed_colours(dark)[index[i, j]]) if counts[i, j] else "rgba(0,0,0,0)"
                for i, j in cells
            ]
        },
        "hoverinfo": "skip",
        "showlegend": False,
    }
    total = int(counts.sum())
    ticks = {"tickvals": list(range(len(names))), "ticktext": list(names), "ticks": ""}
    heading = ", ".join(part for part in (title, f"n={total:,}", "% of each row" if normalize else "") if part)
    layout = {
        "title": {"text": heading},
        "xaxis": still(**ticks, title={"text": "read as"}, side="bottom", constrain="domain"),
        "yaxis": still(
            **ticks,
            title={"text": "true digit"},
            autorange="reversed",
            scaleanchor="x",
            scaleratio=0.72,
            constrain="domain",
        ),
        "shapes": [outline(chosen[1], chosen[0], theme.palette(dark).text)] if chosen else [],
        "margin": {"l": 44, "r": 4, "t": 30, "b": 40},
    }
    share = f"{100 * np.trace(counts) / total:.1f} % on the diagonal" if total else "empty"
    return _figure([heatmap, numbers], layout, f"Confusion matrix, {heading}: {share}", aspect=1 / 0.72)


def _square(cells: list[Any]) -> list[list[Any]]:
    side = math.isqrt(len(cells))
    return [cells[start : start + side] for start in range(0, len(cells), side)]


def _sentence(counts: Array, n_rows: Array, names: Sequence[str], i: int, j: int) -> str:
    count, n = int(counts[i, j]), int(n_rows[i, 0])
    share = f" ({100 * count / n:.1f} %)" if n else ""
    return f"{count:,} of {n:,} images of {names[i]} read as {names[j]}{share}"


# ---------------------------------------------------------------------------------------------- bars


def probability_bars(
    probabilities: Array,
    *,
    names: Sequence[str] = DIGITS,
    dark: bool = False,
    highlight: int | None = None,
    title: str = "",
) -> go.Figure:
    """Ten probabilities as horizontal bars on a fixed axis; `highlight` (else the likeliest) in full colour."""
    p = np.asarray(probabilities, dtype=np.float64)
    top = int(p.argmax()) if highlight is None else highlight
    colours = theme.palette(dark)
    fills = [
        colours.digits[at % 10] if at == top else theme.mix(colours.digits[at % 10], colours.background, 0.45)
        for at in range(len(p))
    ]
    texts = [f"<b>{100 * share:.1f} %</b>" if at == top else f"{100 * share:.1f} %" for at, share in enumerate(p)]
    bars = {
        "type": "bar",
        "orientation": "h",
        "y": list(names),
        "x": p,
        "marker": {"color": fills},
        "text": texts,
        "textposition": "outside",
        "cliponaxis": False,
        "hovertemplate": "%{y}: %{x:.3p}<extra></extra>",
    }
    layout = {
        "title": {"text": title},
        "xaxis": still(range=[0, 1.16], showticklabels=False),
        "yaxis": still(type="category", autorange="reversed", dtick=1, ticks=""),
        "bargap": 0.22,
        "margin": {"l": 24, "r": 4, "t": 30 if title else 4, "b": 4},
    }
    return _figure([bars], layout, f"Read as {names[top]} with {100 * p[top]:.1f} %")


def count_bars(
    counts: Array, *, names: Sequence[str] = DIGITS, dark: bool = False, title: str = "", highlight: int | None = None
) -> go.Figure:
    """How many images each class has, one colour a class; a click gives the class as point."""
    counts = np.asarray(counts)
    colours = theme.palette(dark)
    bars = {
        "type": "bar",
        "x": list(names),
        "y": counts,
        "marker": {
            "color": [colours.digits[at % 10] for at in range(len(counts))],
            "opacity": [1.0 if highlight in (None, at) else 0.4 for at in range(len(counts))],
        },
        "text": [f"{count:,}" for count in counts.tolist()],
        "textposition": "outside",
        "cliponaxis": False,
        "hovertemplate": "%{x}: %{y:,} images<extra></extra>",
    }
    layout = {
        "title": {"text": title},
        "xaxis": still(type="category", dtick=1, ticks=""),
        "yaxis": still(visible=False, range=[0, 1.12 * max(1, int(counts.max(initial=0)))]),
        "bargap": 0.2,
        "margin": {"l": 4, "r": 4, "t": 34 if title else 8, "b": 24},
    }
    return _figure([bars], layout, f"{int(counts.sum()):,} images in {len(counts)} classes")
