"""The answer as a sum: what each unit of the last hidden layer adds to a logit, or to the difference of two.

The last layer is affine, so a logit is the sum over its inputs of weight times activation, plus its bias: exactly, for
every network here. What lies below is not a sum; there a unit's picture shows how its share rises with each pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nn_core.config.choices import choices
from nn_core.data.dataset import N_CLASSES, SIDE
from nn_core.explain.maps import HiddenLayer, hidden_layers
from nn_core.machine.memory import Array
from nn_core.nn.conv import Conv2D
from nn_core.nn.layers import Dense, Layer
from nn_core.nn.network import Network, from_weights
from nn_core.nn.normalization import Normalization


@dataclass(frozen=True)
class Target:
    """What is explained: the logit of a class, or by how much it is above that of another class."""

    digit: int
    against: int | None = None

    @property
    def direction(self) -> Array:
        """How often each logit counts, float64 (n_classes,): 1 for the class, -1 for the other."""
        counts = np.zeros(N_CLASSES)
        counts[self.digit] += 1
        if self.against is not None:
            counts[self.against] -= 1
        return counts

    def of(self, logits: Array) -> Array:
        """Its value, float64 (n,), for logits (n, n_classes)."""
        found: Array = np.asarray(logits, np.float64) @ self.direction
        return found


def answer_and_runner_up(logits: Array) -> Target:
    """The largest of ten logits (10,) against the second largest."""
    order = np.argsort(-logits, kind="stable")
    return Target(int(order[0]), int(order[1]))


@dataclass(frozen=True, eq=False, repr=False)
class Decomposition:
    """bias + the sum of `shares` is `value`. Units are those of the last hidden layer; without one, the pixels."""

    target: Target
    layer: HiddenLayer | None
    value: float  # as the network puts it out
    bias: float
    shares: Array  # float64 (n_units,): weight times activation; of a channel, summed over its places
    activations: Array  # float32 (n_units,); of a channel the largest
    normalization: Array | None  # float64 (n_units,): what of each share is due to normalization; None without one

    def __repr__(self) -> str:
        return f"<Decomposition of {self.value:.3f} into {len(self.shares):,} shares and a bias of {self.bias:.3f}>"

    @property
    def total(self) -> float:
        """The sum, which is `value` but for the rounding of float32."""
        return self.bias + float(self.shares.sum())

    def strongest(self, n: int) -> Array:
        """The units with the n largest shares of either sign, int64, from the most for to the most against."""
        best = np.argsort(-np.abs(self.shares), kind="stable")[:n]
        best = best[self.shares[best] != 0]
        return best[np.argsort(-self.shares[best], kind="stable")]


def decompose(model: Network, image: Array, target: Target) -> Decomposition:
    """The target for one uint8 image (28, 28), as a sum over the last hidden layer.

    Normalization's part of a share is weight times (the activation less what it were if the unit's sum went into it as
    it is).
    """
    copy = from_weights(model.config, model.weights())
    given, x = _passed(copy.layers, copy.inputs(image[None]))
    layers = hidden_layers(model.config)
    layer = layers[-1] if layers else None
    n_units = layer.size if layer else x.size and given[-1].size
    w = _last(copy).params["W"].astype(np.float64) @ target.direction  # (n_in,)
    values = given[-1][0].reshape(-1)
    plain = _without_normalization(copy.layers, given)
    changed = None if plain is None else _by_unit((values.astype(np.float64) - plain) * w, n_units)
    return Decomposition(
        target,
        layer,
        float(target.of(x)[0]),
        float(_last(copy).params["b"] @ target.direction),
        _by_unit(values * w, n_units),
        values.reshape(n_units, -1).max(axis=1),
        changed,
    )


def _passed(layers: list[Layer], x: Array) -> tuple[list[Array], Array]:
    """What goes into each layer, and what comes out of the last one."""
    given = []
    for layer in layers:
        given.append(x)
        x = layer.forward(x)
    return given, x


def _last(model: Network) -> Dense:
    last = model.layers[-1]
    assert isinstance(last, Dense)
    return last


def _by_unit(values: Array, n_units: int) -> Array:
    """(n_in,) summed over the places of each channel: (n_units,)."""
    return values.reshape(n_units, -1).sum(axis=1)


def _without_normalization(layers: list[Layer], given: list[Array]) -> Array | None:
    """What would go into the last layer without the normalization before it, (n_in,); None where there is none."""
    weighted = max((at for at, layer in enumerate(layers[:-1]) if isinstance(layer, (Dense, Conv2D))), default=-1)
    norm = next((at for at in range(weighted + 1, len(layers)) if isinstance(layers[at], Normalization)), None)
    if norm is None:
        return None
    x = given[norm]
    for layer in layers[norm + 1 : -1]:
        x = layer.forward(x)
    return x[0].reshape(-1).astype(np.float64)


def looks_for(model: Network, layer: HiddenLayer | None) -> bool:
    """Whether a unit's picture is its filter: a dense layer right behind the image."""
    return layer is not None and layer.kind == "dense" and layer.number == 1 and model.config.model == "mlp"


def unit_pictures(model: Network, image: Array, found: Decomposition, units: Array) -> Array:
    """A picture of each of the units (k,), float32 (k, 28, 28).

    Behind the image its filter, the weights themselves. Deeper, how its share of the target rises with each pixel's
    brightness, from 0 for black to 1 for white, at this image. Without a hidden layer: the pixel's own place.
    """
    if found.layer is None:
        return np.eye(SIDE * SIDE, dtype=np.float32)[units].reshape(-1, SIDE, SIDE)
    if looks_for(model, found.layer):
        return model.parts["dense1"].params["W"][:, units].T.reshape(-1, SIDE, SIDE)
    copy = from_weights(model.config, model.weights())
    x = copy.inputs(image[None]).repeat(len(units), axis=0)
    given, _ = _passed(copy.layers, x)
    w = (_last(copy).params["W"] @ found.target.direction.astype(x.dtype)).reshape(found.layer.size, -1)
    dout = np.zeros((len(units), *w.shape), x.dtype)
    dout[np.arange(len(units)), units] = w[units]
    dout = dout.reshape(given[-1].shape)
    for layer in reversed(copy.layers[:-1]):
        dout = layer.backward(dout)
    return dout.reshape(-1, SIDE, SIDE) * dout.dtype.type(brightness(model))


def brightness(model: Network) -> float:
    """By how much the network's input grows from a black pixel to a white one."""
    factor, _ = choices("input_scaling")[model.config.input_scaling].target()
    return 255 * float(factor)
