"""The layers of a network, each with the formula of its forward and backward pass as it stands in a book.

A layer maps a batch x of shape (m, n_in), samples first, to an output of shape (m, n_out); `backward` takes the
gradient of the loss with respect to the output, `dout`, leaves the gradients of its own parameters in `grads`, and
returns the gradient with respect to its input, dx. The dtype follows the parameters: float32 in training, float64 in
gradient checks. The fast training step in kernels/ does the same arithmetic on preallocated buffers; a test holds the
two together.

For curvature, a layer also has the two passes of Pearlmutter's R operator (1994, section 3): R{y} is how fast y changes
where the parameters move along v. Written rx, rdout, ...; hessian.py puts the layers' rules together to H v.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nn_core.machine.memory import Array
from nn_core.nn.sums import over_rows

Direction = Mapping[str, Array]  # of a layer's parameters, by name: {"W": ..., "b": ...}


class NoSecondDerivative(TypeError):
    """A layer lacks the rules for its curvature; the sentence names it."""

    def __init__(self, layer: object) -> None:
        name = layer.__name__ if isinstance(layer, type) else type(layer).__name__
        super().__init__(f"{name} has no rule for second derivatives, so curvature cannot be measured here")


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

    def r_forward(self, rx: Array | None, v: Direction) -> Array:
        """R{output}, where the last input changes by rx (None: not at all) and the parameters by v; remembers rx."""
        raise NoSecondDerivative(self)

    def r_gradients(self, dout: Array, rdout: Array) -> dict[str, Array]:
        """R{gradient} of each parameter by name, given dout, as `backward` was, and R{dout}; after `r_forward`."""
        if self.params:
            raise NoSecondDerivative(self)
        return {}

    def r_backward(self, dout: Array, rdout: Array, v: Direction) -> Array:
        """R{dx}, given dout, as `backward` was, R{dout} and v; after `r_forward`."""
        raise NoSecondDerivative(self)


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

    def r_forward(self, rx: Array | None, v: Direction) -> Array:
        """The same mask and scale on the change."""
        assert rx is not None  # a layer without parameters changes with its input alone
        return self.backward(rx)

    def r_backward(self, dout: Array, rdout: Array, v: Direction) -> Array:
        """The same again."""
        return self.backward(rdout)


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
        self.grads["b"][...] = over_rows(dout)
        return dout @ self.params["W"].T

    def r_forward(self, rx: Array | None, v: Direction) -> Array:
        """R{z} = x V + R{x} W + v_b, with V the change of W."""
        self.rx = rx
        rz = self.x @ v["W"] + v["b"]
        return rz if rx is None else rz + rx @ self.params["W"]

    def r_gradients(self, dout: Array, rdout: Array) -> dict[str, Array]:
        """R{dW} = x^T R{dz} + R{x}^T dz, R{db} = sum over the batch of R{dz}."""
        rdW = self.x.T @ rdout
        return {"W": rdW if self.rx is None else rdW + self.rx.T @ dout, "b": over_rows(rdout)}

    def r_backward(self, dout: Array, rdout: Array, v: Direction) -> Array:
        """R{dx} = R{dz} W^T + dz V^T."""
        return rdout @ self.params["W"].T + dout @ v["W"].T
