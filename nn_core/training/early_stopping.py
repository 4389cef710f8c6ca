"""Early stopping (Prechelt 1998): remembers the weights of the best epoch, and how long ago that was."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from nn_core.machine.memory import Array


def _nothing() -> Array:
    return np.empty(0, np.float32)


@dataclass(frozen=True)
class Best:
    """The epoch with the lowest validation loss so far, with the weights as they were at its end."""

    val_loss: float = float("inf")
    epoch: int = 0  # the best one; epochs count from 1
    waited: int = 0  # epochs since then, none of which was better
    looked: int = 0  # the last epoch whose end was seen
    params: Array = field(default_factory=_nothing)  # copies of a model's flat vectors, empty before the first epoch
    running: Array = field(default_factory=_nothing)

    def __repr__(self) -> str:
        return f"<Best: epoch {self.epoch}, validation loss {self.val_loss:.4g}, {self.waited} epochs since>"

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
