"""The arrays of a training step as pictures whose values are read on hover, and what becomes of one weight's loss."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nn_core.data.dataset import SIDE
from nn_core.explain.walkthrough.trials import Check, Moved
from nn_core.machine.memory import Array
from ui.charts import theme
from ui.charts.figure import make_figure, scale_ends, short_number
from ui.charts.wall_traces import outline, signed_bar, still

MOST_CELLS = 30_000  # that are sent; of more, the columns around the chosen one
Place = tuple[int, ...]


class Laid:
    """An array laid out on a plane (rows, columns), and which of its values lies where."""

    def __init__(self, values: Array, chosen: Place | None = None) -> None:
        self.shape = values.shape
        at = np.arange(values.size).reshape(values.shape)
        plane = _plane(at)
        self.first = 0
        if plane.size > MOST_CELLS:
            width = max(1, MOST_CELLS // len(plane))
            middle = int(np.argwhere(plane == self._number(chosen))[0][1]) if chosen else 0
            self.first = max(0, min(middle - width // 2, plane.shape[1] - width))
            plane = plane[:, self.first : self.first + width]
        self.at = plane
        self.z = values.reshape(-1)[plane]

    def _number(self, index: Place) -> int:
        return int(np.ravel_multi_index(index, self.shape))

    def index(self, row: int, column: int) -> Place:
        """Which value of the array lies there."""
        return tuple(int(i) for i in np.unravel_index(int(self.at[row, column]), self.shape))

    def place(self, index: Place) -> tuple[int, int] | None:
        """Where a value lies: (row, column); None where it is not shown."""
        found = np.argwhere(self.at == self._number(index))
        return (int(found[0][0]), int(found[0][1])) if len(found) else None


def _plane(at: Array) -> Array:
    """Images side by side; the maps of one image in a few rows, of several in a row for each; kernels by map made."""
    if at.ndim == 1:
        return at[None]
    if at.ndim == 2 and at.shape[1] == SIDE * SIDE:
        return np.concatenate(at.reshape(len(at), SIDE, SIDE), axis=1)
    if at.ndim == 2:
        return at
    if at.shape[1] == 1:  # one channel: its images or kernels side by side
        at = at.swapaxes(0, 1)
    if len(at) == 1:
        n = at.shape[1]
        columns = next(c for c in range(min(n, math.ceil(math.sqrt(2 * n))), n + 1) if n % c == 0)  # whole rows
        at = at.reshape(n // columns, columns, *at.shape[2:])
    return np.concatenate([np.concatenate(row, axis=1) for row in at], axis=0)


def array_picture(values: Array, *, chosen: Place | None = None, dark: bool, title: str) -> tuple[Any, Laid]:
    """A picture on the signed scale, the chosen value framed; and how the array is laid out on it."""
    laid = Laid(values, chosen)
    rows, columns = laid.z.shape
    limit = float(np.abs(values).max(initial=0.0))
    heatmap: dict[str, Any] = {
        "type": "heatmap",
        "z": np.array([[float(f"{value:.5g}") for value in row] for row in laid.z]),
        "x": np.arange(columns),
        "zmin": -limit or -1.0,
        "zmax": limit or 1.0,
        "colorscale": theme.signed_scale(dark),
        "showscale": False,
    }
    if values.ndim <= 2 and laid.at.size and rows * columns > 6_000:
        heatmap["x"] = np.arange(laid.first, laid.first + columns)
        heatmap["hovertemplate"] = "[%{y:d}, %{x:d}]: %{z:.5g}<extra></extra>"
    else:
        names = [[", ".join(map(str, laid.index(r, c))) for c in range(columns)] for r in range(rows)]
        heatmap |= {"customdata": names, "hovertemplate": "[%{customdata}]: %{z:.5g}<extra></extra>"}
    whole = heatmap["x"]
    layout: dict[str, Any] = {
        "title": {"text": title},
        "xaxis": still(range=[float(whole[0]) - 0.5, float(whole[-1]) + 0.5], tickformat="d"),
        "yaxis": still(range=[rows - 0.5, -0.5], tickformat="d", visible=rows > 1),
        "margin": {"l": 34 if rows > 1 else 4, "r": 4, "t": 34, "b": 22},
    }
    if values.ndim > 2 or values.shape[-1] == SIDE * SIDE:  # images and maps: their pixels are squares
        layout["xaxis"]["constrain"] = layout["yaxis"]["constrain"] = "domain"
        layout["yaxis"]["scaleanchor"] = "x"
    found = laid.place(chosen) if chosen is not None else None
    if found is not None:
        layout["shapes"] = [outline(float(whole[found[1]]), found[0], theme.palette(dark).text)]
    part = "" if laid.at.size == values.size else f", columns {laid.first:,} to {laid.first + columns - 1:,}"
    layout["title"]["text"] = title + part
    label = f"{title}{part}: {rows:,} by {columns:,} values, the largest in magnitude {limit:.3g}"
    return make_figure([heatmap, signed_bar(limit, scale_ends(limit), dark)], layout, label), laid


def weight_curve(moved: Moved, *, own: float, now: float, loss_now: float, dark: bool) -> Any:
    """The loss over the values of one weight, and the tangent at its own value, as the gradient predicts it."""
    colours = theme.palette(dark)
    low, high = float(moved.losses.min()), float(moved.losses.max())
    room = max(0.1 * (high - low), 1e-9 * max(1.0, abs(high)))
    traces = [
        {"type": "scatter", "name": "the loss", "x": moved.values, "y": moved.losses,
         "line": {"color": colours.digits[0], "width": 2.5}},
        {"type": "scatter", "name": "the tangent", "x": moved.values, "y": moved.tangent,
         "line": {"color": colours.text, "width": 1.5, "dash": "dash"}},
        {"type": "scatter", "name": "now", "x": [own], "y": [moved.tangent[len(moved.tangent) // 2]],
         "mode": "markers", "marker": {"color": colours.text, "size": 9}},
        {"type": "scatter", "name": "moved", "x": [now], "y": [loss_now],
         "mode": "markers", "marker": {"color": colours.digits[1], "size": 11, "symbol": "diamond"}},
    ]  # fmt: skip
    for trace in traces:
        trace["hovertemplate"] = "weight %{x:.5g}: loss %{y:.6g}<extra></extra>"
    layout = {
        "title": {"text": ""},
        "xaxis": {"title": {"text": "the weight"}},
        "yaxis": {"title": {"text": "loss"}, "range": [low - room, high + room]},
        "margin": {"l": 58, "r": 8, "t": 34, "b": 40},
        "legend": {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom"},
    }
    label = f"Loss {loss_now:.6g} at the weight {now:.5g}; slope {moved.slope:.5g} at its own value {own:.5g}"
    return make_figure(traces, layout, label)


def error_picture(check: Check, *, dark: bool) -> Any:
    """The relative errors of backprop against central differences, on a logarithmic scale of colour."""
    plane = _plane(check.errors)
    kept = np.flatnonzero(~np.isnan(plane).all(axis=1))
    shown = np.log10(np.maximum(plane[kept], 1e-12))
    colours = theme.palette(dark)
    heatmap = {
        "type": "heatmap",
        "z": shown,
        "y": [str(row) for row in kept],
        "zmin": -12,
        "zmax": 0,
        "colorscale": [[0, colours.background], [0.5, theme.mix(colours.digits[1], colours.background, 0.4)],
                       [1, colours.digits[1]]],
        "colorbar": {"tickvals": [-12, -9, -6, -3, 0], "ticktext": ["1e-12", "1e-9", "1e-6", "0.001", "1"],
                     "thickness": 10, "outlinewidth": 0},
        "hovertemplate": "row %{y}, column %{x}: 10^%{z:.1f}<extra></extra>",
    }  # fmt: skip
    worst = float(np.nanmax(check.errors))
    layout = {
        "title": {"text": f"Relative errors of {check.name}"},
        "xaxis": still(tickformat="d"),
        "yaxis": still(type="category", autorange="reversed", nticks=8),
        "margin": {"l": 44, "r": 4, "t": 34, "b": 22},
    }
    return make_figure(
        [heatmap], layout, f"Relative errors of {check.n_checked:,} gradients, the largest {short_number(worst)}"
    )
