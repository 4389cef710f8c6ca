"""One image on its way through a network and back: what goes into every layer, and how the loss rises with its sums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nn_core.config.choices import choices
from nn_core.data.dataset import SIDE
from nn_core.machine.memory import Array
from nn_core.nn.activations import Activation
from nn_core.nn.conv import Conv2D
from nn_core.nn.layers import Dense
from nn_core.nn.network import Network, from_weights


@dataclass(frozen=True, eq=False, repr=False)
class Weighted:
    """A layer with weights, for the image: z = x W + b, or the convolution's."""

    layer: Dense | Conv2D
    x: Array  # (n_in,) or (C, H, W)
    z: Array  # (n_out,) or (C, H, W)
    delta: Array  # dL/dz, as z


class OneImage:
    """The passes of a copy of `model` for a uint8 image (28, 28) and the loss of reading it as class `target`.

    With no `target` it is the class that the image is read as. Without dropout, normalization as in evaluation.
    """

    def __init__(self, model: Network, image: Array, target: int | None) -> None:
        self._copy = from_weights(model.config, model.weights())
        self._x = self._copy.inputs(image[None])
        x, given, made = self._x, [], []
        self.activations: list[Array] = []  # of each hidden layer: (n,) or (C, H, W)
        for layer in self._copy.layers:
            given.append(x)
            x = layer.forward(x)
            made.append(x)
            if isinstance(layer, Activation):
                self.activations.append(x[0])
        self.logits: Array = x[0]
        self.target = int(self.logits.argmax()) if target is None else target
        loss, labels, smoothing = self._copy.loss, np.array([self.target]), model.config.label_smoothing
        self.loss = loss.value(x, labels, smoothing)
        self.probabilities: Array = loss.probabilities(x)[0]
        dout, deltas = loss.gradient(x, labels, smoothing), []
        for layer in reversed(self._copy.layers):
            deltas.append(dout)
            dout = layer.backward(dout)
        factor, _ = choices("input_scaling")[model.config.input_scaling].target()
        self.pixel_gradients: Array = dout.reshape(SIDE, SIDE) * dout.dtype.type(255 * factor)  # by brightness, 0 to 1
        self.weighted = [
            Weighted(layer, x[0], z[0], delta[0])
            for layer, x, z, delta in zip(self._copy.layers, given, made, reversed(deltas), strict=True)
            if isinstance(layer, (Dense, Conv2D))
        ]

    def __repr__(self) -> str:
        return f"OneImage(read as {int(self.logits.argmax())}, loss {self.loss:.4f})"

    def pixel_weights(self, number: int, units: Array) -> Array:
        """How the sum of some units of a layer with weights (from 0) rises with each pixel's input: (k, 28, 28).

        Of a first dense layer these are its weights; of a later one it is the derivative at this image.
        """
        layer = self.weighted[number].layer
        if number == 0 and isinstance(layer, Dense):
            return layer.params["W"][:, units].T.reshape(-1, SIDE, SIDE)
        below = self._copy.layers[: self._copy.layers.index(layer) + 1]
        x = self._x.repeat(len(units), axis=0)
        for each in below:
            x = each.forward(x)
        dout = np.zeros_like(x)
        dout[np.arange(len(units)), units] = 1
        for each in reversed(below):
            dout = each.backward(dout)
        return dout.reshape(len(units), SIDE, SIDE)
