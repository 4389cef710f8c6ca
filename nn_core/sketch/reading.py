"""Reads images, and says of each how sure the reading is: the digit, or that there is none."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from nn_core.data import Dataset
from nn_core.machine.memory import Array
from nn_core.nn.network import Network
from nn_core.sketch.doubt import Doubt, doubt_of
from nn_core.sketch.shipped import load_shipped

UNSURE_BELOW = 0.6  # of the calibrated confidence
SURE, UNSURE, NO_DIGIT = "sure", "unsure", "no digit"


@dataclass(frozen=True, eq=False, repr=False)
class Readings:
    """What was read on n images. Nothing is kept back: a verdict of "no digit" has a digit and confidence, too."""

    digit: Array  # int64 (n,): the likeliest class
    confidence: Array  # float64 (n,): its calibrated probability
    verdict: Array  # str (n,): "sure", "unsure" or "no digit"
    probabilities: Array  # float64 (n, n_classes), calibrated
    raw: Array  # float32 (n, n_classes), as the network gives them
    strangeness: Array  # float64 (n,)
    doubt: Doubt  # how it was found

    def __repr__(self) -> str:
        counts = ", ".join(f"{int((self.verdict == name).sum()):,} {name}" for name in (SURE, UNSURE, NO_DIGIT))
        return f"<Readings of {len(self.digit):,} images: {counts}>"


def read(images: Array, model: Network | None = None, data: Dataset | None = None) -> Readings:
    """Read uint8 images (n, 28, 28) in MNIST's form, by default with the network that comes with the project.

    "no digit": stranger than 99 % of the validation images, or without any ink. "unsure": the calibrated confidence is
    below 0.6. `data` is what the model has learned from; without it, it is loaded by its name. The first call for a
    network takes up to seconds, later ones as long as its answer. Raises ValueError for other images, and DataError
    where the data cannot be loaded; needs safetensors beside NumPy.
    """
    model = model or _shipped()
    return judged(images, model, doubt_of(model, data))


def judged(images: Array, model: Network, doubt: Doubt) -> Readings:
    """The same with what was found out about the network, perhaps a few steps before."""
    logits = model.logits(images)
    probabilities = np.nan_to_num(doubt.probabilities(logits))
    digit = np.argmax(logits, axis=1)
    confidence = probabilities[np.arange(len(digit)), digit]
    strangeness = doubt.strangeness(images, logits)
    verdict = np.where(confidence < UNSURE_BELOW, UNSURE, SURE)
    verdict = np.where(strangeness > doubt.limit, NO_DIGIT, verdict)
    return Readings(digit, confidence, verdict, probabilities, model.loss.probabilities(logits), strangeness, doubt)


@cache
def _shipped() -> Network:
    return load_shipped()
