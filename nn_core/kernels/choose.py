"""The choice of the training step: the fastest one that serves the settings, else the readable layers themselves.

It has the fast ones' form, so that a trainer need not know which of them it drives.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nn_core.kernels.cnn import CNNKernel
from nn_core.kernels.mlp import MLPKernel
from nn_core.kernels.mlp_pass import ROWS
from nn_core.machine.memory import Array
from nn_core.nn.cnn import CNN
from nn_core.nn.layers import Dropout
from nn_core.nn.mlp import MLP
from nn_core.nn.network import Network

# network -> its fast step, and the choices of each setting that it serves
FAST: dict[type[Network], tuple[type[MLPKernel | CNNKernel], dict[str, set[str]]]] = {
    MLP: (MLPKernel, {"loss": {"cross_entropy"}, "normalization": {"none"}}),
    CNN: (CNNKernel, {"loss": {"cross_entropy"}}),
}


class ReferenceStep:
    """Loss and gradients of batches, by `Network.data_loss_and_gradients`; arguments as those of MLPKernel."""

    def __init__(
        self, model: Network, images: Array, labels: Array, augment: Callable[[Array], Array] | None = None
    ) -> None:
        self.model, self.images, self.labels, self.augment = model, images, labels.astype(np.intp), augment
        self.smoothing = model.config.label_smoothing

    def smooth(self, smoothing: float) -> None:
        """From now on, spread this share of every target evenly over the classes."""
        self.smoothing = smoothing

    def gradients(self, indices: Array | slice, dropout: float, rng: np.random.Generator) -> float:
        """The mean loss of the batch (penalty left out); the gradients, without penalties, go to model.flat_grads."""
        model = self.model
        for layer in model.layers:
            if isinstance(layer, Dropout):
                layer.rate, layer.rng = dropout, rng
        images, labels = self.images[indices], self.labels[indices]
        m = len(labels)
        rows = m if model.config.normalization == "batch" else ROWS  # a batch's statistics are those of all of it
        loss, total = 0.0, np.zeros_like(model.flat_grads) if m > rows else None
        for start in range(0, m, rows):
            raw = images[start : start + rows]
            x = model.inputs(self.augment(raw) if self.augment else raw)
            share = len(raw) / m
            part = model.data_loss_and_gradients(x, labels[start : start + rows], self.smoothing)
            loss += share * part
            if total is not None:
                total += model.flat.dtype.type(share) * model.flat_grads
        if total is not None:
            model.flat_grads[...] = total
        return loss


def training_step(
    model: Network, images: Array, labels: Array, augment: Callable[[Array], Array] | None = None
) -> MLPKernel | CNNKernel | ReferenceStep:
    """The fastest step that serves the model's settings; images uint8 (n, 784), labels (n,)."""
    kernel, served = FAST[type(model)]
    if all(getattr(model.config, name) in names for name, names in served.items()):
        return kernel(model, images, labels, augment)  # type: ignore[arg-type]
    return ReferenceStep(model, images, labels, augment)
