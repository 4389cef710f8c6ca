"""A network as a picture: for one image the units, what each puts out or how it pulls on the loss, and what links them.

Forward, an edge carries weight x activation: what a unit adds to the sum of the next. Backward, it carries weight x
delta: what reaches the unit from the loss through the next, delta being dL/dz of that one's sum z (Rumelhart, Hinton &
Williams 1986). Without dropout; normalization as in evaluation.

A channel of maps is one unit. Its activation is the largest value of its map; forward, its edges are what makes up that
one value, which the channel's receptive field in the image shows. Backward, an edge carries by how much the loss would
rise with the channel's whole map, and its gradient is that of its bias, the sum of delta over all places.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.data.dataset import N_PIXELS, SIDE
from nn_core.explain.edges import Carried, at_places, back_to_maps, into_dense, of_weights, weight_at
from nn_core.explain.maps import HiddenLayer, hidden_layers, receptive_field
from nn_core.explain.one_image import OneImage, read_image
from nn_core.machine.memory import Array
from nn_core.nn.conv import Conv2D
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
    pictures: Array  # (k, rows, columns): how z rises with each pixel (for this image), or the channel's map
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
    image: Array  # uint8 (28, 28), or signed (n, 1) where there are n other inputs
    pixel_gradients: Array  # as the image: how the loss rises with each pixel's brightness, 0 for black to 1 for white
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
    of = model.config, model.weights()
    return graph_of_weights(*of, image, target, carried=carried, n_shown=n_shown, n_edges=n_edges)


def graph_of_weights(
    config: RunConfig,
    weights: Mapping[str, Array],
    image: Array,
    target: int | None,
    *,
    carried: Carried = "activations",
    n_shown: int = 16,
    n_edges: int = 4,
) -> Graph:
    """The same of the network with these weights by name."""
    of = read_image(config, weights, image, target)
    return graph_of(of, image, carried=carried, n_shown=n_shown, n_edges=n_edges)


def graph_of(of: OneImage, image: Array, *, carried: Carried, n_shown: int, n_edges: int) -> Graph:
    """The same of passes that were made; `image` is what is drawn of their inputs."""
    columns: list[Column] = []
    before = None  # the units that are shown of the layer before
    for at, layer in enumerate(hidden_layers(of.model.config)):
        shown = most_active(of.activations[at], n_shown)
        columns.append(_column(of, at, layer, shown, before, carried, n_edges))
        before = shown
    outputs = np.arange(len(of.logits))
    edges = edges_into(of, len(columns), before, outputs, carried, n_edges)
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


def weight_between(
    config: RunConfig, weights: Mapping[str, Array], layer: int, source: int, unit: int
) -> tuple[str, tuple[int, ...]]:
    """The weight that an edge stands for, by parameter and index; of several the largest."""
    name = [name for name in weights if name.endswith(".W")][layer]
    values, n_sources = weights[name], N_PIXELS if layer == 0 else hidden_layers(config)[layer - 1].size
    from_image = layer == 0 and values.ndim == 4
    return name, weight_at(values, n_sources, 0 if from_image else source, unit)


def most_active(activations: Array, n: int) -> Array:
    """The n units with the largest magnitude, (n,) ascending by number; of maps (C, H, W) that of the largest value."""
    strength = np.abs(_as_units(activations))
    return np.sort(np.argsort(-strength, kind="stable")[:n])


def _as_units(activations: Array) -> Array:
    """One value a unit: of a map its largest."""
    return activations if activations.ndim == 1 else activations.max(axis=(1, 2))


def _column(
    of: OneImage,
    at: int,
    layer: HiddenLayer,
    shown: Array,
    before: Array | None,
    carried: Carried,
    n_edges: int,
) -> Column:
    outputs, deltas = of.activations[at][shown], of.weighted[at].delta[shown]
    gradients = deltas.reshape(len(shown), -1).sum(axis=1)
    edges = edges_into(of, at, before, shown, carried, n_edges)
    if layer.kind == "dense":
        return Column(layer, shown, outputs, gradients, of.pixel_weights(at, shown), edges)
    return Column(layer, shown, _as_units(outputs), gradients, outputs, edges, _fields(of, at, shown))


def edges_into(of: OneImage, at: int, before: Array | None, targets: Array, carried: Carried | Array, n: int) -> Edges:
    """The strongest edges into units of the layer with weights `at`, from those shown before it (None: the pixels).

    They carry weight x activation or weight x delta, or what stands in an array of the form of the layer's weights.
    """
    weighted = of.weighted[at]
    if isinstance(weighted.layer, Conv2D):
        values, sources = _into_channels(of, at, targets, carried), before
        if sources is None:  # one edge a channel, from the middle of what it sees
            middles = [_middle(rows) * SIDE + _middle(columns) for rows, columns in _fields(of, at, targets)]
            return Edges(np.array(middles), targets, values[0])
    else:
        n_sources = len(weighted.x) if at == 0 else len(of.activations[at - 1])
        sources = np.arange(n_sources) if before is None else before
        values = (
            of_weights(carried, n_sources, targets)
            if isinstance(carried, np.ndarray)
            else into_dense(weighted, n_sources, targets, carried)
        )
    return _strongest(values[sources], sources, targets, n)


def _into_channels(of: OneImage, at: int, targets: Array, carried: Carried | Array) -> Array:
    weighted = of.weighted[at]
    if isinstance(carried, np.ndarray):
        return of_weights(carried, len(weighted.x), targets)
    if carried == "gradients":
        first = weighted.delta[targets].sum(axis=(1, 2))[None]  # of the image: what reaches the channel
        return back_to_maps(weighted, targets) if at else first
    return at_places(weighted, targets, _places(of, at, targets), of.model.config)


def _places(of: OneImage, at: int, channels: Array) -> list[tuple[int, int]]:
    """Where the maps of some channels are largest: (row, column)."""
    maps = of.activations[at][channels]
    return [divmod(int(values.argmax()), values.shape[1]) for values in maps]


def _fields(of: OneImage, at: int, channels: Array) -> tuple[Field, ...]:
    """What the largest values of some channels see of the image."""
    return tuple(receptive_field(of.model.config, at, row, column) for row, column in _places(of, at, channels))


def _middle(of: slice) -> int:
    middle: int = (of.start + of.stop - 1) // 2
    return middle


def _strongest(values: Array, sources: Array, targets: Array, n: int) -> Edges:
    """Of what edges carry, (n_sources, n_targets), the n largest magnitudes that lead into each target; none of 0."""
    best = np.argsort(-np.abs(values), axis=0, kind="stable")[:n]  # (n, n_targets)
    kept = np.take_along_axis(values, best, axis=0)
    which = kept != 0
    into = np.broadcast_to(targets, best.shape)
    return Edges(sources[best[which]], into[which], kept[which])
