"""How well spoilt images are read: seven changes as curves, and fifteen corruptions at five strengths with their mean.

Every network sees the very same spoilt images: what is drawn at random comes from a generator of its own for each kind
and strength.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nn_core.evaluation.corruptions import CORRUPTIONS, SWEEPS, Spoil, as_bytes, as_floats
from nn_core.evaluation.intervals import Share
from nn_core.machine.memory import Array
from nn_core.nn.network import Network

N_IMAGES = 1_000  # of a split, its first ones, unless asked otherwise
PART = 500  # images at a time
SEED = 20_190_101
N_STRENGTHS = 5


@dataclass(frozen=True, eq=False)
class Robustness:
    """What has been measured so far, on `n` images; shares in [0, 1]."""

    n: int
    clean: float | None = None  # the accuracy on the images as they are
    curves: dict[str, tuple[float, ...]] = field(default_factory=dict)  # a sweep's accuracies, one a value
    table: dict[str, tuple[float, ...]] = field(default_factory=dict)  # a corruption's accuracies, one a strength

    def __repr__(self) -> str:
        return f"<Robustness on {self.n:,} images: {self.n_done} of {N_MEASURED} measured>"

    @property
    def n_done(self) -> int:
        """How many kinds and strengths have been measured."""
        many = [*self.curves.values(), *self.table.values()]
        return sum(len(each) for each in many) + (self.clean is not None)

    @property
    def share(self) -> float:
        """How much of it is done, in [0, 1]."""
        return self.n_done / N_MEASURED

    @property
    def mean(self) -> float | None:
        """The mean accuracy over all corruptions and strengths; None before all are measured."""
        rows = [row for row in self.table.values() if len(row) == N_STRENGTHS]
        return float(np.mean(rows)) if len(rows) == len(CORRUPTIONS) else None

    def to_json(self) -> dict[str, Any]:
        """All of it, with how each corruption is made."""
        clean = None if self.clean is None else Share(round(self.clean * self.n), self.n)
        return {
            "n": self.n,
            "clean_accuracy": self.clean,
            "clean_interval": None if clean is None else list(clean.interval),
            "curves": {
                each.name: {
                    "unit": each.unit,
                    "values": list(each.values),
                    "accuracy": list(self.curves.get(each.name, ())),
                }
                for each in SWEEPS
            },
            "corruptions": {
                each.name: {
                    "made": each.made,
                    "strengths": list(each.strengths),
                    "accuracy": list(self.table.get(each.name, ())),
                }
                for each in CORRUPTIONS
            },
            "mean_corruption_accuracy": self.mean,
        }


N_MEASURED = 1 + sum(len(each.values) for each in SWEEPS) + N_STRENGTHS * len(CORRUPTIONS)


def measured(model: Network, images: Array, labels: Array) -> Iterator[Robustness]:
    """The robustness of a network on uint8 images (n, 28, 28), one more kind and strength at each turn."""
    found = Robustness(len(labels), _accuracy(lambda x, _s, _r: x, 0.0, (0, 0, 0), model, images, labels))
    yield found
    for kind, each in enumerate(SWEEPS):
        for at, value in enumerate(each.values):
            share = _accuracy(each.change, value, (1, kind, at), model, images, labels)
            found = replace(found, curves={**found.curves, each.name: (*found.curves.get(each.name, ()), share)})
            yield found
    for kind, spoilt in enumerate(CORRUPTIONS):
        for at, strength in enumerate(spoilt.strengths):
            share = _accuracy(spoilt.spoil, strength, (2, kind, at), model, images, labels)
            found = replace(found, table={**found.table, spoilt.name: (*found.table.get(spoilt.name, ()), share)})
            yield found


def spoilt_images(spoil: Spoil, strength: float, key: tuple[int, int, int], images: Array) -> Array:
    """uint8 images (n, 28, 28) spoilt; the same for the same key, whoever asks."""
    rng = np.random.default_rng((SEED, *key))
    parts = [images[start : start + PART] for start in range(0, len(images), PART)]
    return np.concatenate([as_bytes(spoil(as_floats(part), strength, rng)) for part in parts])


def measure(model: Network, images: Array, labels: Array, tell: Callable[[Robustness], object]) -> Robustness:
    """All of it; `tell` is called after each kind and strength."""
    found = Robustness(len(labels))
    for found in measured(model, images, labels):
        tell(found)
    return found


def _accuracy(
    spoil: Spoil, strength: float, key: tuple[int, int, int], model: Network, images: Array, labels: Array
) -> float:
    return float(np.mean(model.predict(spoilt_images(spoil, strength, key, images)) == labels))
