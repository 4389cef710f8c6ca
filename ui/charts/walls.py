"""Many small pictures on one wall, and one of them enlarged: filters on the signed scale, images in grey."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from nn_core.machine.memory import Array
from ui.charts import theme, tiles
from ui.charts.figure import Trace, make_figure, scale_ends, short_number
from ui.charts.wall_traces import enlarged, outline, signed_bar, wall_parts


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
        labels = [f"unit {unit:,}, norm {norm:.2f}" for unit, norm in enumerate(norms)]
    ends = scale_ends(limit) if shared_scale else ["−largest", "0", "+largest"]
    layout = {"title": {"text": title}, "margin": {"l": 2, "r": 2, "t": 34, "b": 2}}
    scale = f"colour scale {ends[2].replace('+', '±') or ends[1]}" if shared_scale else "each filter on its own scale"
    label = f"{len(order):,} {what}, {scale}"
    heatmap, place = wall_parts(wall, order, [labels[int(unit)] for unit in order], chosen, theme.palette(dark).text)
    place["shapes"] = [*_pale_frames(wall, theme.palette(dark).rule), *place["shapes"]]
    return _wall(wall, [heatmap, signed_bar(limit, ends, dark)], {**place, **layout}, label)


PALE, MOST_FRAMES = 6, 128  # rows of the colour table around the neutral one; so many tiles are framed at most


def _pale_frames(wall: tiles.Wall, colour: str) -> list[Trace]:
    """A thin frame around each tile that is hardly told from the page: its weights are 0, or next to it."""
    height, width = wall.index.shape
    cells = wall.index.reshape(wall.rows, height // wall.rows, wall.columns, width // wall.columns).astype(int)
    is_pale = ((np.abs(cells - theme.ZERO) <= PALE) | (cells == tiles.CLEAR)).all(axis=(1, 3)).ravel()[: wall.n]
    pale = np.flatnonzero(is_pale)
    line = {"line": {"color": colour, "width": 1}}
    return [outline(at % wall.columns, at // wall.columns, colour) | line for at in pale[:MOST_FRAMES].tolist()]


def _wall(wall: tiles.Wall, traces: Sequence[Trace], layout: Mapping[str, Any], label: str) -> go.Figure:
    height, width = wall.index.shape
    aspect = wall.columns / (wall.rows * wall.tile_aspect)
    return make_figure(traces, layout, label, aspect=aspect, pixels=[width, height])


def filter_detail(weights: Array, *, limit: float, dark: bool = False, title: str = "") -> go.Figure:
    """One filter (side * side,) enlarged, on the signed scale from -limit to +limit, with each weight on hover."""
    side = math.isqrt(len(weights))
    image = np.asarray(weights, dtype=np.float32).reshape(side, side)
    limit = float(limit) or 1.0
    colours = {"zmin": -limit, "zmax": limit, "colorscale": theme.signed_scale(dark)}
    heatmap, layout = enlarged(image, colours, "%{z:.4f}", title, dark)
    bar = signed_bar(limit, scale_ends(limit), dark)
    label = f"The weights of one filter, from {short_number(float(image.min()))} to {short_number(float(image.max()))}"
    return make_figure([heatmap, bar], layout, label, aspect=1.0)


def image_detail(image: Array, *, dark: bool = False, title: str = "") -> go.Figure:
    """One image uint8 (28, 28) enlarged, white ink on black, with each pixel's value on hover."""
    colours = {"zmin": 0, "zmax": 255, "colorscale": [[0, "#000000"], [1, "#ffffff"]]}
    heatmap, layout = enlarged(np.asarray(image, dtype=np.uint8), colours, "%{z} of 255", title, dark)
    label = f"An image enlarged, {np.count_nonzero(image)} of its {image.size} pixels inked. {title}".strip()
    return make_figure([heatmap], layout, label, aspect=1.0)


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
