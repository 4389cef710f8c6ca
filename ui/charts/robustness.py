"""Accuracy against how far images are changed, one small chart a change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from nn_core.evaluation.corruptions import Sweep
from nn_core.evaluation.robustness import Robustness
from nn_core.machine.numbers import percent
from ui.charts import theme
from ui.charts.figure import Trace, make_figure


def sweep_chart(sweep: Sweep, lines: Sequence[tuple[str, Robustness]], *, dark: bool = False) -> go.Figure:
    """The accuracy of each network along one change; the first line is this network's, a second one is dashed."""
    colours = theme.palette(dark)
    traces: list[Trace] = []
    for place, (who, found) in enumerate(lines):
        shares = found.curves.get(sweep.name, ())
        line = {"color": colours.ghost, "dash": "dash"} if place else {"color": colours.series["val"]}
        traces.append(
            {
                **{"type": "scatter", "mode": "lines+markers", "name": who, "line": line, "marker": {"size": 4}},
                **{"x": list(sweep.values[: len(shares)]), "y": [100 * share for share in shares]},
                "text": [
                    f"{who}: {percent(share)} right<br>{value:g} {sweep.unit}"
                    for value, share in zip(sweep.values, shares, strict=False)
                ],
                "hovertemplate": "%{text}<extra></extra>",
            }
        )
    first, last = sweep.values[0], sweep.values[-1]
    room = 0.04 * (last - first)
    layout: dict[str, Any] = {
        "title": {"text": f"{sweep.label}, %"},
        **{"showlegend": False, "hovermode": "closest", "margin": {"l": 34, "r": 8, "t": 30, "b": 36}},
        "xaxis": {
            **{"title": {"text": sweep.unit}, "range": [first - room, last + room], "zeroline": False},
            **{"showgrid": False, "fixedrange": True},
        },
        "yaxis": {"range": [0, 104], "zeroline": False, "tickvals": [0, 50, 100], "fixedrange": True},
    }
    return make_figure(traces, layout, f"Accuracy against {sweep.label.lower()} ({sweep.unit})")
