"""The way of one image through a network, step by step: the parts of a block, and the arithmetic of softmax."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nn_core.config.choices import choices
from nn_core.machine.memory import Array
from nn_core.nn.activations import Activation
from nn_core.nn.conv import AvgPool2D, Conv2D, MaxPool2D
from nn_core.nn.network import Network


@dataclass(frozen=True, eq=False)
class Stage:
    """What one part of a block makes of an image: float32 (C, H, W)."""

    name: str  # "convolution", "max pooling", "normalization" or the activation's own
    maps: Array

    def __repr__(self) -> str:
        return f"Stage({self.name}, {' x '.join(map(str, self.maps.shape))})"


def block_stages(model: Network, image: Array, block: int) -> list[Stage]:
    """The maps behind each part of a block (from 0), in the order of the network, for one image uint8 (28, 28).

    A network without such a block has none.
    """
    x, number, stages = model.inputs(image[None]), -1, []
    for layer in model.layers:
        x = layer.forward(x)
        number += isinstance(layer, Conv2D)
        if number == block and x.ndim == 4:
            stages.append(Stage(_name(model, layer), x[0].copy()))
        if number == block and isinstance(layer, Activation):
            break
    return stages


def _name(model: Network, layer: object) -> str:
    if isinstance(layer, Activation):
        return choices("activation")[model.config.activation].label
    names = {Conv2D: "convolution", MaxPool2D: "max pooling", AvgPool2D: "average pooling"}
    return next((name for kind, name in names.items() if isinstance(layer, kind)), "normalization")


@dataclass(frozen=True, eq=False)
class SoftmaxSteps:
    """How ten logits become shares that sum to 1; float64 (10,) each.

    The largest logit is subtracted first: the shares stay the same, and no exponential is too large for a computer.
    """

    logits: Array
    below: Array  # each logit minus the largest, 0 or less
    powers: Array  # e to that, from 0 to 1
    total: float  # the sum of the powers
    shares: Array  # powers / total


def softmax_steps(logits: Array) -> SoftmaxSteps:
    """exp(z_i - max z) / sum_j exp(z_j - max z) for logits (10,), with what stands between (Bridle 1990)."""
    z = np.asarray(logits, dtype=np.float64)
    below = z - z.max()
    powers = np.exp(below)
    total = float(powers.sum())
    return SoftmaxSteps(z, below, powers, total, powers / total)
