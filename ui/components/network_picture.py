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
from nn_core.explain.maps import HiddenLayer
from nn_core.export.png import png_uri
from nn_core.machine.memory import Array
from nn_core.machine.numbers import probability
from ui.charts import theme
from ui.charts.tiles import CLEAR, weight_limits
from ui.components.live_plot import to_json

PARTS = ("network_layout", "network_drawing", "network_pointing", "network_picture")
_component = st.components.v2.component(
    "glassnet_network_picture",
    js="\n".join(Path(__file__).with_name(f"{name}.js").read_text("utf-8") for name in PARTS),
    css=Path(__file__).with_suffix(".css").read_text("utf-8"),
    isolate_styles=False,
)


def network_picture(
    message: dict[str, Any],
    *,
    key: str,
    height: int,
    caption: str,
    label: str,
    live: bool = False,
    on_click: Callable[[], None] | None = None,
) -> None:
    """Draw the picture, or move the one of the same `key` to the new values; `height` in px is reserved on the page.

    `message` is that of `message_of` or `scene_message`, `caption` stands under the image, `label` is what a screen
    reader says. While a network trains (`live`) it moves in few steps. A click, or Enter, calls `on_click` before the
    next run of the script; the session state of `key` then holds as "click" {"layer": from 0, "unit": its number}, and
    for an edge also {"source": unit or pixel before it}.
    """
    told = {**message, "height": height, "caption": caption, "label": label, "live": live}
    _component(
        key=key, data=to_json(told), width="stretch", height="content", on_click_change=on_click or (lambda: None)
    )


def message_of(graph: Graph, names: Sequence[str], dark: bool) -> dict[str, Any]:
    """What ui/components/network_picture.js draws of a network; `names` are those of the classes."""
    colours, backward = theme.palette(dark), graph.carried == "gradients"
    n, opened = len(graph.columns), "Click to open it."
    return {
        "dark": dark,
        "signed": backward,
        "colours": {"positive": colours.positive[3], "negative": colours.negative[3]},
        "image": image_uri(graph, dark, backward),
        "shape": list(graph.image.shape),
        "tiles": _tiles(graph.columns, dark),
        "columns": [_column(column, backward, opened) for column in graph.columns],
        "edges": edges_of(graph, [*(column.edges for column in graph.columns), graph.edges]),
        "carried": ["weight × delta, to" if backward else "weight × activation, from"] * (n + 1),
        "edge": "Click to follow this weight.",
        "outputs": [
            {
                "name": name,
                "p": float(graph.probabilities[at]),
                "words": words(graph.gradients[at]) if backward else probability_words(graph.probabilities[at]),
                "tip": f"Output {name}: {probability(graph.probabilities[at])}, "
                + (f"gradient {words(graph.gradients[at])}" if backward else f"logit {words(graph.logits[at])}"),
                "lit": signed_share(graph.gradients)[at] if backward else float(graph.probabilities[at]),
                "colour": colours.digits[at % len(colours.digits)],
            }
            for at, name in enumerate(names)
        ],
        "title": "Gradient of the outputs" if backward else "Probabilities",
        "answer": int(graph.probabilities.argmax()),
        "target": graph.target,
    }


def image_uri(graph: Graph, dark: bool, gradients: bool) -> str:
    """The image in grey, other inputs on the signed scale; or how the loss rises with each of them."""
    values = graph.pixel_gradients if gradients else graph.image
    if values.dtype == np.uint8:
        return png_uri(values)
    return png_uri(theme.signed_index(values, float(np.abs(values).max())), _table(dark))


def probability_words(p: float) -> str:
    """A probability as it stands beside its bar: none for next to nothing, of which the tip tells."""
    return probability(p) if p >= 0.001 else ""


def _table(dark: bool) -> Array:
    table = np.zeros((256, 3), dtype=np.uint8)
    table[: theme.N_SIGNED] = theme.signed_colours(dark)
    return table


def _tiles(columns: Sequence[Column], dark: bool) -> str:
    """The units' pictures, a row of them for each layer, as one PNG."""
    if not columns:
        return ""
    sizes = [column.pictures.shape for column in columns]
    whole = sum(rows for _, rows, _ in sizes), max(n * across for n, _, across in sizes)
    index = np.full(whole, CLEAR, dtype=np.uint8)
    top = 0
    for column, (n, down, across) in zip(columns, sizes, strict=True):
        limit = float(weight_limits(column.pictures.reshape(n, -1).T, True)[0]) if n else 0.0
        rows = theme.signed_index(column.pictures, limit)
        index[top : top + down, : n * across] = rows.swapaxes(0, 1).reshape(down, n * across)
        top += down
    return png_uri(index, _table(dark), clear=CLEAR)


def _column(column: Column, backward: bool, opened: str) -> dict[str, Any]:
    values, layer = column.gradients if backward else column.activations, column.layer
    lit = signed_share(values)
    fields: list[list[int] | None] = [[rows.start, rows.stop, cols.start, cols.stop] for rows, cols in column.fields]
    units = [
        {
            "unit": int(unit),
            "lit": lit[at],
            "said": unit_name(column, at),
            "tip": f"{unit_name(column, at)}: activation {words(column.activations[at])}, "
            f"gradient {words(column.gradients[at])}",
            "opens": opened,
            "field": fields[at] if fields else None,
        }
        for at, unit in enumerate(column.shown)
    ]
    _, rows, columns = column.pictures.shape
    return {"titles": titles(layer, column.n_hidden), "rows": rows, "columns": columns, "units": units}


def unit_name(column: Column, at: int) -> str:
    """What a shown unit is called: "Unit 5"."""
    return f"{column.layer.unit.capitalize()} {column.shown[at]:,}"


def titles(layer: HiddenLayer, n_hidden: int) -> list[str]:
    """What stands over a layer, the longest first; each says how many units are not shown where some are not."""
    whole = f"{layer.size:,} {layer.unit}s"
    if not n_hidden:
        return [f"{layer.title}: {whole}", whole, f"{layer.size:,}"]
    shown = f"{layer.size - n_hidden:,} of {layer.size:,}"
    return [f"{layer.title}: {whole}, {n_hidden:,} not shown", f"{shown} {layer.unit}s", shown]


def edges_of(graph: Graph, every: Sequence[Edges]) -> list[list[list[Any]]]:
    """Of each layer's edges [place of the source (of the first: a pixel), place of the target, share, words].

    The share is that of the largest that leads into the layer.
    """
    places = [{int(unit): at for at, unit in enumerate(column.shown)} for column in graph.columns]
    targets = [*places, {at: at for at in range(len(graph.logits))}]
    return [
        [
            [int(source) if before is None else before[int(source)], after[int(target)], share, words(value)]
            for source, target, share, value in zip(
                edges.sources, edges.targets, signed_share(edges.values), edges.values, strict=True
            )
        ]
        for edges, before, after in zip(every, [None, *places], targets, strict=True)
    ]


def signed_share(values: Array) -> list[float]:
    """Each value over the largest magnitude among them, to three digits."""
    largest = float(np.abs(values).max(initial=0.0))
    return [round(float(value) / largest, 3) if largest > 0 else 0.0 for value in values]


def words(value: float) -> str:
    """Three digits, however small: gradients are."""
    return f"{float(value):.3g}".replace("-", "\N{MINUS SIGN}")
