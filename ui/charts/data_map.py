"""The map of the training images: how probable training found the label of each, and how much that changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from nn_core.instruments.measures.data_map import DataMap
from nn_core.machine.memory import Array
from ui.charts import theme
from ui.charts.figure import Trace, make_figure

CELLS = 32  # rows and columns of what shows where most images lie
WIDEST = 0.5  # the largest standard deviation that numbers from 0 to 1 can have


def data_map_chart(
    found: DataMap, points: Array, captions: Sequence[str], *, chosen: int | None = None, dark: bool = False
) -> go.Figure:
    """Mean against standard deviation: all images as a shade, those of `points` as dots; a click gives the image.

    `captions` say of each of the `points` what it is; the image `chosen` is ringed.
    """
    colours = theme.palette(dark)
    counts, _, _ = np.histogram2d(found.confidence, found.variability, CELLS, [[0, 1], [0, WIDEST]])
    middle = (np.arange(CELLS) + 0.5) / CELLS
    stops = (colours.background, *colours.positive)
    shade: Trace = {
        **{"type": "heatmap", "x": WIDEST * middle, "y": middle, "z": np.log1p(counts).round(2), "showscale": False},
        "colorscale": [[at / (len(stops) - 1), stop] for at, stop in enumerate(stops)],
        "text": counts.astype(int),
        "hovertemplate": "%{text} images here<extra></extra>",
    }
    x, y = found.variability.round(3), found.confidence.round(3)
    dots: Trace = {
        **{"type": "scatter", "mode": "markers", "x": x[points], "y": y[points], "customdata": points},
        "marker": {"size": 6, "color": colours.series["train"]},
        "text": list(captions),
        "hovertemplate": "%{text}<extra></extra>",
        "uid": "suspects",
    }
    traces = [shade, dots]
    if chosen is not None:
        ring = {"symbol": "circle-open", "size": 15, "color": colours.text, "line": {"width": 2.5}}
        traces.append(
            {"type": "scatter", "mode": "markers", "x": [x[chosen]], "y": [y[chosen]], "marker": ring}
            | {"hoverinfo": "skip", "uid": "chosen"}
        )
    layout: dict[str, Any] = {
        **{"showlegend": False, "hovermode": "closest", "margin": {"l": 44, "r": 8, "t": 8, "b": 38}},
        "xaxis": {
            "title": {"text": "standard deviation over training: doubtful →"},
            "range": [0, 0.51],
            "showgrid": False,
        },
        "yaxis": {"title": {"text": "mean p(label): easy →"}, "range": [-0.02, 1.02], "showgrid": False},
    }
    label = f"Data map of {len(x):,} images, the {len(points):,} most suspect ones as dots"
    return make_figure(traces, layout, label)


def course_chart(steps: Array, p: Array, *, title: str, dark: bool = False) -> go.Figure:
    """The probability p (n,) in [0, 1] of an image's label at the scorings of these steps."""
    colours = theme.palette(dark)
    line: Trace = {
        **{"type": "scatter", "mode": "lines+markers", "x": steps, "y": p.round(3), "marker": {"size": 4}},
        "line": {"color": colours.series["val"], "width": 1.8},
        "hovertemplate": "step %{x:,d}: %{y:.3f}<extra></extra>",
    }
    layout: dict[str, Any] = {
        "title": {"text": title},
        **{"showlegend": False, "margin": {"l": 40, "r": 8, "t": 30, "b": 36}},
        "xaxis": {"title": {"text": "step"}, "showgrid": False, "zeroline": False, "tickformat": ",.6~f"},
        "yaxis": {"range": [-0.03, 1.03], "zeroline": False},
    }
    return make_figure([line], layout, f"{title}: {p[-1]:.2f} at step {int(steps[-1]):,}")
