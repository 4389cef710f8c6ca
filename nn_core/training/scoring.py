"""When a training network is scored, and on what: all validation images, and a fixed sample of those it learns from."""

from __future__ import annotations

from collections import deque

import numpy as np

from nn_core.data import Dataset
from nn_core.machine.memory import Array
from nn_core.nn.metrics import accuracy, confusion_matrix
from nn_core.nn.network import Network
from nn_core.training.state import Scores

N_SCORED = 5_000  # training images, a fixed sample, on which the training curves are taken
EARLY_STEPS, EARLY_COST = 256, 0.05  # steps 1, 2, 4 ... 256 are scored too, where that takes less than so many seconds
FIRST_SECONDS = 1.0  # of training, after which the network is scored again for the first time, whatever that takes
SCORING_SHARE = 0.1  # of the training time, when eval_every is automatic


class Scoring:
    """Scores the network of one trainer, and says when it is time for that.

    It sees the trainer's own images (n, 28, 28), uint8, and labels (n,): what is changed in them is scored as changed.
    """

    def __init__(self, data: Dataset, train_images: Array, train_labels: Array) -> None:
        self._train = train_images[:N_SCORED], train_labels[:N_SCORED]
        self._val = data.val_images, data.val_labels
        self._costs: deque[float] = deque(maxlen=8)  # seconds that the last scorings took
        self._scored_at = 0.0  # seconds of training when the last one ended
        self.train_logits = np.empty((0, 10), np.float32)  # of the training images, at the last scoring

    def __repr__(self) -> str:
        return f"<Scoring on {len(self._train[1]):,} training and {len(self._val[1]):,} validation images>"

    @property
    def n_images(self) -> dict[str, int]:
        """How many images of "train" and "val" it scores a network on."""
        return {"train": len(self._train[1]), "val": len(self._val[1])}

    def scores(self, model: Network, step: int, l2: float) -> Scores:
        """How good the network is at this step; `l2` is the strength of the penalty, which is reported beside."""
        with np.errstate(over="ignore", invalid="ignore"):
            train_loss, train_accuracy, _, self.train_logits = self._on(model, *self._train)
            val_loss, val_accuracy, confusion, _ = self._on(model, *self._val)
        confusion.flags.writeable = False  # it is handed out
        return Scores(step, train_loss, train_accuracy, val_loss, val_accuracy, model.penalty(l2), confusion)

    @property
    def train_labels(self) -> Array:
        """Those of the training images that are scored."""
        return self._train[1]

    def _on(self, model: Network, images: Array, labels: Array) -> tuple[float, float, Array, Array]:
        """(mean loss as curves show it, see `Loss.scored`; accuracy; confusion matrix; logits), without dropout."""
        logits = model.logits(images)
        loss = model.loss.scored(logits, labels)
        predictions = np.argmax(logits, axis=1)
        return loss, accuracy(labels, predictions), confusion_matrix(labels, predictions), logits

    def took(self, cost: float, seconds: float) -> None:
        """A scoring took `cost` seconds, and ended at so many seconds of training."""
        self._costs.append(cost)
        self._scored_at = seconds

    def goes_on_at(self, seconds: float) -> None:
        """A resumed run stands at so many seconds of training: the wait for the next scoring begins there."""
        self._scored_at = seconds

    def is_due(self, step: int, seconds: float, eval_every: int, last: Scores | None) -> bool:
        """Whether to score at this step: every `eval_every` steps, or with 0 as often as takes SCORING_SHARE."""
        if eval_every:
            return step % eval_every == 0
        cost = min(self._costs, default=0)  # the least: one held up by another program must not keep the curves waiting
        if step <= EARLY_STEPS and step.bit_count() == 1 and cost < EARLY_COST:
            return True
        wait = cost * (1 - SCORING_SHARE) / SCORING_SHARE
        if last is not None and last.step == 0:
            wait = min(wait, FIRST_SECONDS)
        return seconds - self._scored_at >= wait
