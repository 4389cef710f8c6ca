"""Layers that centre and scale the sums of a hidden layer, between its affine map and its activation.

They are layers as in layers.py. Gamma and beta are trained; the running statistics of batch normalization are state.
"""

from __future__ import annotations

import numpy as np

from nn_core.config.choices import register
from nn_core.machine.memory import Array
from nn_core.nn.layers import Direction, Layer, NoSecondDerivative
from nn_core.nn.sums import mean_over_rows, over_rows, products_over_rows

EPSILON = 1e-5  # added to a variance, under the root
RUNNING = 0.1  # the share of a new batch in the running statistics

register(
    "normalization",
    "none",
    label="None",
    help="The sums enter the activation as they are.",
    formula=r"a = \phi(z)",
    citation="McCulloch & Pitts 1943",
)(None)


class Normalization(Layer):
    """y = gamma x_hat + beta with trained gamma and beta (n,); `state` holds what is kept but not trained."""

    state_names: tuple[str, ...] = ()

    def __init__(self, gamma: Array, beta: Array, state: dict[str, Array] | None = None) -> None:
        super().__init__()
        self.params = {"gamma": gamma, "beta": beta}
        self.grads = {"gamma": np.zeros_like(gamma), "beta": np.zeros_like(beta)}
        self.state = state or {}

    def backward(self, dout: Array) -> Array:
        """dgamma = sum of dy x_hat, dbeta = sum of dy over the batch, dx by the rule of the subclass."""
        self.grads["gamma"][...] = products_over_rows(dout, self.x_hat)
        self.grads["beta"][...] = over_rows(dout)
        return self.input_gradient(dout * self.params["gamma"])

    def input_gradient(self, dx_hat: Array) -> Array:
        """d loss / d x, given d loss / d x_hat."""
        raise TypeError("a normalization needs its derivative")

    def r_forward(self, rx: Array | None, v: Direction) -> Array:
        """R{y} = gamma R{x_hat} + v_gamma x_hat + v_beta; x_hat changes with x as dx does with dx_hat."""
        assert rx is not None  # it stands behind a layer with parameters
        self.rx, self.rx_hat = rx, self.input_gradient(rx)
        return self.params["gamma"] * self.rx_hat + v["gamma"] * self.x_hat + v["beta"]

    def r_gradients(self, dout: Array, rdout: Array) -> dict[str, Array]:
        """R{dgamma} = sum of R{dy} x_hat + dy R{x_hat}, R{dbeta} = sum of R{dy}."""
        gamma = products_over_rows(rdout, self.x_hat) + products_over_rows(dout, self.rx_hat)
        return {"gamma": gamma, "beta": over_rows(rdout)}

    def r_backward(self, dout: Array, rdout: Array, v: Direction) -> Array:
        """R{dx_hat} = R{dy} gamma + dy v_gamma, then through the statistics, whose own change is added."""
        gamma = self.params["gamma"]
        return self.input_gradient(rdout * gamma + dout * v["gamma"]) + self.r_statistics(dout * gamma)

    def r_statistics(self, dx_hat: Array) -> Array:
        """What R{dx} has besides: `input_gradient` itself changes, for x_hat and the deviation do."""
        raise NoSecondDerivative(self)

    def _normalise(self, x: Array, mean: Array, var: Array) -> Array:
        self.inverse = 1 / np.sqrt(var + x.dtype.type(EPSILON))
        self.x_hat = (x - mean) * self.inverse
        return self.params["gamma"] * self.x_hat + self.params["beta"]

    def _centred(self, dx_hat: Array, axis: int) -> Array:
        """The derivative where mean and variance were taken along an axis of the batch itself."""
        along_x_hat = self.x_hat * _mean(dx_hat * self.x_hat, axis)
        return self.inverse * (dx_hat - _mean(dx_hat, axis) - along_x_hat)

    def _r_centred(self, dx_hat: Array, axis: int) -> Array:
        """How `_centred` changes at a fixed dx_hat. 1 / deviation changes by the factor -(mean of x_hat R{x}) / it."""
        by_x_hat = self.rx_hat * _mean(dx_hat * self.x_hat, axis) + self.x_hat * _mean(dx_hat * self.rx_hat, axis)
        by_deviation = _mean(self.x_hat * self.rx, axis) * self._centred(dx_hat, axis)
        return -self.inverse * (by_x_hat + by_deviation)


def _mean(values: Array, axis: int) -> Array:
    """The mean of values (m, n) along an axis, which stays as one of length 1."""
    return mean_over_rows(values)[None] if axis == 0 else values.mean(axis=1, keepdims=True)


@register(
    "normalization",
    "batch",
    label="Batch",
    help="Each unit's sums get mean 0 and deviation 1 over the batch, then a trained scale and shift; outside of "
    "training, running averages serve. Try it with 5 hidden layers at a learning rate of 1.",
    formula=r"\hat z = \frac{z - \mu_{\text{batch}}}{\sqrt{\sigma^2_{\text{batch}} + \epsilon}}, \quad "
    r"y = \gamma \hat z + \beta",
    citation="Ioffe & Szegedy 2015, algorithm 1 (epsilon 1e-5; running statistics with momentum 0.1, as in PyTorch)",
    needs=("hidden",),
)
class BatchNorm(Normalization):
    """Mean 0 and variance 1 of each unit over the batch; `state`: running mean and (unbiased) variance (n,)."""

    state_names = ("mean", "var")

    def forward(self, x: Array, training: bool = False) -> Array:
        """With the batch's statistics in training, which the running ones follow; with the running ones otherwise."""
        self.on_batch = training
        if not training:
            return self._normalise(x, self.state["mean"], self.state["var"])
        m, mean = len(x), mean_over_rows(x)
        centred = x - mean
        var = products_over_rows(centred, centred) / x.dtype.type(m)
        share = x.dtype.type(RUNNING)
        self.state["mean"] += share * (mean - self.state["mean"])
        if m > 1:  # one image alone tells nothing of a variance
            self.state["var"] += share * (var * x.dtype.type(m / (m - 1)) - self.state["var"])
        return self._normalise(x, mean, var)

    def input_gradient(self, dx_hat: Array) -> Array:
        """Through mean and variance over the batch, where those were used."""
        return self._centred(dx_hat, axis=0) if self.on_batch else dx_hat * self.inverse

    def r_statistics(self, dx_hat: Array) -> Array:
        """The batch's own statistics change, running ones do not."""
        return self._r_centred(dx_hat, axis=0) if self.on_batch else np.zeros_like(dx_hat)


@register(
    "normalization",
    "layer",
    label="Layer",
    help="Each image's sums over a layer get mean 0 and deviation 1, then a trained scale and shift: alike for any "
    "batch size, in training and outside. Try it with a batch size of 1.",
    formula=r"\hat z = \frac{z - \mu_{\text{layer}}}{\sqrt{\sigma^2_{\text{layer}} + \epsilon}}, \quad "
    r"y = \gamma \hat z + \beta",
    citation="Ba, Kiros & Hinton 2016 (epsilon 1e-5, as in PyTorch)",
    needs=("hidden",),
)
class LayerNorm(Normalization):
    """Mean 0 and variance 1 of each image over the units."""

    def forward(self, x: Array, training: bool = False) -> Array:
        """The same in training and outside."""
        return self._normalise(x, x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True))

    def input_gradient(self, dx_hat: Array) -> Array:
        """Through mean and variance over the units."""
        return self._centred(dx_hat, axis=1)

    def r_statistics(self, dx_hat: Array) -> Array:
        """The statistics of each image change."""
        return self._r_centred(dx_hat, axis=1)
