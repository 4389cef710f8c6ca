"""The Hessian H of a network's loss, as products H v: exact, and never written down (Pearlmutter 1994).

The layers' rules for R{.} (see layers.py) are put together here as `Network.data_loss_and_gradients` puts together
their passes. One product takes about two gradients; ReLU and the maximum count by their derivatives almost everywhere.
"""

from __future__ import annotations

import numpy as np

from nn_core.machine.memory import Array
from nn_core.nn.layers import Direction, Dropout, Layer
from nn_core.nn.network import Network


class Hessian:
    """H of the mean loss of one batch with the L2 penalty, at the weights that `network` has now.

    x (m, *image_shape) are the batch's inputs, labels (m,). Batch normalization is in its training form, with the
    statistics of x; dropout is off. Until the last product, `network` is the workspace and must stay as it is: give a
    copy of a network that trains. It holds what the layers remember of all the images at once. `gradient` (n_params,)
    is that of the same loss and the L1 penalty, which has no curvature.

    Raises NoSecondDerivative, by a sentence, where a layer or the loss lacks its rule.
    """

    def __init__(self, network: Network, x: Array, labels: Array) -> None:
        config, running = network.config, network.running.copy()
        self.network, self.labels = network, labels
        self.l2, self.smoothing = config.l2, config.label_smoothing
        self._names = {id(layer): name for name, layer in network.parts.items()}
        for layer in network.layers:
            x = layer.forward(x, training=not isinstance(layer, Dropout))
        network.running[...] = running  # measuring moves nothing
        self._logits = x
        dout = network.loss.gradient(x, labels, self.smoothing)
        self._douts: list[Array] = []  # the gradient behind each layer, from the last to the first
        for layer in reversed(network.layers):
            self._douts.append(dout)
            dout = layer.backward(dout)
        network.add_penalties(network.config.l2, network.config.l1)
        self.gradient = network.flat_grads.copy()

    def __repr__(self) -> str:
        return f"<Hessian of {len(self.labels):,} images, {len(self.gradient):,} parameters>"

    def times(self, v: Array) -> Array:
        """H v for v (n_params,), laid out like `network.flat` and of its dtype."""
        of_v = self.network.views(v)
        product = np.zeros_like(v)
        into = self.network.views(product)
        rdout = self.network.loss.r_gradient(self._logits, self.labels, self._r_logits(of_v), self.smoothing)
        first = self._first_with_parameters()
        for layer, dout in zip(reversed(self.network.layers), self._douts, strict=True):
            name = self._names.get(id(layer), "")
            for of_what, values in layer.r_gradients(dout, rdout).items():
                into[name][of_what][...] = values
            if layer is first:
                break  # what lies before it does not change
            rdout = layer.r_backward(dout, rdout, of_v.get(name, {}))
        weights = slice(self.network.n_weights)
        product[weights] += v.dtype.type(self.l2) * v[weights]
        return product

    def _r_logits(self, of_v: dict[str, dict[str, Array]]) -> Array:
        """How fast the logits change where the parameters move along v; every layer remembers its part."""
        rx: Array | None = None
        for layer in self.network.layers:
            v: Direction = of_v.get(self._names.get(id(layer), ""), {})
            if rx is not None or layer.params:
                rx = layer.r_forward(rx, v)
        assert rx is not None
        return rx

    def _first_with_parameters(self) -> Layer:
        return next(layer for layer in self.network.layers if layer.params)


def dense_hessian(hessian: Hessian) -> Array:
    """H itself (n_params, n_params), column by column: for small networks, and to check by."""
    n = len(hessian.gradient)
    return np.column_stack([hessian.times(unit) for unit in np.eye(n, dtype=hessian.gradient.dtype)])
