"""Marks at the edge of a chart, where curves go beyond the values that it shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from nn_core.export.value_range import Excursion, Line, Range, excursions, extent
from ui.charts.figure import Trace


def edge_marks(
    lines: Sequence[Line], shown: Range, words: Callable[[float], str], end: float = math.inf, *, log_x: bool = False
) -> list[Trace]:
    """Marks where curves leave the chart, at its upper or lower edge, each with the farthest value in `words`.

    They stand on the axis y2, from 0 to 1. Of many, the farthest are kept. Where the chart is zoomed, chart_zoom.js
    leaves them out.
    """
    kept = excursions(lines, shown, end)
    if not kept:
        return []
    first, last = extent(lines, end)
    colours, texts = [mark.line.colour for mark in kept], [words(mark.value) for mark in kept]
    at_the_end = [mark.back - first > 0.8 * (last - first) for mark in kept]
    places = [mark.at if late else mark.back for mark, late in zip(kept, at_the_end, strict=True)]
    common = {"type": "scatter", "yaxis": "y2", "y": [_place(mark)[0] for mark in kept], "cliponaxis": False}
    common |= {"showlegend": False, "name": "beyond the axis"}
    symbols = {
        "mode": "markers",
        "uid": "beyond",
        "x": [10**mark.at if log_x else mark.at for mark in kept],
        "marker": {"symbol": [_place(mark)[1] for mark in kept], "size": 9, "color": colours},
        "text": [f"{mark.line.name} reached {text}" for mark, text in zip(kept, texts, strict=True)],
        "hovertemplate": "%{text} (double click: show all)<extra></extra>",
    }
    numbers = {
        "mode": "text",
        "uid": "beyond-numbers",
        "x": [10**place if log_x else place for place in places],
        "text": [
            f"\u00a0{text}\u00a0\u00a0" if late else f"\u00a0\u00a0{text}"
            for text, late in zip(texts, at_the_end, strict=True)
        ],
        "textposition": ["middle left" if late else "middle right" for late in at_the_end],
        "textfont": {"color": colours},
        "hoverinfo": "skip",
    }
    return [common | symbols, common | numbers]


def _place(mark: Excursion) -> tuple[float, str]:
    """The height on the axis y2, and the symbol that points beyond the edge."""
    return (0.97, "triangle-up") if mark.above else (0.03, "triangle-down")
