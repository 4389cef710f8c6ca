"""A training step in the picture of its network: of each stage, which units and edges are at work and what they carry.

Forward, an edge carries weight x activation; on the way back weight x delta, and where the gradients of a layer's
weights are made, each edge its own; in the update, by how much its weight changes.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nn_core.explain.edges import Carried, weight_at
from nn_core.explain.graph import Edges, Graph, edges_into, graph_of
from nn_core.explain.one_image import OneImage, Weighted, as_pictures
from nn_core.explain.walkthrough.stages import BACKWARD, FORWARD, UPDATE, Named, Stage
from nn_core.explain.walkthrough.step import Passed, Step
from nn_core.explain.walkthrough.symbols import letter, output_of
from nn_core.machine.memory import Array
from nn_core.nn.activations import Activation
from nn_core.nn.conv import Conv2D
from nn_core.nn.layers import Dense

MOST_EDGES = 4  # that lead into each unit
CHANGES = {"step": "change of the weight", "share": "regularization's share", "g": "gradient after clipping"}
Edge = tuple[int, int | None, int]  # a layer, the unit or pixel before it (None: the unit's bias), the unit
NONE = Edges(np.array([], dtype=np.int64), np.array([], dtype=np.int64), np.array([]))


@dataclass(frozen=True, eq=False, repr=False)
class Lit:
    """What the shown units of a layer are lit by: values (k,), called `symbol`; values None where nothing is yet."""

    symbol: str = ""  # "A1", "dZ1"
    values: Array | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Scene:
    """The picture at one stage. Layers count from 0, the outputs last; -1 is the image."""

    layers: tuple[Lit, ...]  # of each hidden layer, and of the outputs
    edges: tuple[Edges, ...]  # into each of them
    carried: tuple[str, ...]  # what those carry, in words
    at: int  # the layer at work; beyond the outputs: all of them
    on_edges: bool  # whether it is the edges into it
    is_backward: bool

    def __repr__(self) -> str:
        return f"Scene({[lit.symbol for lit in self.layers]}, at {self.at}{' on its edges' * self.on_edges})"


class StepPicture:
    """One image of a step's batch in the picture of its network; `at` gives the scene of a stage."""

    def __init__(self, step: Step, image: int = 0, n_shown: int = 16) -> None:
        self.step, self.image = step, image
        passes = of_step(step, image)
        drawn = as_pictures(step.x[image].reshape(1, -1))[0]
        if drawn.shape[1] > 1:  # grey, the darkest black
            reach = float(np.ptp(drawn)) or 1.0
            drawn = ((drawn - drawn.min()) * (255 / reach)).astype(np.uint8)
        self.graph: Graph = graph_of(passes, drawn, carried="activations", n_shown=n_shown, n_edges=MOST_EDGES)
        self.of = replace(passes, model=step.model)  # the copy served the units' pictures; it is large
        self.shown = [*(column.shown for column in self.graph.columns), np.arange(len(self.of.logits))]
        self.own = [passed for passed in step.passed if isinstance(passed.layer, Dense | Conv2D)]

    def __repr__(self) -> str:
        return f"<StepPicture of image {self.image}: {self.graph!r}>"

    def at(self, stage: Stage, chosen: Edge | None = None) -> Scene:
        """What the picture shows at a stage; the edge `chosen` is there too where edges of its layer are."""
        n, step = len(self.shown), self.step
        number = step.passed[stage.at].number - 1 if 0 <= stage.at < len(step.passed) else n - 1
        if stage.part == UPDATE:
            return self._update(stage, chosen)
        if stage.part != BACKWARD:
            layers = tuple(self._forward(layer, stage.at) for layer in range(n))
            if stage.part != FORWARD:
                layers = (*layers[:-1], Lit("p", self.of.probabilities))
            reached = range(number + 1) if stage.at >= 0 else range(0)
            edges = tuple(self._edges(gap, "activations", chosen) if gap in reached else NONE for gap in range(n))
            sums = 0 <= stage.at < len(step.passed) and step.passed[stage.at] in self.own
            return Scene(layers, edges, ("weight × activation",) * n, number if stage.at >= 0 else -1, sums, False)
        return self._backward(stage, number, chosen)

    def _forward(self, layer: int, at: int) -> Lit:
        """What the units of a layer put out once the forward pass has come to the place `at`."""
        reached = [passed for passed in self.step.passed[: at + 1] if self._is_of(passed, layer)]
        return Lit(letter(reached[-1]), self._units(reached[-1].out, layer, np.max)) if reached else Lit()

    def _backward(self, stage: Stage, number: int, chosen: Edge | None) -> Scene:
        """The gradients with respect to all outputs that the backward pass has come to."""
        step, n = self.step, len(self.shown)
        passes_on = not stage.of and stage.at < len(step.passed)
        first = stage.at - 1 if passes_on else min(stage.at, len(step.passed) - 1)
        layers = []
        for layer in range(n):
            reached = [at for at in range(first, len(step.passed)) if self._is_of(step.passed[at], layer)]
            symbol = f"d{output_of(step, reached[0])}" if reached else ""
            values = self._units(step.passed[reached[0]].dout, layer, np.sum) if reached else None
            layers.append(Lit(symbol, values))
        edges, carried = [], []
        through = passes_on and step.passed[stage.at] in self.own
        for gap in range(n):
            own, passed = stage.of == "W" and gap == number, gap > number or (through and gap == number)
            made: Carried | Array = stage.arrays[0].values if own else "gradients"
            edges.append(self._edges(gap, made, chosen) if own or passed else NONE)
            carried.append(f"gradient of the weight, d{stage.of}{number + 1}" if own else "weight × delta")
        on_edges = through or stage.of == "W"
        return Scene(tuple(layers), tuple(edges), tuple(carried), number, on_edges, True)

    def _update(self, stage: Stage, chosen: Edge | None) -> Scene:
        """What the stage makes of every weight and bias."""
        made: dict[str, Named] = {}
        for array in stage.arrays:
            made.setdefault(array.param, array)
        layers, edges = [], []
        for gap, passed in enumerate(self.own):
            bias = made.get(f"{passed.name}.b")
            layers.append(Lit(bias.name, bias.values[self.shown[gap]]) if bias else Lit())
            edges.append(self._edges(gap, made[f"{passed.name}.W"].values, chosen))
        what = CHANGES[made[f"{self.own[0].name}.W"].name.partition(" of ")[0]]
        return Scene(tuple(layers), tuple(edges), (what,) * len(edges), len(edges), True, True)

    def _edges(self, gap: int, carried: Carried | Array, chosen: Edge | None) -> Edges:
        before = self.shown[gap - 1] if gap else None
        edges = edges_into(self.of, gap, before, self.shown[gap], carried, MOST_EDGES)
        layer, source, unit = chosen or (-1, None, 0)
        there = ((edges.sources == source) & (edges.targets == unit)).any()
        drawn = unit in self.shown[gap] and (before is None or source in before) if layer == gap else False
        if source is None or there or not drawn:
            return edges
        every = edges_into(self.of, gap, before, np.array([unit]), carried, len(self.of.weighted[gap].x))
        value = every.values[every.sources == source].sum()  # none where it carries nothing
        return Edges(np.append(edges.sources, source), np.append(edges.targets, unit), np.append(edges.values, value))

    def _is_of(self, passed: Passed, layer: int) -> bool:
        """Whether a value, or a map, of what comes out of a layer belongs to each unit of the hidden layer."""
        sizes = [*(column.layer.size for column in self.graph.columns), len(self.of.logits)]
        return passed.number == layer + 1 and passed.out.shape[1] == sizes[layer]

    def _units(self, values: Array, layer: int, over_map: Callable[..., Any]) -> Array:
        shown = values[self.image][self.shown[layer]]
        found: Array = shown if shown.ndim == 1 else over_map(shown, axis=(1, 2))
        return found

    def weight_of(self, edge: Edge) -> tuple[str, tuple[int, ...]]:
        """The weight (of several that of the largest gradient) or bias that an edge stands for: parameter and index."""
        layer, source, unit = edge
        if source is None:
            return f"{self.own[layer].name}.b", (unit,)
        name = f"{self.own[layer].name}.W"
        from_image = layer == 0 and isinstance(self.own[0].layer, Conv2D)
        gradients = self.step.data_gradients[name]
        return name, weight_at(gradients, self._n_sources(layer), 0 if from_image else source, unit)

    def edge_of(self, name: str, index: tuple[int, ...]) -> Edge:
        """The edge of a weight or bias."""
        layer = next(at for at, passed in enumerate(self.own) if name.startswith(f"{passed.name}."))
        if name.endswith(".b"):
            return layer, None, index[0]
        if len(index) == 2:
            return layer, index[0] // (len(self.step.before[name]) // self._n_sources(layer)), index[1]
        if layer:
            return layer, index[1], index[0]
        edges = self.graph.columns[0].edges  # from the middle of what the channel's largest value sees
        found = edges.sources[edges.targets == index[0]]
        return layer, int(found[0]) if len(found) else 0, index[0]

    def _n_sources(self, layer: int) -> int:
        return len(self.of.weighted[0].x) if layer == 0 else len(self.of.activations[layer - 1])


def of_step(step: Step, image: int) -> OneImage:
    """The passes of one image of a step's batch, as they were made there."""
    passed, one = step.passed, slice(image, image + 1)
    loss, label = step.model.loss, step.labels[one]
    return OneImage(
        model=deepcopy(step.model),
        x=step.x[one],
        activations=tuple(each.out[image] for each in passed if isinstance(each.layer, Activation)),
        weighted=tuple(
            Weighted(each.layer, each.x[image], each.out[image], each.dout[image])
            for each in passed
            if isinstance(each.layer, Dense | Conv2D)
        ),
        logits=step.logits[image],
        probabilities=step.probabilities[image],
        pixel_gradients=as_pictures(passed[0].dx[one])[0],
        target=int(label[0]),
        loss=loss.value(step.logits[one], label, step.config.label_smoothing),
    )
