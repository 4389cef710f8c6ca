"""The layers that names and shapes of foreign arrays tell of, in their order, and how their arrays lie.

Frameworks differ in three things: names (0.weight, fc1.weight, layers.0.kernel), whether a dense layer's matrix is
(outputs, inputs) as in PyTorch or (inputs, outputs) as in Keras, and whether a convolution's kernels are (outputs,
inputs, rows, columns) or (rows, columns, inputs, outputs). The shapes settle most of it: the layers must lead from 784
pixels to ten digits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise, permutations
from typing import NamedTuple, TypeVar

from nn_core.config.errors import shorten
from nn_core.config.setting import MAX_HIDDEN_LAYERS
from nn_core.data.dataset import N_CLASSES, N_PIXELS
from nn_core.export.source import ExportError

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]

PARTS = {  # the last part of a name -> what it is
    **dict.fromkeys(("weight", "kernel", "W", "w"), "W"),
    **dict.fromkeys(("bias", "b"), "b"),
    **dict.fromkeys(("gamma", "scale"), "gamma"),
    "beta": "beta",
    **dict.fromkeys(("running_mean", "moving_mean", "mean"), "mean"),
    **dict.fromkeys(("running_var", "moving_variance", "var"), "var"),
}
LEFT_OUT = "num_batches_tracked"  # PyTorch's count, which no prediction depends on
TURNED, STRAIGHT = "out-in", "in-out"  # of a dense layer's matrix
AXES = {"OIHW": (0, 1, 2, 3), "HWIO": (3, 2, 0, 1)}  # where outputs, inputs, rows and columns of a kernel are
MOST_TOLD = 8  # layers in a sentence


@dataclass(frozen=True)
class Layer:
    """One layer of the file: its name there, and by our word for it ("W", "b", "gamma", ...) each array's name."""

    name: str
    parts: dict[str, str] = field(default_factory=dict)

    def shape(self, shapes: Shapes) -> Shape:
        """Of its weights; of gamma, mean or beta in a normalization."""
        return shapes[next(self.parts[part] for part in ("W", "gamma", "mean", "beta", "b") if part in self.parts)]


class Found(NamedTuple):
    """The layers by kind, each kind in its order, and the layouts that fit them."""

    convs: Sequence[Layer]
    denses: Sequence[Layer]
    norms: Sequence[Layer]
    kernels: str  # of AXES; "OIHW" where there is no convolution
    orientations: Sequence[str]  # of the dense matrices: the likelier first, two where both fit


def layers_of(shapes: Shapes) -> Found:
    """The network that the arrays tell of. Raises ExportError where they make none from 784 pixels to ten digits."""
    kinds: dict[int, list[Layer]] = {1: [], 2: [], 4: []}
    for layer in _grouped(shapes):
        dimensions = len(layer.shape(shapes))
        if dimensions not in kinds:
            raise ExportError(f"{shorten(layer.name)} must be a dense layer, a convolution or a normalization")
        kinds[dimensions].append(layer)
    if not 1 <= len(kinds[2]) <= MAX_HIDDEN_LAYERS + 1 or len(kinds[4]) > MAX_HIDDEN_LAYERS:
        raise ExportError(
            f"the file must hold at most {MAX_HIDDEN_LAYERS} convolutions and 1 to {MAX_HIDDEN_LAYERS + 1} dense "
            f"layers, got {len(kinds[4])} and {len(kinds[2])}"
        )
    kernels, convs = _conv_order(kinds[4], shapes)
    maps = convs[-1].shape(shapes)[AXES[kernels][0]] if convs else 0
    orientations, denses = _dense_order(kinds[2], maps, kernels if convs else "", shapes)
    units = [sizes_of(layer, orientations[0], shapes)[1] for layer in denses[:-1]]
    normalized = [layer.shape(shapes)[AXES[kernels][0]] for layer in convs] or units
    norms = _norm_order(kinds[1], normalized, (convs or denses) == (kinds[4] or kinds[2]), shapes)
    return Found(convs, denses, norms, kernels, orientations)


def told(layers: Sequence[Layer], shapes: Shapes) -> str:
    """The layers with their shapes, for a sentence."""
    texts = [f"{shorten(layer.name)} {layer.shape(shapes)}" for layer in layers[:MOST_TOLD]]
    return ", ".join(texts) + (" and others" if len(layers) > MOST_TOLD else "")


# ---------------------------------------------------------------------------------------------- names


def _grouped(shapes: Shapes) -> list[Layer]:
    """The layers, those without a number of their own first, then by their numbers."""
    layers: dict[str, Layer] = {}
    for name, shape in shapes.items():
        prefix, _, last = name.rpartition(".")
        if last == LEFT_OUT:
            continue
        if last not in PARTS or not shape:
            raise ExportError(
                f"the network here has no weights called {shorten(name)}; a layer's are called weight or kernel, bias, "
                "and those of a normalization gamma, beta, running_mean, running_var or moving_mean, moving_variance"
            )
        parts = layers.setdefault(prefix, Layer(prefix)).parts
        part = PARTS[last]
        if part in parts:
            raise ExportError(f"{shorten(parts[part])} and {shorten(name)} are the same part of one layer")
        parts[part] = name
    for layer in layers.values():
        _name_normalization(layer, shapes)
        odd = set(layer.parts) - ({"W", "b"} if "W" in layer.parts else {"gamma", "beta", "mean", "var"})
        if odd or ("mean" in layer.parts) != ("var" in layer.parts):
            raise ExportError(f"the parts of {shorten(layer.name)} make no layer: {', '.join(sorted(layer.parts))}")
    return sorted(layers.values(), key=lambda layer: _natural(layer.name))


