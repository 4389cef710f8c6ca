"""The choice of the training step: a kernel where one serves the settings, else the layers of the book themselves."""

from __future__ import annotations

import numpy as np

from nn_core.kernels.batches import Rows, sum_over_parts
from nn_core.kernels.protocol import KERNELS, ROWS, Augment, TrainingStep
from nn_core.machine.memory import Array
from nn_core.nn.layers import Dropout
from nn_core.nn.network import Network


class ReferenceStep:
    """The step of any network: `Network.data_loss_and_gradients` on each batch; see `protocol.TrainingStep`."""

    def __init__(self, model: Network, images: Array, labels: Array, augment: Augment | None = None) -> None:
        self.model, self.images, self.labels, self.augment = model, images, labels.astype(np.intp), augment
        self.smooth(model.config.label_smoothing)

    def smooth(self, smoothing: float) -> None:
        """From now on, spread this share of every target evenly over the classes."""
        self.smoothing = smoothing

    def gradients(self, indices: Rows, dropout: float, rng: np.random.Generator) -> float:
        """The mean loss of the batch (penalties left out); the gradients, without penalties, go to model.flat_grads."""
        model = self.model
        for layer in model.layers:
            if isinstance(layer, Dropout):
                layer.rate, layer.rng = dropout, rng
        images, labels = self.images[indices], self.labels[indices]
        m = len(labels)

        def part(start: int, stop: int) -> float:
            raw, share = images[start:stop], (stop - start) / m
            x = model.inputs(self.augment(raw) if self.augment else raw)
            loss = model.data_loss_and_gradients(x, labels[start:stop], self.smoothing)
            if share < 1:
                model.flat_grads *= model.flat.dtype.type(share)
            return share * loss

        rows = m if model.config.normalization == "batch" else ROWS  # a batch's statistics are those of all of it
        return sum_over_parts(m, rows, part, model.flat_grads)


def training_step(model: Network, images: Array, labels: Array, augment: Augment | None = None) -> TrainingStep:
    """The fastest step that serves the model's settings; images uint8 (n, 784), labels (n,)."""
    kernel = KERNELS.get(type(model))
    step = kernel.step if kernel and kernel.can_train(model.config) else ReferenceStep
    return step(model, images, labels, augment)
