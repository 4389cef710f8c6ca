"""One image on its way through a network and back: what goes into every layer, and how the loss rises with its sums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nn_core.config.choices import choices
from nn_core.config.run_config import RunConfig
from nn_core.data.dataset import N_PIXELS, SIDE
from nn_core.machine.memory import Array
from nn_core.nn.activations import Activation
from nn_core.nn.conv import Conv2D
from nn_core.nn.layers import Dense, Layer
from nn_core.nn.network import Network, from_weights
from nn_core.nn.normalization import LayerNorm


@dataclass(frozen=True, eq=False, repr=False)
class Weighted:
    """A layer with weights, for the image: z = x W + b, or the convolution's."""

    layer: Dense | Conv2D
    x: Array  # (n_in,) or (C, H, W)
    z: Array  # (n_out,) or (C, H, W)
    delta: Array  # dL/dz, as z


@dataclass(frozen=True, eq=False, repr=False)
class OneImage:
    """The passes of a network for one image, and the loss of reading it as class `target`."""

    model: Network  # of its own: `pixel_weights` makes further passes through it
    x: Array  # (1, ...): the inputs
    activations: tuple[Array, ...]  # of each hidden layer: (n,) or (C, H, W)
    weighted: tuple[Weighted, ...]
    logits: Array
    probabilities: Array
    pixel_gradients: Array  # (28, 28), or (n, 1) of n other inputs: how the loss rises with each
    target: int
    loss: float

    def __repr__(self) -> str:
        return f"OneImage(read as {int(self.logits.argmax())}, loss {self.loss:.4f})"

    def pixel_weights(self, number: int, units: Array) -> Array:
        """How the sum of some units of a layer with weights (from 0) rises with each pixel's input: (k, 28, 28).

        Of a first dense layer these are its weights; of a later one it is the derivative at this image.
        """
        layer = self.weighted[number].layer
        if number == 0 and isinstance(layer, Dense):
            return as_pictures(layer.params["W"][:, units].T)
        places = [at for at, each in enumerate(self.model.layers) if isinstance(each, (Dense, Conv2D))]
        below = self.model.layers[: places[number] + 1]
        # a layer of units takes many gradients behind one forward pass; windows keep the number of their images
        x = self.x if all(isinstance(each, ROW_BY_ROW) for each in below) else self.x.repeat(len(units), axis=0)
        for each in below:
            x = each.forward(x)
        dout = np.zeros((len(units), x.shape[1]), x.dtype)
        dout[np.arange(len(units)), units] = 1
        for each in reversed(below):
            dout = _back(each, dout)
        return as_pictures(dout)


ROW_BY_ROW = (Dense, Activation, LayerNorm)


def _back(layer: Layer, dout: Array) -> Array:
    """What `backward` gives; the gradients of a dense layer's weights, which are large, are left out."""
    return dout @ layer.params["W"].T if isinstance(layer, Dense) else layer.backward(dout)


def as_pictures(values: Array) -> Array:
    """Values of all inputs (k, ...) in the form of the image: (k, 28, 28), or (k, n, 1) where there are n others."""
    return values.reshape(len(values), SIDE, SIDE) if values[0].size == N_PIXELS else values.reshape(len(values), -1, 1)


def read_image(config: RunConfig, weights: Mapping[str, Array], image: Array, target: int | None) -> OneImage:
    """The passes of a network for a uint8 image (28, 28); with no `target` the class that it is read as.

    Without dropout, normalization as in evaluation. The pixels' gradients are by their brightness, 0 for black to 1.
    """
    copy = from_weights(config, weights)
    inputs = x = copy.inputs(image[None])
    given, made = [], []
    for layer in copy.layers:
        given.append(x)
        x = layer.forward(x)
        made.append(x)
    found = int(x[0].argmax()) if target is None else target
    loss, labels, smoothing = copy.loss, np.array([found]), config.label_smoothing
    dout, deltas = loss.gradient(x, labels, smoothing), []
    for layer in reversed(copy.layers):
        deltas.append(dout)
        dout = _back(layer, dout)
    deltas.reverse()
    factor, _ = choices("input_scaling")[config.input_scaling].target()
    return OneImage(
        model=copy,
        x=inputs,
        activations=tuple(
            out[0] for layer, out in zip(copy.layers, made, strict=True) if isinstance(layer, Activation)
        ),
        weighted=tuple(
            Weighted(layer, given[at][0], made[at][0], deltas[at][0])
            for at, layer in enumerate(copy.layers)
            if isinstance(layer, (Dense, Conv2D))
        ),
        logits=x[0],
        probabilities=loss.probabilities(x)[0],
        pixel_gradients=as_pictures(dout)[0] * dout.dtype.type(255 * factor),
        target=found,
        loss=loss.value(x, labels, smoothing) + 0.0,  # no -0
    )
