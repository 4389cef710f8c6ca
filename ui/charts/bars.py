"""Ten bars: the probabilities of the digits, or how many images each has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from nn_core.machine.memory import Array
from nn_core.machine.numbers import probability
from ui.charts import theme
from ui.charts.figure import DIGITS, at_bar, make_figure
from ui.charts.wall_traces import still


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
    texts = [at_bar(probability(share)) for share in p]
    texts[top] = f"<b>{texts[top]}</b>"
    bars = {
        "type": "bar",
        "orientation": "h",
        "y": list(names),
        "x": p,
        "marker": {"color": fills},
        "text": texts,
        "textposition": "outside",
        "cliponaxis": False,
        "hovertemplate": "%{y}: %{text}<extra></extra>",
    }
    layout = {
        "title": {"text": title},
        "xaxis": still(range=[0, 1], showticklabels=False),
        "yaxis": still(type="category", autorange="reversed", dtick=1, ticks=""),
        "bargap": 0.22,
        "margin": {"l": 24, "r": 58, "t": 30 if title else 4, "b": 4},  # at the right, room for "100.0 %"
    }
    return make_figure([bars], layout, f"Read as {names[top]} with {probability(p[top])}")


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
    return make_figure([bars], layout, f"{int(counts.sum()):,} images in {len(counts)} classes")
