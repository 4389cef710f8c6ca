"""The weights between two layers as one matrix on the signed scale: a row for each output, a column for each input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nn_core.export.png import png_uri
from nn_core.machine.memory import Array
from ui.charts import theme, tiles
from ui.charts.figure import make_figure, scale_ends
from ui.charts.wall_traces import signed_bar, still

MOST_CELLS = 20_000  # whose weights are sent, to be read on hover; of more a picture is


def weight_matrix(
    W: Array, *, names: Sequence[str] | None = None, dark: bool, title: str, inputs: str, outputs: str
) -> Any:
    """W (n_in, n_out), as the layer multiplies it; `inputs` and `outputs` say what its columns and rows are.

    `names` are those of the outputs, where they have any. Full colour is the 99.8th percentile of all magnitudes.
    """
    rows = np.asarray(W, dtype=np.float32).T
    n_out, n_in = rows.shape
    limit = float(tiles.weight_limits(rows.reshape(-1, 1), True)[0])
    layout: dict[str, Any] = {
        "title": {"text": title},
        "xaxis": still(title={"text": f"from {inputs}"}, range=[-0.5, n_in - 0.5], tickformat=",d"),
        "yaxis": still(title={"text": f"to {outputs}"}, range=[n_out - 0.5, -0.5], tickformat=",d"),
        "margin": {"l": 52, "r": 4, "t": 36, "b": 42},
    }
    if names is not None:
        layout["yaxis"] |= {"tickvals": list(range(n_out)), "ticktext": list(names)}
    marks: list[dict[str, Any]] = [signed_bar(limit, scale_ends(limit), dark)]
    if rows.size <= MOST_CELLS:
        marks.insert(0, _heatmap(rows, limit or 1.0, dark, names))
    else:
        layout["images"] = [_picture(rows, limit, dark)]
    label = f"{n_in:,} x {n_out:,} weights, colour scale {scale_ends(limit)[2].replace('+', '±') or 'all 0'}"
    return make_figure(marks, layout, f"{title}: {label}")


def _heatmap(rows: Array, limit: float, dark: bool, names: Sequence[str] | None) -> dict[str, Any]:
    heatmap = {
        "type": "heatmap",
        "z": rows,
        "zmin": -limit,
        "zmax": limit,
        "colorscale": theme.signed_scale(dark),
        "showscale": False,
        "hovertemplate": "from %{x:,d} to %{y:,d}: %{z:.4f}<extra></extra>",
    }
    if names is not None:
        heatmap["customdata"] = [[name] * rows.shape[1] for name in names]
        heatmap["hovertemplate"] = "from %{x:,d} to %{customdata}: %{z:.4f}<extra></extra>"
    return heatmap


def _picture(rows: Array, limit: float, dark: bool) -> dict[str, Any]:
    """All weights as one picture under the axes."""
    table = np.zeros((256, 3), dtype=np.uint8)
    table[: theme.N_SIGNED] = theme.signed_colours(dark)
    n_out, n_in = rows.shape
    place = {"xref": "x", "yref": "y", "x": -0.5, "y": -0.5, "sizex": n_in, "sizey": n_out, "sizing": "stretch"}
    return {"source": png_uri(theme.signed_index(rows, limit), table), "layer": "below", **place}
