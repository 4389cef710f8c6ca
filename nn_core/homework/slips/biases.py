"""The biases, and the shapes that their sums come in."""

from __future__ import annotations

import numpy as np

from nn_core.homework.slips.catalogue import Wrong, slip
from nn_core.machine.memory import Array


@slip(
    "bias_wrong_axis",
    "the bias is summed over the units in place of the images",
    wrong="db = np.sum(dZ, axis=0, keepdims=True)",
    right="db = np.sum(dZ, axis=1, keepdims=True)",
)
class BiasWrongAxis(Wrong):
    """A bias is shared by all images: its gradient is a sum over them, and there is one number a unit."""

    def db(self, layer: int, dz: Array) -> Array:
        return dz.sum(axis=1)


@slip(
    "bias_summed_over_all",
    "the bias is summed over everything",
    wrong="db = 1/m * np.sum(dZ)",
    right="db = 1/m * np.sum(dZ, axis=1, keepdims=True)",
)
class BiasSummedOverAll(Wrong):
    """np.sum without an axis gives one number for the whole layer. Each unit has a bias, and a gradient, of its
    own."""

    def db(self, layer: int, dz: Array) -> Array:
        return np.asarray(dz.sum())


@slip(
    "bias_not_summed",
    "the bias is not summed over the images",
    wrong="db = dZ",
    right="db = np.sum(dZ, axis=1, keepdims=True)",
)
class BiasNotSummed(Wrong):
    """A bias is shared by all images: its gradient is the sum of dZ over them."""

    def db(self, layer: int, dz: Array) -> Array:
        return dz


@slip(
    "bias_left_out",
    "the bias is left out on the way forward",
    wrong="Z1 = W1 @ X",
    right="Z1 = W1 @ X + b1",
    by_layer=True,
)
class BiasLeftOut(Wrong):
    """Z = W @ A + b. Without b the probabilities are those of another network."""

    def sums(self, layer: int, a: Array) -> Array:
        return a @ self.case.weights[layer]
