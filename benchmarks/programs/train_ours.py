"""Our training of a recipe: the trainer, with its first scoring, its guards and the choice of its threads included."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks.programs.worker import Epochs, Train, serve_trainings
from benchmarks.works import NEVER
from nn_core import RunConfig, Trainer, load_dataset
from nn_core.machine.threads import set_blas_threads


def prepare(settings: dict[str, Any]) -> tuple[Train, dict[str, Any]]:
    """Trainings that are scored at the end of each epoch."""
    data = load_dataset(settings["config"]["dataset"])

    def train(config: RunConfig) -> Epochs:
        started = time.perf_counter()
        set_blas_threads(1)
        trainer = Trainer(config.replace(eval_every=NEVER), data)
        ends: Epochs = []
        while len(ends) < config.epochs and trainer.train_epochs(1):
            ends.append((time.perf_counter() - started, trainer.score().val_accuracy))
        return ends

    return train, {"version": f"NumPy {np.__version__}"}


if __name__ == "__main__":
    serve_trainings(prepare)
