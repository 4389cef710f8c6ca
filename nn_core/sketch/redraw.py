"""MNIST drawn again with a pen, and the training of the network that comes with the project on it.

It learned from MNIST's training images alone, most of them drawn again with a pen (pen.py); `python -m nn_core ship`
made its file and makes it again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.data import Dataset
from nn_core.data.augment import Augmenter
from nn_core.machine.disk import write_out
from nn_core.machine.memory import Array
from nn_core.machine.packages import need
from nn_core.nn.metrics import accuracy
from nn_core.sketch.pen import Pen
from nn_core.sketch.shipped import SHIPPED, load_shipped
from nn_core.training.trainer import Trainer, stream

RECIPE = RunConfig(
    model="cnn",
    channels=(32, 64),
    dense_units=(64,),
    normalization="batch",
    optimizer="adam",
    beta2=0.99,
    lr=0.006,
    schedule="linear",
    warmup=0.2,
    epochs=16,
    input_scaling="standard",
)
# of every epoch's images, so many are drawn with a pen, so many are MNIST's own, and the rest are those bent
DRAWN, AS_THEY_ARE = 0.55, 0.15
BENT = RunConfig(rotation=12, shear=0.25, scale=0.1, shift=0.5, elastic=20, elastic_sigma=5, thickness=0.7)
PEN, MIX, BEND = range(100, 103)  # streams of random numbers beside those of the trainer
N_AT_ONCE = 500


class Redrawn:
    """Training images that are other ones every epoch: most drawn with a pen, some bent, some as they are."""

    def __init__(self, images: Array, labels: Array, seed: int) -> None:
        self.images = images
        self.pen = Pen(images, labels)
        self.pen_rngs = stream(seed, PEN), stream(seed, PEN, 1)
        self.rng = stream(seed, MIX)
        self.bend = Augmenter(BENT, stream(seed, BEND), stream(seed, BEND, 1))

    def epoch(self, out: Array) -> None:
        """Write the images of the next epoch into out, uint8 (n, 28, 28)."""
        kind = self.rng.random(len(out))
        out[...] = self.images
        drawn = np.flatnonzero(kind < DRAWN)
        out[drawn] = self.pen.draw(drawn, self.pen_rngs)
        bent = np.flatnonzero(kind >= DRAWN + AS_THEY_ARE)
        for start in range(0, len(bent), N_AT_ONCE):
            part = bent[start : start + N_AT_ONCE]
            out[part] = self.bend(self.images[part].reshape(len(part), -1)).reshape(-1, *out.shape[1:])


def train_shipped(config: RunConfig, data: Dataset, tell: Callable[[Trainer], None] = lambda trainer: None) -> Trainer:
    """The trained network of these settings, in its trainer; `tell` is called after each epoch."""
    n = min(config.n_train, len(data.train_images))
    redrawn = Redrawn(data.train_images[:n], data.train_labels[:n], config.seed)
    trainer = Trainer(config, data, draw_epoch=redrawn.epoch)
    for _ in range(config.epochs):
        trainer.train_epochs(1)
        tell(trainer)
    return trainer


def ship(trainer: Trainer, path: Path = SHIPPED) -> dict[str, Any]:
    """Write a trained network to the file, in the form of an export; its size and accuracies."""
    save = need("safetensors.numpy", "Weights in files").save
    metadata = {
        "format": "glassnet-weights",
        "version": "1",
        "title": "the network that comes with the project",
        "config": trainer.config.to_json(),
        "step": str(trainer.step_count),
        "epoch": f"{trainer.epoch:.6f}",
    }
    weights = {name: np.ascontiguousarray(values) for name, values in trainer.model.weights().items()}
    write_out(path, save(weights, metadata))
    model, data = load_shipped(path), trainer.data
    return {
        "file": str(path),
        "bytes": path.stat().st_size,
        "seconds": trainer.seconds,
        "val_accuracy": accuracy(data.val_labels, model.predict(data.val_images)),
        "test_accuracy": accuracy(data.test_labels, model.predict(data.test_images)),
    }
