"""How sure a network is and how often it is right: reliability, histograms, and what refusing would bring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from nn_core.evaluation import Reliability
from nn_core.evaluation.report import Refusing
from nn_core.machine.memory import Array
from nn_core.machine.numbers import percent
from ui.charts import theme
from ui.charts.figure import LEGEND, Trace, make_figure

MOST_POINTS = 400  # of a line


def reliability_diagram(before: Reliability, after: Reliability, *, title: str = "", dark: bool = False) -> go.Figure:
    """Accuracy against confidence of each bin, as the network says it and at the fitted temperature; exact on the line.

    The larger a dot, the more images.
    """
    colours = theme.palette(dark)
    line: Trace = {
        **{"type": "scatter", "mode": "lines", "x": [0, 100], "y": [0, 100], "hoverinfo": "skip", "showlegend": False},
        "line": {"color": colours.ghost, "width": 1, "dash": "dot"},
    }
    traces = [line]
    for found, name, colour in ((before, "as it says", "train"), (after, "with temperature", "val")):
        there = found.counts > 0
        n = found.counts[there]
        traces.append(
            {
                **{"type": "scatter", "mode": "lines+markers", "name": name},
                **{"x": 100 * found.confidence[there], "y": 100 * found.accuracy[there]},
                "line": {"color": colours.series[colour], "width": 1.5},
                "marker": {"size": 5 + 10 * np.sqrt(n / max(1, n.max(initial=1)))},
                "text": [
                    f"{name}: {count:,} images<br>confidence {percent(sure)}, right {percent(right)}"
                    for count, sure, right in zip(n, found.confidence[there], found.accuracy[there], strict=True)
                ],
                "hovertemplate": "%{text}<extra></extra>",
            }
        )
    layout: dict[str, Any] = {
        "title": {"text": title},
        **{"legend": LEGEND, "hovermode": "closest", "margin": {"l": 46, "r": 8, "t": 34, "b": 38}},
        "xaxis": {"title": {"text": "confidence, %"}, "range": [0, 101], "zeroline": False},
        "yaxis": {"title": {"text": "right, %"}, "range": [0, 103], "zeroline": False},
    }
    label = f"Reliability diagram: calibration error {percent(before.ece)}, with temperature {percent(after.ece)}"
    return make_figure(traces, layout, label)


def confidence_histograms(right: Array, wrong: Array, *, title: str = "", dark: bool = False) -> go.Figure:
    """How many right and how many wrong answers have each confidence, on a logarithmic axis: wrong ones are few."""
    colours, n_bins = theme.palette(dark), len(right)
    traces: list[Trace] = []
    for counts, name, colour in ((right, "right", colours.positive[2]), (wrong, "wrong", colours.negative[2])):
        traces.append(
            {
                **{"type": "bar", "name": name, "marker": {"color": colour}},
                "x": 100 * (np.arange(n_bins) + 0.5) / n_bins,
                "y": [int(count) or None for count in counts],
                "text": [
                    f"{int(count):,} {name}, {100 * at // n_bins} to {100 * (at + 1) // n_bins} % sure"
                    for at, count in enumerate(counts)
                ],
                **{"textposition": "none", "hovertemplate": "%{text}<extra></extra>"},
            }
        )
    layout: dict[str, Any] = {
        "title": {"text": title},
        **{"legend": LEGEND, "barmode": "group", "bargap": 0.1, "margin": {"l": 52, "r": 8, "t": 34, "b": 38}},
        "xaxis": {"title": {"text": "confidence, %"}, "range": [0, 100], "zeroline": False, "showgrid": False},
        "yaxis": {
            "title": {"text": "images"},
            "type": "log",
            "dtick": 1,
            "tickformat": ",d",
            "range": _from_less_than_one(right, wrong),
        },
    }
    label = f"Confidence of {int(right.sum()):,} right and {int(wrong.sum()):,} wrong answers"
    return make_figure(traces, layout, label)


def _from_less_than_one(right: Array, wrong: Array) -> list[float]:
    """The range of a logarithmic axis on which a single image is seen."""
    return [-0.3, float(np.log10(max(10, right.max(initial=1), wrong.max(initial=1)))) + 0.1]


def coverage_chart(lines: Sequence[tuple[str, Refusing]], *, title: str = "", dark: bool = False) -> go.Figure:
    """Accuracy on the surest answers against the share of the images that are answered; a further line is dashed."""
    colours = theme.palette(dark)
    traces: list[Trace] = []
    for at, (name, found) in enumerate(lines):
        n = len(found.coverage)
        spread = np.linspace(max(0, n // 100 - 1), n - 1, MOST_POINTS if n else 0)
        places: Array = np.unique(spread.round().astype(int))
        traces.append(
            {
                **{"type": "scatter", "mode": "lines", "name": name},
                **{"x": (100 * found.coverage[places]).round(3), "y": (100 * found.accuracy[places]).round(4)},
                "line": {"color": colours.ghost, "dash": "dash"} if at else {"color": colours.series["val"]},
                "text": [
                    f"{name}: answers {percent(share)}, right {percent(right, 2)}<br>at least {percent(least)} sure"
                    for share, right, least in zip(
                        found.coverage[places], found.accuracy[places], found.threshold[places], strict=True
                    )
                ],
                "hovertemplate": "%{text}<extra></extra>",
            }
        )
    layout: dict[str, Any] = {
        "title": {"text": title},
        **{"legend": LEGEND, "showlegend": len(lines) > 1, "hovermode": "closest"},
        "margin": {"l": 52, "r": 8, "t": 34, "b": 38},
        "xaxis": {"title": {"text": "images that it answers, %"}, "range": [0, 101], "zeroline": False},
        "yaxis": {"title": {"text": "of these right, %"}, "zeroline": False},
    }
    ends = [f"{name} {percent(found.accuracy[-1])}" for name, found in lines if len(found.coverage)]
    return make_figure(traces, layout, f"Accuracy on the surest answers; on all images: {', '.join(ends)}")
