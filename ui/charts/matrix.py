"""The confusion matrix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from nn_core.machine.memory import Array
from nn_core.machine.numbers import percent
from ui.charts import theme
from ui.charts.figure import DIGITS, make_figure
from ui.charts.wall_traces import outline, signed_bar, still

FULL_ERROR = 0.2  # the share of a row that has the darkest orange, where no error is larger


def confusion_matrix(
    counts: Array,
    *,
    normalize: bool = False,
    names: Sequence[str] = DIGITS,
    dark: bool = False,
    title: str = "",
    chosen: tuple[int, int] | None = None,
) -> go.Figure:
    """Counts (k, k) [true, read as], as numbers or as shares of each row; a click gives customdata [true, read as].

    What was read rightly is blue by its share of the row; errors are orange by theirs, on a scale that shows one in a
    hundred, but is as dark as a hit only for a large error; a legend tells both. The cell `chosen` [true, read as] is
    framed.
    """
    counts = np.asarray(counts, dtype=np.int64)
    n_rows = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(n_rows, 1)
    right = np.eye(len(counts), dtype=bool)
    worst = max(float(shares[~right].max(initial=0.0)), FULL_ERROR)
    wrong = np.where(counts > 0, 0.12 + 0.6 * np.sqrt(shares / worst), 0.0)
    colour = np.where(right, 0.8 * shares, -wrong)
    number = (lambda i, j: f"{100 * shares[i, j]:.1f}") if normalize else (lambda i, j: str(counts[i, j]))
    cells = [(i, j) for i in range(len(counts)) for j in range(len(counts))]
    heatmap = {
        "type": "heatmap",
        "z": colour.round(4),
        "zmin": -1,
        "zmax": 1,
        "colorscale": theme.signed_scale(dark),
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
        "customdata": _square([[i, j] for i, j in cells]),
        "hovertext": _square([_sentence(counts, n_rows, names, i, j) for i, j in cells]),
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
    index = theme.signed_index(colour, 1.0)
    numbers = {
        "type": "scatter",
        "mode": "text",
        "x": [j for _, j in cells],
        "y": [i for i, _ in cells],
        "text": [number(i, j) for i, j in cells],  # plotly never fills a text that was empty once: 0 is transparent
        "textfont": {
            "color": [
                theme.ink_on(theme.signed_colours(dark)[index[i, j]]) if counts[i, j] else "rgba(0,0,0,0)"
                for i, j in cells
            ]
        },
        "hoverinfo": "skip",
        "showlegend": False,
    }
    total = int(counts.sum())
    heading = ", ".join(part for part in (title, f"n={total:,}", "% of each row" if normalize else "") if part)
    share = f"{percent(np.trace(counts) / total)} on the diagonal" if total else "empty"
    legend = signed_bar(1.0, ["", "", ""], dark)
    legend["marker"]["colorbar"] |= {
        "tickvals": [-0.72, 0.8],
        "ticktext": [f"{percent(worst, 0)} wrong", "100 % right"],
        "tickangle": 0,
        "len": 240,
        "xpad": 36,
    }
    layout = _layout(heading, names, chosen, dark)
    return make_figure([heatmap, numbers, legend], layout, f"Confusion matrix, {heading}: {share}", aspect=1 / 0.72)


def _layout(heading: str, names: Sequence[str], chosen: tuple[int, int] | None, dark: bool) -> dict[str, Any]:
    ticks = {"tickvals": list(range(len(names))), "ticktext": list(names), "ticks": ""}
    return {
        "title": {"text": heading},
        "xaxis": still(**ticks, title={"text": "read as"}, side="bottom", constrain="domain"),
        "yaxis": still(
            **ticks,
            title={"text": "true digit"},
            autorange="reversed",
            scaleanchor="x",
            scaleratio=0.72,
            constrain="domain",
        ),
        "shapes": [outline(chosen[1], chosen[0], theme.palette(dark).text)] if chosen else [],
        "margin": {"l": 44, "r": 4, "t": 38, "b": 40},
    }


def matrix_difference(
    counts: Array,
    others: Array,
    *,
    names: Sequence[str] = DIGITS,
    dark: bool = False,
    title: str = "",
    chosen: tuple[int, int] | None = None,
) -> go.Figure:
    """How many more images (k, k) [true, read as] than in another network's matrix; a click as in the matrix.

    Blue is better, orange worse: more on the diagonal, or fewer beside it.
    """
    more = np.asarray(counts, dtype=np.int64) - others
    better = np.where(np.eye(len(more), dtype=bool), more, -more)
    largest = float(np.abs(more).max(initial=0)) or 1.0
    colour = np.sign(better) * np.sqrt(np.abs(better) / largest)
    cells = [(i, j) for i in range(len(more)) for j in range(len(more))]
    inks = [theme.ink_on(theme.signed_colours(dark)[row]) for row in theme.signed_index(colour, 1.0).ravel()]
    heatmap = {
        "type": "heatmap",
        **{"z": colour.round(4), "zmin": -1, "zmax": 1, "colorscale": theme.signed_scale(dark), "showscale": False},
        **{"xgap": 1, "ygap": 1, "customdata": _square([[i, j] for i, j in cells])},
        "hovertext": _square([_difference(counts, others, names, i, j) for i, j in cells]),
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
    numbers = {
        "type": "scatter",
        "mode": "text",
        **{"x": [j for _, j in cells], "y": [i for i, _ in cells], "hoverinfo": "skip", "showlegend": False},
        "text": [f"{more[i, j]:+d}".replace("-", "−") for i, j in cells],
        "textfont": {"color": [ink if more[cell] else "rgba(0,0,0,0)" for ink, cell in zip(inks, cells, strict=True)]},
    }
    legend = signed_bar(1.0, ["worse", "", "better"], dark)
    legend["marker"]["colorbar"] |= {"len": 150, "xpad": 36}
    n_more = int(np.trace(more))
    label = f"Difference of two confusion matrices, {title}: {n_more:+,} read rightly"
    return make_figure([heatmap, numbers, legend], _layout(title, names, chosen, dark), label, aspect=1 / 0.72)


def _difference(counts: Array, others: Array, names: Sequence[str], i: int, j: int) -> str:
    return f"{names[i]} read as {names[j]}: {int(counts[i, j]):,} images here, {int(others[i, j]):,} in the other"


def _square(cells: list[Any]) -> list[list[Any]]:
    side = math.isqrt(len(cells))
    return [cells[start : start + side] for start in range(0, len(cells), side)]


def _sentence(counts: Array, n_rows: Array, names: Sequence[str], i: int, j: int) -> str:
    count, n = int(counts[i, j]), int(n_rows[i, 0])
    share = f" ({percent(count / n)})" if n else ""
    return f"{count:,} of {n:,} images of {names[i]} read as {names[j]}{share}"
