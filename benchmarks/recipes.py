"""The recipes whose time to an accuracy is measured, as settings of a run; all on 28x28 inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nn_core import PRESETS, RunConfig
from nn_core.nn.network import outline

QUICK_ADAM: dict[str, Any] = {
    "input_scaling": "standard",
    "optimizer": "adam",
    "beta2": 0.99,
    "schedule": "linear",
    "warmup": 0.2,
    "label_smoothing": 0.1,
}


@dataclass(frozen=True)
class Recipe:
    """Settings, and the validation accuracy that they are meant to pass at the end of an epoch."""

    target: float
    config: RunConfig

    @property
    def title(self) -> str:
        """Like "784-128-10, batch 128, Adam, 2 epochs"."""
        sizes = outline(self.config)
        optimizer = "SGD" if self.config.optimizer == "sgd" else self.config.optimizer.title()
        return f"{sizes}, batch {self.config.batch_size}, {optimizer}, {self.config.epochs} epochs"


# found by a small search on validation, with seeds 0 to 2
RECIPES = (
    Recipe(0.97, RunConfig(**QUICK_ADAM, hidden=(128,), batch_size=128, lr=0.005, epochs=2)),
    Recipe(0.98, PRESETS["98-in-seconds"].config),
    Recipe(0.985, RunConfig(**QUICK_ADAM, hidden=(512,), batch_size=256, lr=0.005, epochs=6)),
    Recipe(0.99, PRESETS["cnn-fast"].config),
)
