"""The layers of a network, each with the formula of its forward and backward pass as it stands in a book.

A layer maps a batch x of shape (m, n_in), samples first, to an output of shape (m, n_out); `backward` takes the
gradient of the loss with respect to the output, `dout`, leaves the gradients of its own parameters in `grads`, and
returns the gradient with respect to its input, dx. The dtype follows the parameters: float32 in training, float64 in
gradient checks. The fast training step in kernels/ does the same arithmetic on preallocated buffers; a test holds the
two together.
"""

from __future__ import annotations

import numpy as np

from nn_core.machine.memory import Array


class Layer:
    """A differentiable map with named parameters and, after `backward`, their gradients.

    `state` holds what is kept besides without being trained, such as running statistics.
    """

    def __init__(self) -> None:
        self.params: dict[str, Array] = {}
        self.grads: dict[str, Array] = {}
        self.state: dict[str, Array] = {}

    def __repr__(self) -> str:
        shapes = (f" {name} {values.shape}" for name, values in self.params.items())
        return f"<{type(self).__name__}{','.join(shapes)}>"

    def forward(self, x: Array, training: bool = False) -> Array:
        """The output for a batch x (m, n_in); remembers what `backward` needs."""
        raise TypeError(f"{type(self).__name__} has no forward pass")

    def backward(self, dout: Array) -> Array:
        """The gradient with respect to the last input, given the gradient with respect to the last output."""
        raise TypeError(f"{type(self).__name__} has no backward pass")


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
