"""How well predictions fit the labels: accuracy, the confusion matrix, and the scores of each class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nn_core.machine.memory import Array


def accuracy(labels: Array, predictions: Array) -> float:
    """The share of predictions (n,) that equal their labels (n,), in [0, 1]; nan for none."""
    return float(np.mean(labels == predictions)) if len(labels) else float("nan")


def confusion_matrix(labels: Array, predictions: Array, n_classes: int = 10) -> Array:
    """Counts int64 (n_classes, n_classes): row = true class, column = predicted class; the sum is len(labels)."""
    cells = labels.astype(np.int64) * n_classes + predictions
    return np.bincount(cells, minlength=n_classes * n_classes).reshape(n_classes, n_classes)


@dataclass(frozen=True)
class ClassScores:
    """Per class, float64 (n_classes,): precision, recall and F1 in [0, 1] (0 where undefined), and support (counts)."""

    precision: Array
    recall: Array
    f1: Array
    support: Array

    @property
    def present(self) -> Array:
        """The classes int64 that have images: the others have no scores, not bad ones."""
        return np.flatnonzero(self.support)

    @property
    def hardest(self) -> int:
        """The class with the lowest F1, of those that have images."""
        return int(self.present[self.f1[self.present].argmin()])

    @property
    def mean_f1(self) -> float:
        """The mean F1 of the classes that have images."""
        return float(self.f1[self.present].mean())


def class_scores(confusion: Array) -> ClassScores:
    """The scores of each class from a confusion matrix (van Rijsbergen 1979: F1 is the harmonic mean)."""
    hits = np.diag(confusion).astype(np.float64)
    support = confusion.sum(axis=1)
    predicted = confusion.sum(axis=0)
    precision = np.divide(hits, predicted, out=np.zeros_like(hits), where=predicted > 0)
    recall = np.divide(hits, support, out=np.zeros_like(hits), where=support > 0)
    both = precision + recall
    f1 = np.divide(2 * precision * recall, both, out=np.zeros_like(hits), where=both > 0)
    return ClassScores(precision, recall, f1, support)


def most_common_confusion(confusion: Array) -> tuple[int, int] | None:
    """The cell off the diagonal with the most images, as (true class, read as); None where nothing is read wrongly."""
    errors = confusion * ~np.eye(len(confusion), dtype=bool)
    if not errors.any():
        return None
    true, read_as = np.unravel_index(int(errors.argmax()), errors.shape)
    return int(true), int(read_as)


def cell_images(labels: Array, probabilities: Array, true: int, read_as: int) -> Array:
    """The indices int64 of the images of class `true` that are read as `read_as`, the most confident first.

    `probabilities` is float32 (n_images, n_classes); confidence is the probability of `read_as`.
    """
    members = np.flatnonzero((labels == true) & (probabilities.argmax(axis=1) == read_as))
    return members[np.argsort(-probabilities[members, read_as], kind="stable")]
