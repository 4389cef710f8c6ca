"""A network as a picture: for one image the units, what each puts out or how it pulls on the loss, and what links them.

Forward, an edge carries weight x activation: what a unit adds to the sum of the next. Backward, it carries weight x
delta: what reaches the unit from the loss through the next, delta being dL/dz of that one's sum z (Rumelhart, Hinton &
Williams 1986). Without dropout; normalization as in evaluation.

A channel of maps is one unit. Its activation is the largest value of its map; forward, its edges are what makes up that
one value, which the channel's receptive field in the image shows. Backward, an edge carries by how much the loss would
rise with the channel's whole map, and its gradient is that of its bias, the sum of delta over all places.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from nn_core.data.dataset import SIDE
from nn_core.explain.edges import Carried, at_places, back_to_maps, into_dense
from nn_core.explain.maps import HiddenLayer, hidden_layers, receptive_field
from nn_core.explain.one_image import OneImage
from nn_core.machine.memory import Array
from nn_core.nn.network import Network

Field = tuple[slice, slice]  # rows and columns of the image


@dataclass(frozen=True, eq=False, repr=False)
class Edges:
    """The strongest of the edges that lead into a layer: source -> target."""

    sources: Array  # int64 (n,): units of the layer before, or pixels (row * 28 + column) of the image
    targets: Array  # int64 (n,): units of the layer
    values: Array  # (n,), signed: weight x activation, or weight x delta


@dataclass(frozen=True, eq=False, repr=False)
class Column:
    """One hidden layer, as far as it is shown."""

    layer: HiddenLayer
    shown: Array  # int64 (k,): the most active units, ascending by number
    activations: Array  # (k,)
    gradients: Array  # (k,): dL/dz, z being the unit's weighted sum; the same as that of its bias
    pictures: Array  # (k, side, side): how z rises with each pixel (for this image), or the channel's map
    edges: Edges
    fields: tuple[Field, ...] = ()  # of channels: what their largest value sees

    @property
    def n_hidden(self) -> int:
        """How many of the layer's units are not shown."""
        return self.layer.size - len(self.shown)


@dataclass(frozen=True, eq=False, repr=False)
class Graph:
    """What the picture of a network shows for one image."""

    carried: Carried
    image: Array  # uint8 (28, 28)
    pixel_gradients: Array  # (28, 28): how the loss rises with each pixel's brightness, 0 for black to 1 for white
    columns: tuple[Column, ...]
    edges: Edges  # into the outputs
    logits: Array  # (10,)
    gradients: Array  # (10,): dL/dlogits
    probabilities: Array  # (10,)
    target: int  # the class that the loss is taken for
    loss: float

    def __repr__(self) -> str:
        sizes = ", ".join(f"{len(column.shown)} of {column.layer.size}" for column in self.columns)
        return f"Graph({self.carried}; {sizes})"


def network_graph(
    model: Network,
    image: Array,
    target: int | None,
    *,
    carried: Carried = "activations",
    n_shown: int = 16,
    n_edges: int = 4,
) -> Graph:
    """The picture of a network for one uint8 image (28, 28) of class `target` (None: the class that it is read as).

    Of each hidden layer the `n_shown` most active units, and into each unit the `n_edges` strongest edges from units
    that are shown. The edges from the image start at its pixels, or for channels at the middle of what they see.
    """
    of, columns = OneImage(model, image, target), []
    before = None  # the units that are shown of the layer before
    for at, layer in enumerate(hidden_layers(model.config)):
        shown = most_active(of.activations[at], n_shown)
        columns.append(_column(of, model, at, layer, shown, before, carried, n_edges))
        before = shown
    outputs = np.arange(len(of.logits))
    edges = _into_dense(of, len(columns), before, outputs, carried, n_edges)
    return Graph(
        carried,
        image,
        of.pixel_gradients,
        tuple(columns),
        edges,
        of.logits,
        of.weighted[-1].delta,
        of.probabilities,
        of.target,
        of.loss,
    )


def most_active(activations: Array, n: int) -> Array:
    """The n units with the largest magnitude, (n,) ascending by number; of maps (C, H, W) that of the largest value."""
    strength = np.abs(_as_units(activations))
    return np.sort(np.argsort(-strength, kind="stable")[:n])


def _as_units(activations: Array) -> Array:
    """One value a unit: of a map its largest."""
    return activations if activations.ndim == 1 else activations.max(axis=(1, 2))


def _column(
    of: OneImage,
    model: Network,
    at: int,
    layer: HiddenLayer,
    shown: Array,
    before: Array | None,
    carried: Carried,
    n_edges: int,
) -> Column:
    outputs, weighted = of.activations[at][shown], of.weighted[at]
    gradients = weighted.delta[shown].reshape(len(shown), -1).sum(axis=1)
    if layer.kind == "dense":
        edges = _into_dense(of, at, before, shown, carried, n_edges)
        return Column(layer, shown, outputs, gradients, of.pixel_weights(at, shown), edges)
    places = [divmod(int(values.argmax()), layer.side) for values in outputs]
    fields = tuple(receptive_field(model.config, at, row, column) for row, column in places)
    into = back_to_maps if carried == "gradients" else partial(at_places, places=places, config=model.config)
    if before is None:  # one edge a channel, from the middle of what it sees
        middles = [((rows.start + rows.stop - 1) // 2, (cols.start + cols.stop - 1) // 2) for rows, cols in fields]
        sources = np.array([row * SIDE + column for row, column in middles])
        edges = Edges(sources, shown, gradients if carried == "gradients" else into(weighted, shown)[0])
    else:
        edges = _strongest(into(weighted, shown)[before], before, shown, n_edges)
    return Column(layer, shown, _as_units(outputs), gradients, outputs, edges, fields)


def _into_dense(of: OneImage, at: int, before: Array | None, targets: Array, carried: Carried, n: int) -> Edges:
    """The strongest edges into units of a dense layer; `before` are the units shown before it, None for all pixels."""
    weighted = of.weighted[at]
    n_sources = len(weighted.x) if at == 0 else len(of.activations[at - 1])
    sources = np.arange(n_sources) if before is None else before
    return _strongest(into_dense(weighted, n_sources, targets, carried)[sources], sources, targets, n)


def _strongest(values: Array, sources: Array, targets: Array, n: int) -> Edges:
    """Of what edges carry, (n_sources, n_targets), the n largest magnitudes that lead into each target; none of 0."""
    best = np.argsort(-np.abs(values), axis=0, kind="stable")[:n]  # (n, n_targets)
    kept = np.take_along_axis(values, best, axis=0)
    which = kept != 0
    into = np.broadcast_to(targets, best.shape)
    return Edges(sources[best[which]], into[which], kept[which])