def _name_normalization(layer: Layer, shapes: Shapes) -> None:
    """A weight that is a row of numbers is a normalization's gamma, and the bias beside it beta."""
    parts = layer.parts
    if "W" in parts and len(shapes[parts["W"]]) > 1:
        return
    for plain, ours in (("W", "gamma"), ("b", "beta")):
        if plain in parts and ours not in parts:
            parts[ours] = parts.pop(plain)
    if "gamma" not in parts and "mean" not in parts:
        raise ExportError(f"the layer {shorten(layer.name)} has no weights")


def _natural(name: str) -> list[tuple[int, int, str]]:
    """So that 2 stands before 10, and dense before dense_1."""
    return [
        (0, int(part[:18]), "") if part.isdecimal() and part.isascii() else (1, 0, part)
        for part in re.split(r"([0-9]+)", name)
    ]


# ---------------------------------------------------------------------------------------------- order and layout


Fit = TypeVar("Fit")


def _ordered(
    layers: Sequence[Layer], fits: Callable[[Sequence[Layer]], Fit], shapes: Shapes
) -> tuple[Fit, Sequence[Layer]] | None:
    """What fits the order of the names, else the only other order that fits, with that order; None where none does."""
    if found := fits(layers):
        return found, layers
    others = [(found, list(order)) for order in permutations(layers) if (found := fits(order))]
    if len(others) > 1:
        raise ExportError(f"the names do not tell the order of these layers: {told(layers, shapes)}")
    return others[0] if others else None


def _conv_order(convs: Sequence[Layer], shapes: Shapes) -> tuple[str, Sequence[Layer]]:
    """How the kernels lie, and the order in which each convolution takes what the one before it gives."""
    if not convs:
        return "OIHW", convs

    def fits(order: Sequence[Layer]) -> str:
        for layout, axes in AXES.items():
            sizes = [[layer.shape(shapes)[axis] for axis in axes] for layer in order]
            alike = len({size for _, _, *kernel in sizes for size in kernel}) == 1
            if alike and sizes[0][1] == 1 and all(one[0] == two[1] for one, two in pairwise(sizes)):
                return layout
        return ""

    if found := _ordered(convs, fits, shapes):
        return found
    raise ExportError(
        "the convolutions must lead from one channel on, each from the channels of the one before it, with square "
        f"kernels of one size: {told(convs, shapes)}"
    )


def _dense_order(
    denses: Sequence[Layer], maps: int, kernels: str, shapes: Shapes
) -> tuple[Sequence[str], Sequence[Layer]]:
    """How the matrices lie, and the order that leads to ten outputs; two orientations where both do."""
    likelier = (STRAIGHT, TURNED) if kernels == "HWIO" else (TURNED, STRAIGHT)
    fits = partial(_fitting, ways=likelier, maps=maps, shapes=shapes)
    if found := _ordered(denses, fits, shapes):
        return found
    begin = f"{maps} channels" if maps else f"{N_PIXELS} pixels"
    raise ExportError(
        f"the dense layers must lead from {begin} to {N_CLASSES} digits, each from the units of the one before it: "
        f"{told(denses, shapes)}"
    )


def _fitting(order: Sequence[Layer], ways: Sequence[str], maps: int, shapes: Shapes) -> list[str]:
    return [way for way in ways if _leads(order, way, maps, shapes)]


def _norm_order(norms: list[Layer], units: list[int], named: bool, shapes: Shapes) -> list[Layer]:
    """One for each hidden layer: in the order of the names where those tell that of the layers, else by their sizes."""
    if not norms:
        return norms
    sizes = [layer.shape(shapes)[0] for layer in norms]
    if len(norms) != len(units):
        raise ExportError(
            "a network here normalizes each of its hidden layers (of a CNN: each convolution) or none: "
            f"got {len(units)} and {len(norms)} normalizations"
        )
    if sorted(sizes) != sorted(units):
        raise ExportError(f"the normalizations must have {units} units, got {sizes}")
    if named and sizes == units:
        return norms
    if len(set(units)) < len(units):
        raise ExportError(f"the names do not tell which layer each belongs to: {told(norms, shapes)}")
    return sorted(norms, key=lambda layer: units.index(layer.shape(shapes)[0]))


def _leads(order: Sequence[Layer], way: str, maps: int, shapes: Shapes) -> bool:
    sizes = [sizes_of(layer, way, shapes) for layer in order]
    first = sizes[0][0]
    begins = first > 0 and first % maps == 0 if maps else first == N_PIXELS
    return begins and sizes[-1][1] == N_CLASSES and all(one[1] == two[0] for one, two in pairwise(sizes))


def sizes_of(layer: Layer, way: str, shapes: Shapes) -> tuple[int, int]:
    """Inputs and outputs of a dense layer."""
    rows, columns = layer.shape(shapes)
    return (columns, rows) if way == TURNED else (rows, columns)
