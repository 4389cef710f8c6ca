"""Stopping when validation no longer improves (Prechelt 1998), with the best weights kept."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from nn_core.machine.memory import Array


def _nothing() -> Array:
    return np.empty(0, np.float32)


@dataclass(frozen=True)
class Best:
    """The epoch with the lowest validation loss so far, its weights, and how many epochs have passed without another.

    `looked` is the last epoch whose end was seen; `params` and `running` are copies of a model's flat vectors, empty
    before there was one.
    """

    val_loss: float = float("inf")
    epoch: int = 0
    waited: int = 0
    looked: int = 0
    params: Array = field(default_factory=_nothing)
    running: Array = field(default_factory=_nothing)

    def after(self, val_loss: float, epoch: int, params: Array, running: Array) -> Best:
        """What is best once an epoch has ended with this validation loss."""
        if val_loss < self.val_loss:
            return Best(val_loss, epoch, 0, epoch, params.copy(), running.copy())
        return replace(self, waited=self.waited + 1, looked=epoch)

    def sentence(self, epoch: int) -> str:
        """Why training stopped at the end of an epoch."""
        epochs = "epoch" if self.waited == 1 else f"{self.waited} epochs"
        return (
            f"Stopped early after epoch {epoch}: the validation loss has not fallen below the {self.val_loss:.4g} of "
            f"epoch {self.epoch} in the last {epochs}; the weights of that epoch are kept."
        )
