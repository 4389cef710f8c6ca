"""What all frameworks are given alike: scaled images, labels, batches in our order, and the rate of each update."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.data import Dataset
from nn_core.machine.memory import Array
from nn_core.nn.network import scale_pixels
from nn_core.nn.schedules import lr_multiplier
from nn_core.training.trainer import ORDER, Trainer, stream


def scaled(images: Array, config: RunConfig) -> Array:
    """Raw images (n, 28, 28) as inputs: (n, 784) float32 for dense layers, (n, 28, 28) for convolutions."""
    x = scale_pixels(images, config.input_scaling)
    return x.reshape(-1, 28, 28) if config.model == "cnn" else x


def labels_of(data: Dataset, config: RunConfig) -> Array:
    """The labels (n_train,) int64 that are learned from, with their noise where that was asked for."""
    return Trainer.labels_of(config, data).astype(np.int64)


def batches_of_epoch(config: RunConfig, epoch: int) -> Iterator[Array]:
    """The batches (m,) of our trainer's epoch, counted from 0."""
    size = config.effective_batch(config.n_train)
    order = stream(config.seed, ORDER, epoch).permutation(config.n_train)
    if size == config.n_train:
        order = np.arange(config.n_train)
    for start in range(0, config.n_train, size):
        yield order[start : start + size]


class Rates:
    """The learning rate of one update after the other, as our schedule has it."""

    def __init__(self, config: RunConfig) -> None:
        self._config = config
        self._n_steps = config.epochs * -(-config.n_train // config.effective_batch(config.n_train))
        self._made = 0

    def __repr__(self) -> str:
        return f"<Rates after {self._made:,} of {self._n_steps:,} updates>"

    def next(self) -> float:
        """The rate of the next update."""
        rate = self._config.lr * lr_multiplier(min(self._made, self._n_steps - 1), self._n_steps, self._config)
        self._made += 1
        return float(rate)
