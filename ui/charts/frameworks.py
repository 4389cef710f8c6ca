"""The losses of two frameworks on the same batches, one over the other, and how far they lie apart."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from nn_core.frameworks import Same
from ui.charts import theme
from ui.charts.figure import make_figure


def same_losses(same: Same, dark: bool) -> go.Figure:
    """The relative difference of each batch's loss, on a log axis; equal losses have no point."""
    palette = theme.palette(dark)
    ours, theirs = np.array(same.losses).T
    apart = np.abs(theirs - ours) / np.abs(ours)
    steps = np.arange(1, len(ours) + 1)
    trace = {
        "type": "scatter",
        "mode": "lines",
        "x": steps.tolist(),
        "y": [value or None for value in apart.tolist()],
        "line": {"color": palette.series["val"], "width": 1.5},
        "customdata": np.column_stack([ours, theirs]).tolist(),
        "hovertemplate": f"update %{{x}}<br>Glassnet %{{customdata[0]:.6f}}<br>{same.label} %{{customdata[1]:.6f}}<br>"
        "apart by %{y:.1e}<extra></extra>",
    }
    layout = {
        "title": {"text": f"How far {same.label} lies from Glassnet"},
        "showlegend": False,
        "xaxis": {"title": {"text": "update"}},
        "yaxis": {"type": "log", "exponentformat": "power", "title": {"text": "relative difference of the loss"}},
    }
    return make_figure([trace], layout, f"Relative difference of the losses of {same.label} and Glassnet")
