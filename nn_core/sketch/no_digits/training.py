"""The training of the detector of what is no digit: half of its images are digits, half are drawn by this package.

The digits are those that the shipped network learns from (redraw.py). `python -m nn_core ship --detector` makes the
detector's file again, in about ten minutes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nn_core.config.run_config import RunConfig
from nn_core.data import Dataset, load_mnist
from nn_core.machine.disk import write_out
from nn_core.machine.memory import Array
from nn_core.nn.network import from_weights
from nn_core.sketch.doubt import fingerprint, learn_doubt
from nn_core.sketch.no_digits.detector import DETECTOR, NO_DIGIT, VAL_ODDS, Detector, load_detector
from nn_core.sketch.no_digits.kinds import KINDS, NOISE, no_digits
from nn_core.sketch.pen import Pen
from nn_core.sketch.redraw import Redrawn
from nn_core.sketch.shipped import load_shipped
from nn_core.training.trainer import Trainer, stream

RECIPE = RunConfig(
    model="cnn",
    channels=(16, 32),
    dense_units=(64,),
    normalization="batch",
    optimizer="adam",
    beta2=0.99,
    lr=0.005,
    schedule="linear",
    warmup=0.2,
    epochs=12,
    n_train=48_000,
    input_scaling="standard",
    seed=1,
)
SHARES = {"letters": 4.0, "signs": 2.0, "invented signs": 3.0, "two digits": 2.0, "turned digits": 1.5}  # others: 1
DIGITS = 0.5  # the share of the training images that are digits
ANEW = 0.34  # the share of the others that is drawn anew each epoch
OTHERS, CHECK, MIXED = range(103, 106)  # streams of random numbers


class Mixed:
    """Training images half of which are digits, others every epoch, and the labels that tell which are."""

    def __init__(self, data: Dataset, n: int, seed: int) -> None:
        n_digits = int(n * DIGITS)
        self.images, digits = data.train_images[:n_digits], data.train_labels[:n_digits]
        self.redrawn = Redrawn(self.images, digits, seed)
        self.pen, self.rng = self.redrawn.pen, stream(seed, OTHERS)
        names = [*KINDS, NOISE]
        shares = np.array([SHARES.get(name, 1.0) for name in names])
        kinds = self.rng.choice(len(names), n - n_digits, p=shares / shares.sum())
        order = stream(seed, MIXED).permutation(n)
        self.at_digits, at_others = order[:n_digits], order[n_digits:]
        self.at = {name: at_others[kinds == number] for number, name in enumerate(names)}
        self.labels = np.zeros(n, data.train_labels.dtype)
        for at in self.at.values():
            self.labels[at] = NO_DIGIT
        self._first = True

    def epoch(self, out: Array) -> None:
        """Write the images of the next epoch into out, uint8 (n, 28, 28)."""
        digits = np.empty_like(self.images)
        self.redrawn.epoch(digits)
        out[self.at_digits] = digits
        for name, at in self.at.items():
            some = at if self._first else at[self.rng.random(len(at)) < ANEW]
            out[some] = no_digits(name, len(some), self.rng, self.pen)
        self._first = False


def train_detector(config: RunConfig, data: Dataset, tell: Callable[[Trainer], None] = lambda trainer: None) -> Trainer:
    """The trained detector of these settings, in its trainer; `tell` is called after each epoch."""
    mixed = Mixed(data, config.n_train, config.seed)
    images = np.zeros((config.n_train, *data.train_images.shape[1:]), np.uint8)
    val_images, val_labels = check_images(data, config.seed)
    known = Dataset(
        "digits and others", "", data.class_names, images, mixed.labels, val_images, val_labels, val_images, val_labels
    )
    trainer = Trainer(config, known, draw_epoch=mixed.epoch)
    for _ in range(config.epochs):
        trainer.train_epochs(1)
        tell(trainer)
    return trainer


def check_images(data: Dataset, seed: int, n_each: int = 100) -> tuple[Array, Array]:
    """Validation images, and some of each kind that training has not seen, with labels."""
    pen, rng = Pen(data.val_images[:1000], data.val_labels[:1000]), stream(seed, CHECK)
    parts = {name: no_digits(name, n_each, rng, pen) for name in [*KINDS, NOISE]}
    images = np.concatenate([data.val_images[:1000], *parts.values()])
    labels = np.concatenate([np.zeros(1000), *(np.full(n_each, NO_DIGIT) for name in parts)])
    return images, labels.astype(data.val_labels.dtype)


def ship_detector(trainer: Trainer, path: Path = DETECTOR) -> dict[str, Any]:
    """Write a trained detector to the file, with what it says of the shipped network's validation images.

    Its size, and which share of the images of `check_images` it tells rightly.
    """
    from safetensors.numpy import save

    data = load_mnist()
    weights = {name: values.astype(np.float16) for name, values in trainer.model.weights().items()}
    network = from_weights(trainer.config, weights)
    val_odds = Detector(network).odds(data.val_images).astype(np.float32)
    detector = Detector(network, val_odds)
    shipped = load_shipped()
    doubt = {fingerprint(shipped): learn_doubt(shipped, data, detector).to_json()}
    about = {"format": "glassnet-detector", "version": "1", "config": trainer.config.to_json()}
    kept: dict[str, Array] = {**weights, VAL_ODDS: val_odds}
    write_out(path, save(kept, about | {"doubt": json.dumps(doubt)}))
    load_detector.cache_clear()
    images, labels = check_images(data, trainer.config.seed)
    return {
        "file": str(path),
        "bytes": path.stat().st_size,
        "seconds": trainer.seconds,
        "accuracy": float(((detector.odds(images) > 0) == (labels == NO_DIGIT)).mean()),
    }
