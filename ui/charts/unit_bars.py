"""What each unit of a layer puts out, or the weights that leave one unit, as bars on the signed scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nn_core.machine.memory import Array
from ui.charts import theme
from ui.charts.figure import make_figure, scale_ends
from ui.charts.wall_traces import outline, signed_bar, still

MOST_NAMES = 16  # under bars; of more, every second or third one is named
N_BARS = 64  # more values than this are drawn as a strip
ROOM = 1.08  # of the axis, to its last bar


def unit_bars(
    values: Array,
    *,
    names: Sequence[str] | None = None,
    limit: float | None = None,
    dark: bool = False,
    title: str = "",
    what: str = "outgoing weights",
    hover: str = "to unit ",
    chosen: int | None = None,
) -> Any:
    """One value a unit (n,) on the signed scale: bars, or a strip of more than 64; a click gives the unit as point.

    `limit` is the value of full colour, and the axis then goes from -limit to +limit; else both go by the values.
    `hover` stands before a unit's name (0..n-1 unless given) on hover, `what` the values are for who hears the chart.
    The unit `chosen` is marked, also where its bar has no height.
    """
    values = np.asarray(values, dtype=np.float64)
    largest = float(np.abs(values).max(initial=0.0))
    full = float(limit or largest) or 1.0
    names = [f"{at:,}" for at in range(len(values))] if names is None else list(names)
    label = f"{len(values):,} {what}, the largest in magnitude {largest:.3g}"
    layout: dict[str, Any] = {"title": {"text": title}, "margin": {"l": 40, "r": 4, "t": 30 if title else 6, "b": 24}}
    if len(values) > N_BARS:
        strip = {
            "type": "heatmap",
            "z": [values.astype(np.float32)],
            "zmin": -full,
            "zmax": full,
            "colorscale": theme.signed_scale(dark),
            "showscale": False,
            "hovertext": [names],
            "hovertemplate": f"{hover}%{{hovertext}}: %{{z:.4f}}<extra></extra>",
        }
        layout["shapes"] = [] if chosen is None else [outline(chosen, 0, theme.palette(dark).text)]
        layout |= {"xaxis": still(), "yaxis": still(visible=False)}
        bar = signed_bar(full, scale_ends(limit or largest), dark)
        return make_figure([strip, bar] if title else [strip], layout, label)
    colours = [theme.hex_colour(theme.signed_colours(dark)[row]) for row in theme.signed_index(values, full)]
    is_chosen = np.arange(len(values)) == chosen
    edges = {
        "width": np.where(is_chosen, 3, 1),
        "color": np.where(is_chosen, theme.palette(dark).text, theme.palette(dark).ghost),
    }
    bars = {
        "type": "bar",
        "x": names,
        "y": values,
        "marker": {"color": colours, "line": edges},
        "hovertemplate": f"{hover}%{{x}}: %{{y:.4f}}<extra></extra>",
    }
    if chosen is not None:
        corners = {"x0": chosen - 0.5, "x1": chosen + 0.5, "y0": 0, "y1": 1, "yref": "paper"}
        band = {"type": "rect", **corners, "fillcolor": theme.palette(dark).faint, "line": {"width": 0}}
        layout["shapes"] = [{**band, "opacity": 0.6, "layer": "below"}]
    lowest, highest = (-full, full) if limit else (values.min(initial=0.0), values.max(initial=0.0))
    ends = [ROOM * lowest, ROOM * highest or -lowest * (ROOM - 1) or 1.0]
    axis = {"range": ends, "fixedrange": True, "nticks": 5, "zeroline": True}
    every = max(1, -(-len(values) // MOST_NAMES))
    layout |= {"xaxis": still(type="category", dtick=every, tickangle=0), "yaxis": axis, "bargap": 0.25}
    return make_figure([bars], layout, label)
