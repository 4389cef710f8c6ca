"""The network as a picture that moves: units lit by what they put out, signed edges, and probabilities at the end.

Drawn on a canvas in the page and updated in place, so that what is pointed at stays so while a run trains.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from nn_core.explain.graph import Column, Edges, Graph
from nn_core.export.png import png_uri
from nn_core.machine.memory import Array
from nn_core.machine.numbers import probability
from ui.charts import theme
from ui.charts.tiles import CLEAR, weight_limits
from ui.components.live_plot import to_json

_component = st.components.v2.component(
    "glassnet_network_picture",
    js="\n".join(
        Path(__file__).with_name(f"{name}.js").read_text("utf-8") for name in ("network_layout", "network_picture")
    ),
    css=Path(__file__).with_suffix(".css").read_text("utf-8"),
    isolate_styles=False,
)


def network_picture(
    graph: Graph,
    *,
    key: str,
    height: int,
    names: Sequence[str],
    caption: str,
    dark: bool,
    label: str,
    on_click: Callable[[], None] | None = None,
) -> None:
    """Draw the picture, or move the one of the same `key` to the new values; `height` in px is reserved on the page.

    `names` are those of the classes, `caption` stands under the image, `label` is what a screen reader says. A click on
    a hidden unit calls `on_click` before the next run of the script; the session state of `key` then holds as "click"
    {"layer": its layer from 0, "unit": its number}.
    """
    message = {**message_of(graph, names, dark), "height": height, "caption": caption, "label": label}
    _component(
        key=key, data=to_json(message), width="stretch", height="content", on_click_change=on_click or (lambda: None)
    )


def message_of(graph: Graph, names: Sequence[str], dark: bool) -> dict[str, Any]:
    """What ui/components/network_picture.js draws."""
    colours, backward = theme.palette(dark), graph.carried == "gradients"
    places = [{int(unit): at for at, unit in enumerate(column.shown)} for column in graph.columns]
    return {
        "dark": dark,
        "backward": backward,
        "colours": {"positive": colours.positive[3], "negative": colours.negative[3], "rule": colours.rule},
        "image": _image(graph, dark),
        "tiles": _tiles(graph.columns, dark),
        "columns": [_column(column, backward) for column in graph.columns],
        "edges": [
            _edges(edges, before, after)
            for edges, before, after in zip(
                [*(column.edges for column in graph.columns), graph.edges],
                [None, *places],
                [*places, {at: at for at in range(len(names))}],
                strict=True,
            )
        ],
        "outputs": [
            {
                "name": name,
                "p": float(graph.probabilities[at]),
                "said": probability(graph.probabilities[at]),
                "value": _words(graph.gradients[at] if backward else graph.logits[at]),
                "lit": _signed_share(graph.gradients)[at] if backward else float(graph.probabilities[at]),
                "colour": colours.digits[at % len(colours.digits)],
            }
            for at, name in enumerate(names)
        ],
        "answer": int(graph.probabilities.argmax()),
        "target": graph.target,
    }


def _image(graph: Graph, dark: bool) -> str:
    """The image in grey, or how the loss rises with each of its pixels."""
    if graph.carried == "activations":
        return png_uri(graph.image)
    limit = float(np.abs(graph.pixel_gradients).max())
    return png_uri(theme.signed_index(graph.pixel_gradients, limit), _table(dark))


def _table(dark: bool) -> Array:
    table = np.zeros((256, 3), dtype=np.uint8)
    table[: theme.N_SIGNED] = theme.signed_colours(dark)
    return table


def _tiles(columns: Sequence[Column], dark: bool) -> str:
    """The units' pictures, a row of them for each layer, as one PNG."""
    if not columns:
        return ""
    sizes = [column.pictures.shape for column in columns]
    index = np.full((sum(side for _, side, _ in sizes), max(n * side for n, side, _ in sizes)), CLEAR, dtype=np.uint8)
    top = 0
    for column, (n, side, _) in zip(columns, sizes, strict=True):
        limit = float(weight_limits(column.pictures.reshape(n, -1).T, True)[0]) if n else 0.0
        rows = theme.signed_index(column.pictures, limit)
        index[top : top + side, : n * side] = rows.swapaxes(0, 1).reshape(side, n * side)
        top += side
    return png_uri(index, _table(dark), clear=CLEAR)


def _column(column: Column, backward: bool) -> dict[str, Any]:
    values, layer = column.gradients if backward else column.activations, column.layer
    lit = _signed_share(values)
    fields: list[list[int] | None] = [[rows.start, rows.stop, cols.start, cols.stop] for rows, cols in column.fields]
    units = [
        {
            "unit": int(unit),
            "lit": lit[at],
            "said": f"{layer.unit.capitalize()} {unit:,}",
            "value": _words(column.activations[at]),
            "gradient": _words(column.gradients[at]),
            "field": fields[at] if fields else None,
        }
        for at, unit in enumerate(column.shown)
    ]
    return {"titles": _titles(column), "side": column.pictures.shape[1], "units": units}


def _titles(column: Column) -> list[str]:
    """What stands over a layer, the longest first; each says how many units are not shown where some are not."""
    layer, whole = column.layer, f"{column.layer.size:,} {column.layer.unit}s"
    if not column.n_hidden:
        return [f"{layer.title}: {whole}", whole, f"{layer.size:,}"]
    shown = f"{len(column.shown):,} of {layer.size:,}"
    return [f"{layer.title}: {whole}, {column.n_hidden:,} not shown", f"{shown} {layer.unit}s", shown]


def _edges(edges: Edges, before: dict[int, int] | None, after: dict[int, int]) -> list[list[Any]]:
    """[place of the source (None before: a pixel), place of the target, share of the largest, value in words]."""
    return [
        [int(source) if before is None else before[int(source)], after[int(target)], share, _words(value)]
        for source, target, share, value in zip(
            edges.sources, edges.targets, _signed_share(edges.values), edges.values, strict=True
        )
    ]


def _signed_share(values: Array) -> list[float]:
    """Each value over the largest magnitude among them, to three digits."""
    largest = float(np.abs(values).max(initial=0.0))
    return [round(float(value) / largest, 3) if largest > 0 else 0.0 for value in values]


def _words(value: float) -> str:
    """Three digits, however small: gradients are."""
    return f"{float(value):.3g}".replace("-", "\N{MINUS SIGN}")
