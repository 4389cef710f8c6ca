"""Accuracy against how far images are changed: one small chart a change, all in one figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from nn_core.evaluation.corruptions import SWEEPS
from nn_core.evaluation.robustness import Robustness
from nn_core.machine.numbers import percent
from ui.charts import theme
from ui.charts.figure import LEGEND, Trace, make_figure

GAP = 0.05  # between two charts, as a share of the width


def robustness_curves(
    lines: Sequence[tuple[str, Robustness]], *, columns: int = 4, title: str = "", dark: bool = False
) -> go.Figure:
    """One chart for each of SWEEPS, `columns` in a row; the first line is this network's, a second one is dashed."""
    colours, traces = theme.palette(dark), []
    rows = -(-len(SWEEPS) // columns)
    layout: dict[str, Any] = {
        "title": {"text": title},
        **{"legend": LEGEND, "showlegend": len(lines) > 1, "hovermode": "closest"},
        "margin": {"l": 36, "r": 8, "t": 40, "b": 40},
        "annotations": [],
    }
    for at, sweep in enumerate(SWEEPS):
        row, column = divmod(at, columns)
        name = "" if at == 0 else str(at + 1)
        left, low = column / columns, 1 - (row + 1) / rows
        right, high = left + 1 / columns - GAP / 2, low + 0.72 / rows
        layout[f"xaxis{name}"] = {
            **{"domain": [left + GAP / 2, right], "anchor": f"y{name}", "zeroline": False, "showgrid": False},
            **{"title": {"text": sweep.unit, "standoff": 2}, "fixedrange": True},
        }
        layout[f"yaxis{name}"] = {
            **{"domain": [low, high], "anchor": f"x{name}", "range": [0, 104], "zeroline": False},
            **{"tickvals": [0, 50, 100], "fixedrange": True},
        }
        layout["annotations"].append(
            {
                **{"text": f"<b>{sweep.label}</b>, %", "xref": "paper", "yref": "paper", "showarrow": False},
                **{"x": left + GAP / 2, "y": high, "xanchor": "left", "yanchor": "bottom"},
            }
        )
        for place, (who, found) in enumerate(lines):
            shares = found.curves.get(sweep.name, ())
            line = {"color": colours.ghost, "dash": "dash"} if place else {"color": colours.series["val"]}
            trace: Trace = {
                **{"type": "scatter", "mode": "lines+markers", "xaxis": f"x{name}", "yaxis": f"y{name}"},
                **{"x": list(sweep.values[: len(shares)]), "y": [100 * share for share in shares]},
                **{"name": who, "legendgroup": who, "showlegend": at == 0, "line": line, "marker": {"size": 4}},
                "text": [
                    f"{who}: {percent(share)} right<br>{sweep.label}: {value:g} {sweep.unit}"
                    for value, share in zip(sweep.values, shares, strict=False)
                ],
                "hovertemplate": "%{text}<extra></extra>",
            }
            traces.append(trace)
    label = f"Accuracy against {', '.join(sweep.label.lower() for sweep in SWEEPS)}"
    return make_figure(traces, layout, label)
