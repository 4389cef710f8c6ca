"""What whoever watches a training run is shown: one update, with the weights before and after it, and its gradients."""

from __future__ import annotations

from functools import cache, cached_property
from typing import NamedTuple, Protocol

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.kernels.batches import Rows
from nn_core.kernels.protocol import TrainingStep
from nn_core.machine.memory import Array
from nn_core.nn.network import Network
from nn_core.training.state import Scores


class Watcher(Protocol):
    """Is asked before every update whether it wants to see it; what it does must leave training as it is."""

    def wants(self, step: int, seconds: float) -> bool:
        """Whether to show the update that follows `step` updates and so many seconds of training; a quick answer."""

    def saw(self, update: Update) -> None:
        """That update, once its loss is known to be finite. Must not raise."""

    def scored(self, scored: Scored) -> None:
        """The network was scored, and its scores stand in the curves. Must not raise."""


class Scored(NamedTuple):
    """A scoring, with the logits (n, 10) of the training images that it looked at, the first ones, and their labels."""

    scores: Scores
    logits: Array
    labels: Array


class BothSides(NamedTuple):
    """The loss of one batch, with its penalties, and its gradient (n,), before an update and after it."""

    loss_before: float
    before: Array
    loss_after: float
    after: Array


class Update:
    """One update of a trainer: made just before the optimizer's step, to be read after it and before the next update.

    Vectors (n,) are laid out like `Network.flat`: `before` and `after` are the parameters, `gradient` that of the batch
    with its penalties, before any clipping; `rate` is the learning rate in force, `loss` the batch's without penalties.
    """

    def __init__(
        self, model: Network, kernel: TrainingStep, config: RunConfig, indices: Rows, loss: float, rate: float
    ) -> None:
        self.indices, self.rate = indices, rate
        self.before, self.gradient, self.after = model.flat.copy(), model.flat_grads.copy(), model.flat
        self._kernel, self._config, self.loss = kernel, config, loss

    def __repr__(self) -> str:
        return f"<Update of {len(self.after):,} parameters at a rate of {self.rate:g}>"

    @cached_property
    def change(self) -> Array:
        """What the optimizer really did, after - before: momentum, scaling, decay and clipping included."""
        return self.after - self.before

    @cached_property
    def both_sides(self) -> BothSides:
        """Loss and gradient of the SAME batch before and after, dropout and augmentation off.

        One more pass over the batch; two where dropout or augmentation is on, as the gradient before is another then.
        """
        config = self._config
        before, loss = self.gradient, self.loss + self._kernel.model.penalties(config.l2, config.l1, self.before)
        if config.dropout or self._kernel.augment:
            loss, before = look_at_batch(self._kernel, config, self.indices, self.before)
        return BothSides(loss, before, *look_at_batch(self._kernel, config, self.indices, self.after))


def look_at_batch(kernel: TrainingStep, config: RunConfig, indices: Rows, at: Array) -> tuple[float, Array]:
    """The loss of these images with the penalties, and its gradient (n,), for the parameters `at` (n,).

    Without dropout and augmentation; normalization as in training. All that it changes is put back, but for the
    gradients in the network, which every update finds anew: putting them back too took 60 us of 1,500.
    """
    model = kernel.model
    changed = [model.running, *([] if at is model.flat else [model.flat])]
    kept = [(array, array.copy()) for array in changed]
    augment, kernel.augment = kernel.augment, None
    try:
        if at is not model.flat:
            model.flat[...] = at
        loss = kernel.gradients(indices, 0.0, _unasked())
        model.add_penalties(config.l2, config.l1)
        return loss + model.penalties(config.l2, config.l1), model.flat_grads.copy()
    finally:
        kernel.augment = augment
        for array, values in kept:
            array[...] = values


@cache
def _unasked() -> np.random.Generator:
    """A generator for where nothing is drawn: without dropout. Made late: `numpy.random` takes 10 ms to import."""
    return np.random.default_rng(0)
