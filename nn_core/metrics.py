"""How well predictions fit the labels: accuracy, the confusion matrix, and the scores of each class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


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
