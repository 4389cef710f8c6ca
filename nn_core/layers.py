"""The layers of a network, each with the formula of its forward and backward pass as it stands in a book.

A layer maps a batch x of shape (m, n_in), samples first, to an output of shape (m, n_out); `backward` takes the
gradient of the loss with respect to the output, `dout`, leaves the gradients of its own parameters in `grads`, and
returns the gradient with respect to its input, dx. The dtype follows the parameters: float32 in training, float64 in
gradient checks. The fast training step in fast.py does the same arithmetic on preallocated buffers; a test holds the
two together.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nn_core.knobs import register

Array = npt.NDArray[Any]


class Layer:
    """A differentiable map with named parameters and, after `backward`, their gradients."""

    def __init__(self) -> None:
        self.params: dict[str, Array] = {}
        self.grads: dict[str, Array] = {}

    def forward(self, x: Array, training: bool = False) -> Array:
        """The output for a batch x (m, n_in); remembers what `backward` needs."""
        raise TypeError(f"{type(self).__name__} has no forward pass")

    def backward(self, dout: Array) -> Array:
        """The gradient with respect to the last input, given the gradient with respect to the last output."""
        raise TypeError(f"{type(self).__name__} has no backward pass")


class Activation(Layer):
    """An elementwise a = phi(z). A subclass gives `value` and `slope`; the chain rule is the same for all."""

    def forward(self, x: Array, training: bool = False) -> Array:
        """a = phi(z), shape kept."""
        a = self.value(x)
        self.z, self.a = x, a
        return a

    def backward(self, dout: Array) -> Array:
        """dz = da * phi'(z)."""
        return dout * self.slope(self.z, self.a)

    @staticmethod
    def value(z: Array) -> Array:
        """phi(z)."""
        raise TypeError("an activation needs its formula")

    @staticmethod
    def slope(z: Array, a: Array) -> Array:
        """phi'(z), given z and a = phi(z)."""
        raise TypeError("an activation needs its derivative")


@register(
    "activation",
    "relu",
    label="ReLU",
    help="Lets positive sums through and silences negative ones. Fast, and does not saturate; a unit that is always "
    "negative is dead.",
    formula=r"\phi(z) = \max(0, z)",
    citation="Nair & Hinton 2010",
)
class ReLU(Activation):
    """max(0, z); the slope at exactly 0 is taken as 0."""

    @staticmethod
    def value(z: Array) -> Array:
        """max(0, z)."""
        return np.maximum(z, 0)

    @staticmethod
    def slope(z: Array, a: Array) -> Array:
        """1 where z > 0, else 0."""
        return (z > 0).astype(z.dtype)


@register(
    "activation",
    "sigmoid",
    label="Sigmoid",
    help="Squeezes every sum into 0 to 1. Its slope is at most 1/4, so that gradients shrink with each layer.",
    formula=r"\phi(z) = \frac{1}{1+e^{-z}}",
    citation="Rumelhart, Hinton & Williams 1986",
)
class Sigmoid(Activation):
    """1 / (1 + exp(-z)), written with tanh so that no exp overflows."""

    @staticmethod
    def value(z: Array) -> Array:
        """sigma(z) = (1 + tanh(z/2)) / 2."""
        half = z.dtype.type(0.5)
        return half + half * np.tanh(half * z)

    @staticmethod
    def slope(z: Array, a: Array) -> Array:
        """sigma (1 - sigma)."""
        return a * (1 - a)


@register(
    "activation",
    "tanh",
    label="Tanh",
    help="Squeezes every sum into -1 to 1, centred on zero. Learns faster than sigmoid for that reason.",
    formula=r"\phi(z) = \tanh z",
    citation="LeCun, Bottou, Orr & Müller 1998",
)
class Tanh(Activation):
    """The hyperbolic tangent."""

    @staticmethod
    def value(z: Array) -> Array:
        """tanh(z)."""
        return np.tanh(z)

    @staticmethod
    def slope(z: Array, a: Array) -> Array:
        """1 - tanh(z)^2."""
        return 1 - a * a


class Dropout(Layer):
    """Inverted dropout (Srivastava et al. 2014): in training each value is kept with probability 1 - rate, and scaled.

    `rng` draws one float32 in [0, 1) a value, row by row; a value survives where the draw is at least `rate`.
    """

    def __init__(self, rate: float, rng: np.random.Generator) -> None:
        super().__init__()
        self.rate = rate
        self.rng = rng

    def forward(self, x: Array, training: bool = False) -> Array:
        """x * r / (1 - rate) in training, x itself otherwise."""
        if not training or self.rate == 0:
            self.scale = None
            return x
        kept = self.rng.random(x.shape, dtype=np.float32) >= self.rate
        self.scale = kept.astype(x.dtype) / x.dtype.type(1 - self.rate)
        return x * self.scale

    def backward(self, dout: Array) -> Array:
        """The same mask and scale on the gradient."""
        return dout if self.scale is None else dout * self.scale


class Dense(Layer):
    """The affine map z = x W + b, with W of shape (n_in, n_out) and b of shape (n_out,)."""

    def __init__(self, W: Array, b: Array) -> None:
        super().__init__()
        self.params = {"W": W, "b": b}
        self.grads = {"W": np.zeros_like(W), "b": np.zeros_like(b)}

    def forward(self, x: Array, training: bool = False) -> Array:
        """z = x W + b: (m, n_in) to (m, n_out)."""
        self.x = x
        return x @ self.params["W"] + self.params["b"]

    def backward(self, dout: Array) -> Array:
        """dW = x^T dz, db = sum over the batch of dz, dx = dz W^T."""
        self.grads["W"][...] = self.x.T @ dout
        self.grads["b"][...] = dout.sum(axis=0)
        return dout @ self.params["W"].T
