"""Our convolutional network: `Trainer.step` as `python -m nn_core train` calls it, and the answers of its model.

A training of a few steps on batches of two comes first, so that what is loaded once is no part of the memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.programs.growth import peak_growth
from benchmarks.programs.worker import Steps, serve
from nn_core import RunConfig, Trainer, load_dataset
from nn_core.machine.threads import set_blas_threads

FEW = 4  # steps whose memory is measured


def prepare(settings: dict[str, Any]) -> tuple[Steps, dict[str, Any]]:
    """The trainer's steps, or the model's answers to all test images."""
    config = RunConfig.from_dict(settings["config"])
    set_blas_threads(1)
    data = load_dataset(config.dataset)
    Trainer(config.replace(batch_size=2, n_train=200), data).step()
    trainer: Trainer

    def steps(n: int) -> None:
        for _ in range(n):
            if not trainer.step():
                raise RuntimeError(trainer.stopped)

    def answers(n: int) -> None:
        for _ in range(n):
            trainer.model.logits(data.test_images)

    def begin() -> None:
        nonlocal trainer
        trainer = Trainer(config, data)
        steps(FEW)

    growth = peak_growth(begin)
    facts = {"version": f"NumPy {np.__version__}", "growth_mb": growth}
    return answers if settings["what"] == "answers" else steps, facts


if __name__ == "__main__":
    serve(prepare)
