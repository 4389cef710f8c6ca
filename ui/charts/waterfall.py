"""A sum as a waterfall: each share begins where the one before it ended, and the last bar is the sum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from nn_core.machine.numbers import decimal
from ui.charts import theme
from ui.charts.figure import make_figure
from ui.charts.wall_traces import still


def waterfall(
    shares: Sequence[tuple[str, float]], total: float, *, total_name: str, title: str = "", dark: bool = False
) -> go.Figure:
    """Named shares from the top down, on the signed colours, and under them what they add up to."""
    colours = theme.palette(dark)
    values = np.array([value for _, value in shares])
    ends = np.cumsum(values)
    starts = ends - values
    fills = [colours.positive[2] if value >= 0 else colours.negative[2] for value in values]
    names = [*(name for name, _ in shares), total_name]
    bars = {
        "type": "bar",
        "orientation": "h",
        "y": list(range(len(names))),
        "base": [*starts.round(5), 0],
        "x": [*values.round(5), round(total, 5)],
        "marker": {"color": [*fills, colours.text]},
        "text": [_signed(value) for value in values] + [f"<b>{decimal(total)}</b>"],
        "textposition": "outside",
        "cliponaxis": False,
        "customdata": names,
        "hovertemplate": "%{customdata}: %{text}<extra></extra>",
    }
    low, high = min(0.0, float(ends.min(initial=0)), total), max(0.0, float(ends.max(initial=0)), total)
    room = 0.2 * ((high - low) or 1.0)  # for the numbers at the ends
    layout: dict[str, Any] = {
        "title": {"text": title},
        "xaxis": {"range": [low - room, high + room], "fixedrange": True, "zeroline": True, "nticks": 6},
        "yaxis": still(
            tickvals=list(range(len(names))), ticktext=names, range=[len(names) - 0.4, -0.6], ticks="", automargin=True
        ),
        "bargap": 0.25,
        "showlegend": False,
        "margin": {"l": 90, "r": 8, "t": 34 if title else 6, "b": 24},
    }
    return make_figure([bars], layout, f"{title or 'A sum'}: {len(shares)} shares make {decimal(total)}")


def _signed(value: float) -> str:
    text = decimal(value)
    return text if text.startswith("−") else f"+{text}"
