"""A trainer whose updates somebody else makes: it is told where training stands, and scores and records as ever."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nn_core.machine.memory import Array
from nn_core.training.trainer import ORDER, Trainer, stream
from nn_core.training.watching import Update

Layers = Sequence[tuple[Array, Array]]  # W (n_in, n_out) and b (n_out,) of each dense layer


class FollowedTrainer(Trainer):
    """Follows a training loop of dense layers; its own `step` is not used while it does.

    Its curves begin at step 1: a curve from step 0 on would say that training began with the weights of the seed.
    """

    def stands_at(self, step: int, images_seen: int, seconds: float) -> None:
        """So many updates are made, so many training images seen, in so many seconds of training."""
        self.step_count, self.images_seen, self.seconds = step, images_seen, seconds
        self._epoch_index, self._position = divmod(images_seen, self.config.n_train)

    def learned(self, loss: float | None, accuracy: float | None) -> None:
        """Of the batch that led to this step: its mean loss, and the share of its images that was read rightly."""
        if loss is not None:
            self._note_batch_loss(loss)
        if accuracy is not None:
            self.record("batch/accuracy", accuracy)

    def take(self, layers: Layers) -> bool:
        """Have these weights from now on; False, and nothing is changed, where they are no finite numbers."""
        with np.errstate(over="ignore"):
            if not all(np.isfinite(array.astype(np.float32)).all() for pair in layers for array in pair):
                return False
        for (W, b), (into_W, into_b) in zip(layers, self.model.weights_and_biases(self.model.flat), strict=True):
            into_W[...], into_b[...] = W, b
        return True

    def follow(self, layers: Layers, step: int, images_seen: int, seconds: float) -> bool:
        """The next update led to these weights. Where the watcher wants to see it, its gradient is worked out.

        That gradient is of a batch as large, drawn at random: which images the update was made on is not known. False
        where the weights are no finite numbers: then all stays as it was.
        """
        watcher, shown = self.watcher, None
        if watcher is not None and step == self.step_count + 1 and watcher.wants(self.step_count, seconds):
            shown = self._update_on_a_batch()
        if not self.take(layers):
            return False
        self.stands_at(step, images_seen, seconds)
        if watcher is not None and shown is not None:
            self._quiet.run(watcher.saw, shown)
        return True

    def _update_on_a_batch(self) -> Update:
        """The update from the weights of now; what they become is read from it afterwards."""
        config, model = self.config, self.model
        n_train, size = config.n_train, config.effective_batch(config.n_train)
        some = stream(config.seed, ORDER, self.step_count).integers(0, n_train, size)
        indices = slice(0, n_train) if size == n_train else some
        loss = self._quiet.run(self._kernel.gradients, indices, 0.0, self._dropout_rng)
        model.add_penalties(config.l2, config.l1)
        return Update(model, self._kernel, config, indices, loss, config.lr * self.lr_multiplier)

    def score_if_due(self) -> bool:
        """Score the network where that takes a small share of the time; whether it was."""
        if self.step_count == 0 or not self._scoring.is_due(
            self.step_count, self.seconds, self.config.eval_every, self.scores
        ):
            return False
        self.score()
        return True
