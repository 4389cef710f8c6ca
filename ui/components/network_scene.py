"""One stage of a training step in the network's picture: what the pass has come to is lit, the rest is dark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nn_core.explain.walkthrough.picture import Edge, Lit, Scene, StepPicture
from nn_core.machine.numbers import probability
from ui.components.network_picture import edges_of, message_of, signed_share, titles, unit_name, words

OPENS = "Click for its numbers."
FEW = 16  # inputs, up to which each is written out


def scene_message(picture: StepPicture, scene: Scene, names: Sequence[str], dark: bool, chosen: Edge) -> dict[str, Any]:
    """What ui/components/network_picture.js draws of a stage; `names` are those of the classes."""
    graph, n = picture.graph, len(picture.graph.columns)
    message = message_of(graph, names, dark)
    for layer, column in enumerate(graph.columns):
        lit = scene.layers[layer]
        shown = message["columns"][layer]
        said = [f"{lit.symbol}  {title}".strip() for title in titles(column.layer, column.n_hidden)]
        shown["titles"] = [*said, lit.symbol] if lit.symbol else said
        for at, unit in enumerate(shown["units"]):
            unit.update(_unit(unit_name(column, at), lit, at))
    outputs = scene.layers[n]
    for at, output in enumerate(message["outputs"]):
        output.update(_output(output["name"], outputs, at), opens=OPENS)
    few = graph.image.size <= FEW
    return {
        **message,
        "edges": edges_of(graph, scene.edges),
        "carried": [f"{what}, {'to' if scene.is_backward else 'from'}" for what in scene.carried],
        "signed": outputs.symbol != "p",
        "title": f"{outputs.symbol}  outputs".strip(),
        "stage": {"at": scene.at, "edges": scene.on_edges},
        "chosen": _place(picture, chosen),
        "inputs": [words(value) for value in graph.image.ravel()] if few else [],
    }


def _unit(name: str, lit: Lit, at: int) -> dict[str, Any]:
    if lit.values is None:
        return {"lit": 0, "tip": f"{name}: nothing yet at this stage", "words": "", "opens": OPENS}
    value = words(lit.values[at])
    return {
        "lit": signed_share(lit.values)[at],
        "tip": f"{name}: {lit.symbol} = {value}",
        "words": value,
        "opens": OPENS,
    }


def _output(name: str, lit: Lit, at: int) -> dict[str, Any]:
    """An output's circle is filled by its probability, which is there at the stages of the loss alone."""
    if lit.values is None:
        return {"p": 0, "words": "", "lit": 0, "tip": f"Output {name}: nothing yet at this stage"}
    value = float(lit.values[at])
    if lit.symbol == "p":
        said = probability(value)
        return {"p": value, "words": said if value >= 0.001 else "", "lit": value, "tip": f"Output {name}: p = {said}"}
    share = signed_share(lit.values)[at]
    return {"p": 0, "words": words(value), "lit": share, "tip": f"Output {name}: {lit.symbol} = {words(value)}"}


def _place(picture: StepPicture, chosen: Edge) -> dict[str, int] | None:
    """Where the chosen weight or bias is drawn; None where its unit is not shown."""
    layer, source, unit = chosen
    found = np.flatnonzero(picture.shown[layer] == unit)
    if not len(found):
        return None
    if source is None:
        return {"layer": layer, "place": int(found[0])}
    if layer == 0:
        return {"layer": layer, "place": int(found[0]), "from": source}
    before = np.flatnonzero(picture.shown[layer - 1] == source)
    return {"layer": layer, "place": int(found[0]), "from": int(before[0])} if len(before) else None
