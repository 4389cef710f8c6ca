"""What training says about its own data: which images were hard, doubtful, forgotten, and which class came when.

It looks at the probability of the true label, one row for each scoring, as bytes: `to_bytes` and `from_bytes`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nn_core.machine.memory import Array

STEPS = 255  # of a probability as a byte: 0.004 apart


def to_bytes(probabilities: Array) -> Array:
    """Probabilities in [0, 1] as uint8, to the nearest of 256 steps; shape kept."""
    return np.rint(np.clip(probabilities, 0, 1) * STEPS).astype(np.uint8)


def from_bytes(kept: Array) -> Array:
    """float32 probabilities of what `to_bytes` gave."""
    return kept.astype(np.float32) / np.float32(STEPS)


@dataclass(frozen=True, eq=False)
class DataMap:
    """For each image (n,): mean and standard deviation of p(true label) over the scorings. Swayamdipta et al. 2020.

    High and steady: easy. Low and steady: hard, or labelled wrongly. Wide: ambiguous.
    """

    confidence: Array
    variability: Array

    def suspects(self, most: int | None = None) -> Array:
        """Images by falling suspicion, int64: the lowest mean first; of equal ones the first."""
        return np.argsort(self.confidence, kind="stable")[:most]

    def ranks(self) -> Array:
        """The place (n,) of each image among the suspects, from 0."""
        places = np.empty(len(self.confidence), np.int64)
        places[self.suspects()] = np.arange(len(places))
        return places


def data_map(scorings: Array) -> DataMap:
    """The map of uint8 scorings (n_scorings, n_images); a row is an equal part of the training. ValueError for none."""
    if not len(scorings):
        raise ValueError("a data map needs at least one scoring, got none")
    p = from_bytes(scorings)
    return DataMap(p.mean(axis=0), p.std(axis=0))


def forgotten(right: Array) -> Array:
    """How often each image was forgotten, int64 (n_images,): right at one scoring, wrong at the next.

    right bool (n_scorings, n_images). Toneva et al. 2019; they look at every mini-batch. An image that was never right
    counts 0 here, see `never_learned`.
    """
    return (right[:-1] & ~right[1:]).sum(axis=0)


def never_learned(right: Array) -> Array:
    """Which images (n_images,) were wrong at every scoring, bool."""
    return np.asarray(~right.any(axis=0))


def learning_order(class_accuracies: Array, threshold: float = 0.8) -> list[tuple[int, int | None]]:
    """(class, index of the scoring from which on it stays at the threshold) by that index, the late and never last.

    class_accuracies (n_scorings, n_classes) in [0, 1], nan where a class had no images.
    """
    below = ~(class_accuracies >= threshold)
    found: list[tuple[int, int | None]] = []
    for label in range(class_accuracies.shape[1]):
        last_below = int(np.flatnonzero(below[:, label])[-1]) if below[:, label].any() else -1
        found.append((label, last_below + 1 if last_below + 1 < len(class_accuracies) else None))
    return sorted(found, key=lambda each: (each[1] is None, each[1] or 0, each[0]))


def class_accuracies(confusion: Array) -> Array:
    """float64 (..., n_classes) of confusion matrices (..., n_classes, n_classes): each row's share on the diagonal.

    nan where a class has no images.
    """
    counts = confusion.sum(axis=-1)
    hits = np.diagonal(confusion, axis1=-2, axis2=-1).astype(np.float64)
    return np.divide(hits, counts, out=np.full(counts.shape, np.nan), where=counts > 0)
