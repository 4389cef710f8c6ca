"""What the tests of exports share: a few trained networks as sources."""

from __future__ import annotations

import numpy as np

from nn_core import RunConfig, Trainer
from nn_core.data import Dataset
from nn_core.export import ExportSource

HOSTILE = (
    '"""; import os; </title><script>alert(1)</script> <img src=x onerror=alert(2)>\'\0\n\u202e{n}%s$x\ud800\\N{x}'
)


def source_of(
    config: RunConfig, data: Dataset, steps: int = 12, name: str = "", edits: bool = False, every: int = 3
) -> ExportSource:
    """A run of these settings after some steps; with `edits`, lr and l2 are changed on the way."""
    trainer = Trainer(config.replace(n_train=min(config.n_train, len(data.train_images)), eval_every=every), data)
    for step in range(steps):
        if edits and step == steps // 2:
            trainer.change("lr", 0.05)
            trainer.change("l2", 0.001)
        trainer.step()
    trainer.score()
    return ExportSource(
        run_id="0123abcd",
        name=name,
        config=trainer.config,
        edits=tuple(trainer.edits),
        step=trainer.step_count,
        epoch=trainer.epoch,
        seconds=trainer.seconds,
        created=1_790_000_000.0,
        weights=trainer.model.weights(),
        exact=True,
        series=trainer.history.series(),
    )


def trained(data: Dataset, **settings: object) -> ExportSource:
    """A small network after 100 steps, its biases and what normalization trains well away from where they began."""
    config = RunConfig(**{"hidden": (9, 6), "optimizer": "adam", "lr": 0.02, "batch_size": 50, **settings})  # type: ignore[arg-type]
    source = source_of(config, data, steps=100, every=50)
    rng = np.random.default_rng(7)
    noise = {name: rng.normal(0, 0.03, values.shape).astype(np.float32) for name, values in source.weights.items()}
    moved = {name: values + abs(noise[name]) for name, values in source.weights.items()}
    return ExportSource(**{**vars(source), "weights": moved})
