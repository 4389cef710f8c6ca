"""What a network's first layer looks for, as pictures: its filters, of a dense or a convolutional layer."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from nn_core.data.dataset import SIDE
from nn_core.machine.memory import Array


def is_convolutional(weights: Mapping[str, Array]) -> bool:
    """Whether the first layer is a convolution."""
    return "conv1.W" in weights


def first_filters(weights: Mapping[str, Array]) -> Array:
    """The first layer's weights, a column a unit or channel: (784, n) of whole images, (K K, n) of a convolution."""
    if is_convolutional(weights):
        W = weights["conv1.W"]
        return W.reshape(len(W), -1).T
    return weights["dense1.W"]


def pictures(filters: Array) -> Array:
    """Filters (side * side, n) as pictures (n, 28, 28): whole images as they are, kernels enlarged, zeros around."""
    side = math.isqrt(len(filters))
    small = filters.T.reshape(-1, side, side)
    if side == SIDE:
        return small
    times = SIDE // side
    before = (SIDE - times * side) // 2
    large = np.zeros((len(small), SIDE, SIDE), filters.dtype)
    inside = slice(before, before + times * side)
    large[:, inside, inside] = small.repeat(times, axis=1).repeat(times, axis=2)
    return large


def first_biases(weights: Mapping[str, Array]) -> Array:
    """The bias of each filter, (n,)."""
    return weights["conv1.b" if is_convolutional(weights) else "dense1.b"]


def hidden_sizes(weights: Mapping[str, Array]) -> list[int]:
    """The number of units, or channels, of each hidden layer, from the first to the last."""
    shapes = [W.shape for name, W in weights.items() if name.endswith(".W")]
    return [shape[1] if len(shape) == 2 else shape[0] for shape in shapes][:-1]
